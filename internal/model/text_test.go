package model

import (
	"encoding/xml"
	"strings"
	"testing"
	"unicode"
)

// hidden is a character of each kind that cannot be shown.
var hidden = map[string]rune{
	"NUL": 0, "escape": 0x1b, "delete": 0x7f, "C1 control": 0x9b, "carriage return": '\r',
	"soft hyphen": 0xad, "combining grapheme joiner": 0x34f, "Arabic letter mark": 0x61c,
	"Hangul filler": 0x115f, "Hangul letter filler": 0x3164, "halfwidth filler": 0xffa0, "Khmer inherent vowel": 0x17b4,
	"Mongolian separator": 0x180e, "Mongolian variation": 0x180b,
	"zero-width space": 0x200b, "non-joiner": 0x200c, "joiner": 0x200d, "left-to-right mark": 0x200e, "right-to-left mark": 0x200f,
	"line separator": 0x2028, "paragraph separator": 0x2029,
	"embedding": 0x202a, "override": 0x202e, "pop": 0x202c, "isolate": 0x2066, "pop isolate": 0x2069,
	"word joiner": 0x2060, "invisible times": 0x2062, "unassigned format": 0x2065, "deprecated format": 0x206a,
	"braille blank": 0x2800, "variation selector": 0xfe00, "byte order mark": 0xfeff, "annotation": 0xfff9,
	"noncharacter": 0xfdd0, "last noncharacter of a block": 0xfdef, "noncharacter FFFE": 0xfffe, "noncharacter of a plane": 0x1ffff, "last code point": 0x10ffff,
	"private use": 0xe000, "private plane": 0xf0000, "tag": 0xe0041, "cancel tag": 0xe007f, "variation supplement": 0xe0100,
	"shorthand format": 0x1bca0, "musical format": 0x1d173, "unassigned": 0x378, "unassigned plane": 0x50000,
}

func TestWhatCannotBeShownIsRefusedInEveryText(t *testing.T) {
	t.Parallel()
	for name, r := range hidden {
		text := "a" + string(r) + "b"
		for what, err := range map[string]error{
			"VM name": ValidateVMName(text), "title": ValidateTitle(text), "description": ValidateDescription(text),
			"tag": ValidateTags([]string{text}), "snapshot": ValidateSnapshotName(text), "volume": ValidateVolumeName(text),
			"pool": ValidatePoolName(text), "network": ValidateNetworkName(text), "device": ValidateDeviceValue("key", text),
		} {
			if err == nil {
				t.Errorf("%s: a %s can have it", name, what)
			} else if Clean(err.Error()) != err.Error() {
				t.Errorf("%s: the sentence about a %s repeats it", name, what)
			}
		}
		if got := Clean(text); got != "a\uFFFDb" {
			t.Errorf("%s: cleaned to %q", name, got)
		}
		if got := CleanLines(text); got != "a\uFFFDb" {
			t.Errorf("%s: cleaned to %q, as lines", name, got)
		}
		if got := Printable(text); got != "a?b" {
			t.Errorf("%s: printed as %q", name, got)
		}
	}
	for _, invalid := range []string{"a\xff", "\xed\xa0\x80", "a\xc0\xafb", "\xf4\x90\x80\x80"} {
		if ValidateTitle(invalid) == nil || ValidateVMName(invalid) == nil {
			t.Errorf("%q is taken", invalid)
		}
		if got := Clean(invalid); strings.ToValidUTF8(got, "") != got {
			t.Errorf("%q is cleaned to %q", invalid, got)
		}
	}
}

func TestEveryScriptCanBeWritten(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"Größe – 100 %", "Сервер", "サーバー　１", "서버", "服务器", "שרת", "خادم", "می\u200cخواهم", "क\u094d\u200dष", "เซิร์ฟเวอร์",
		"👩\u200d👩\u200d👧", "❤\ufe0f", "1\ufe0f\u20e3", "👩🏽\u200d💻", "🇩🇪", "l’été : 5\u00a0€", "e\u0301",
	} {
		if err := ValidateTitle(text); err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if got := Clean(text); got != text {
			t.Errorf("%q is cleaned to %q", text, got)
		}
	}
	for _, text := range []string{"a\u200db", "a\ufe0fb", "👩\u200d", "\u200d👩", "\u200c\u200c", "می\u200c\u200cخ", "1\ufe0f"} {
		if ValidateTitle(text) == nil || Clean(text) == text {
			t.Errorf("%q is taken", text)
		}
	}
}

func TestNamesThatLookTheSameAreRefused(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a\u00a0b", "a\u3000b", "a\u2003b", "\u0301a", "👩\u200d👩", "❤\ufe0f", "می\u200cخ"} {
		for what, err := range map[string]error{
			"VM": ValidateVMName(name), "tag": ValidateTags([]string{name}), "snapshot": ValidateSnapshotName(name),
			"volume": ValidateVolumeName(name), "pool": ValidatePoolName(name), "network": ValidateNetworkName(name),
		} {
			if err == nil {
				t.Errorf("a %s can be called %q", what, name)
			}
		}
	}
	for _, name := range []string{"web 1", "Größe", "サーバー", "e\u0301"} {
		if err := ValidateVMName(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add("a\u202eb\n\xff👩\u200d👩")
	f.Fuzz(func(t *testing.T, s string) {
		for _, got := range []string{Clean(s), CleanLines(s)} {
			for _, r := range got {
				if r >= 0xfdd0 && r <= 0xfdef || r&0xfffe == 0xfffe || unicode.Is(unicode.Bidi_Control, r) {
					t.Errorf("%q is cleaned to %q", s, got)
				}
			}
			if ValidateDescription(got) != nil {
				t.Errorf("%q is cleaned to %q, which a description cannot have", s, got)
			}
		}
	})
}

func TestXMLShowsWhatItHas(t *testing.T) {
	t.Parallel()
	doc := "<title>\n\ta \u202e\ufdd0é\u200d👩</title>"
	want := "<title>\n\ta &#x202E;&#xFDD0;é&#x200D;👩</title>"
	if got := EscapeXML(doc); got != want {
		t.Errorf("got %q", got)
	}
	var title string
	if err := xml.Unmarshal([]byte(EscapeXML(doc)), &title); err != nil || title != "\n\ta \u202e\ufdd0é\u200d👩" {
		t.Errorf("it is read as %q (%v)", title, err)
	}
}
