package input

import "strings"

// shortNames are what people write for keys that Linux calls otherwise.
var shortNames = map[string]string{
	"CTRL": "LEFTCTRL", "CONTROL": "LEFTCTRL", "ALT": "LEFTALT", "SHIFT": "LEFTSHIFT", "ALTGR": "RIGHTALT",
	"SUPER": "LEFTMETA", "WIN": "LEFTMETA", "META": "LEFTMETA", "DEL": "DELETE", "INS": "INSERT", "RETURN": "ENTER",
	"ESCAPE": "ESC", "PRINT": "SYSRQ", "PRINTSCREEN": "SYSRQ", "PGUP": "PAGEUP", "PGDN": "PAGEDOWN", "BREAK": "PAUSE",
}

// Parse reads keys as people write them, such as Ctrl+Alt+F2, and gives Linux's
// names. It is false when there is none, or one that is not known.
func Parse(text string) (names []string, known bool) {
	for _, word := range strings.Split(text, "+") {
		word = strings.ToUpper(strings.TrimSpace(word))
		if name, short := shortNames[word]; short {
			word = name
		}
		key, ok := ByName("KEY_" + strings.TrimPrefix(word, "KEY_"))
		if !ok {
			return nil, false
		}
		names = append(names, key.Name)
	}
	return names, true
}
