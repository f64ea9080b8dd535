package input

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// guest notes what it gets.
type guest struct{ got []string }

func (g *guest) SendKey(k Key, keysym uint, pressed bool) {
	g.got = append(g.got, fmt.Sprintf("%s %d %t", strings.TrimPrefix(k.Name, "KEY_"), keysym, pressed))
}

func (g *guest) Pointer(buttons uint8, x, y int) {
	g.got = append(g.got, fmt.Sprintf("%d at %d,%d", buttons, x, y))
}

func (g *guest) Move(buttons uint8, dx, dy int) {
	g.got = append(g.got, fmt.Sprintf("%d by %d,%d", buttons, dx, dy))
}

func (g *guest) expect(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(g.got, want) {
		t.Errorf("the guest got %q, not %q", g.got, want)
	}
	g.got = nil
}

func key(t *testing.T, name string) Key {
	t.Helper()
	k, known := ByName("KEY_" + name)
	if !known {
		t.Fatalf("there is no key %s", name)
	}
	return k
}

func TestTheTableHasEachKeyOnce(t *testing.T) {
	names, codes, scancodes := map[string]bool{}, map[uint]bool{}, map[uint16]bool{}
	for _, k := range keys {
		if names[k.Name] || codes[k.Code] || scancodes[k.Scancode] {
			t.Errorf("%s is there twice, or a code of it is", k.Name)
		}
		names[k.Name], codes[k.Code], scancodes[k.Scancode] = true, true, true
		if low := k.Scancode & 0xff; low == 0 || low > 0x7f || k.Scancode>>8 != 0 && k.Scancode>>8 != 0xe0 {
			t.Errorf("%s has the scancode %#x", k.Name, k.Scancode)
		}
		if found, known := ByKeycode(k.Keycode()); !known || found != k {
			t.Errorf("%s is not found by its keycode", k.Name)
		}
	}
}

func TestTheReleaseCombination(t *testing.T) {
	ctrl, alt, a := key(t, "LEFTCTRL"), key(t, "LEFTALT"), key(t, "A")
	for name, c := range map[string]struct {
		down, up []Key
		released bool
	}{
		"both":           {[]Key{ctrl, alt}, []Key{alt}, true},
		"both, ctrl up":  {[]Key{ctrl, alt}, []Key{ctrl}, true},
		"one":            {[]Key{ctrl}, []Key{ctrl}, false},
		"a key between":  {[]Key{ctrl, a, alt}, []Key{alt}, false},
		"with a key":     {[]Key{ctrl, alt, a}, []Key{a}, false},
		"after a key":    {[]Key{a, ctrl, alt}, []Key{alt}, false},
		"in other order": {[]Key{alt, ctrl}, []Key{ctrl}, true},
	} {
		k := Keyboard{Release: []Key{ctrl, alt}}
		var g guest
		for _, d := range c.down {
			k.Press(&g, d, 0)
		}
		released := false
		for _, u := range c.up {
			released = k.Lift(&g, u)
		}
		if released != c.released {
			t.Errorf("%s: released is %t", name, released)
		}
	}
}

func TestNoKeyStaysDown(t *testing.T) {
	var k Keyboard
	var g guest
	k.Press(&g, key(t, "LEFTSHIFT"), 1)
	k.Press(&g, key(t, "A"), 'A')
	k.Press(&g, key(t, "A"), 'A') // repeats
	k.LiftAll(&g)
	g.expect(t, "LEFTSHIFT 1 true", "A 65 true", "A 65 true", "A 65 false", "LEFTSHIFT 1 false")
	if k.Lift(&g, key(t, "A")); len(g.got) > 0 {
		t.Errorf("a key that is up already is lifted: %q", g.got)
	}
}

func TestTypingALetterWithShiftIsACapital(t *testing.T) {
	var g guest
	Type(&g, []Key{key(t, "LEFTSHIFT"), key(t, "S")}, func(k Key) uint {
		if k.Name == "KEY_S" {
			return 's'
		}
		return 0
	})
	g.expect(t, "LEFTSHIFT 0 true", "S 83 true", "S 83 false", "LEFTSHIFT 0 false")
}

func TestParse(t *testing.T) {
	for text, want := range map[string][]string{
		"Ctrl+Alt+F2":     {"KEY_LEFTCTRL", "KEY_LEFTALT", "KEY_F2"},
		" ctrl + del ":    {"KEY_LEFTCTRL", "KEY_DELETE"},
		"KEY_A":           {"KEY_A"},
		"super+shift+s":   {"KEY_LEFTMETA", "KEY_LEFTSHIFT", "KEY_S"},
		"":                nil,
		"Ctrl+":           nil,
		"Ctrl+Nonsense":   nil,
		"print":           {"KEY_SYSRQ"},
		"altgr+backspace": {"KEY_RIGHTALT", "KEY_BACKSPACE"},
	} {
		names, known := Parse(text)
		if known != (want != nil) || !reflect.DeepEqual(names, want) {
			t.Errorf("%q is %q, %t", text, names, known)
		}
	}
}
