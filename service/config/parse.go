package config

import (
	"strings"
	"unicode/utf8"
)

// section is one [Kind Name] with its settings.
type section struct {
	kind, name string
	line       int
	settings   []setting
}

type setting struct {
	key, value string
	line       int
}

// title is the section's header as it is written.
func (s section) title() string {
	if s.name == "" {
		return "[" + s.kind + "]"
	}
	return "[" + s.kind + " " + s.name + "]"
}

// report takes a problem of one line.
type report func(line int, format string, args ...any)

// parse reads the lines of one file. The unit file parser of go-systemd counts
// no lines and stops at the first mistake.
func parse(text string, problem report) []section {
	var sections []section
	lost := false // inside a section whose header is bad: it has been reported
	for i, raw := range strings.Split(text, "\n") {
		n, line := i+1, strings.TrimSpace(raw)
		switch {
		case line == "" || line[0] == '#' || line[0] == ';':
		case !utf8.ValidString(line) || strings.ContainsRune(line, 0):
			problem(n, "the line is not text in UTF-8")
		case line[0] == '[':
			s, ok := header(line)
			lost = !ok
			if !ok {
				problem(n, "the section header %q is not of the form [Service] or [Host ID]; its settings are ignored", line)
				continue
			}
			s.line = n
			sections = append(sections, s)
		case lost:
		case len(sections) == 0:
			problem(n, "the setting is before the first section header")
		default:
			key, value, ok := strings.Cut(line, "=")
			if key = strings.TrimSpace(key); !ok || key == "" {
				problem(n, "the line is not of the form Key=Value")
				continue
			}
			last := &sections[len(sections)-1]
			last.settings = append(last.settings, setting{key, strings.TrimSpace(value), n})
		}
	}
	return sections
}

// header reads [Kind] or [Kind Name].
func header(line string) (section, bool) {
	inner, closed := strings.CutSuffix(line[1:], "]")
	words := strings.Fields(inner)
	switch {
	case !closed || strings.ContainsAny(inner, "[]"):
		return section{}, false
	case len(words) == 1 && words[0] == serviceSection:
		return section{kind: words[0]}, true
	case len(words) == 2 && words[0] == hostSection:
		return section{kind: words[0], name: words[1]}, true
	default:
		return section{}, false
	}
}
