package model

import (
	"strings"
	"testing"
)

// validation is a row of the tables: what is wrong with a value, in a word of
// the error, or nothing.
type validation struct {
	name, value, wrong string
}

func (tt *validation) run(t *testing.T, validate func(string) error) {
	t.Run(tt.name, func(t *testing.T) {
		t.Parallel()
		check(t, validate(tt.value), tt.wrong)
	})
}

// check wants no error for an empty word, and a sentence with the word else.
func check(t *testing.T, err error, wrong string) {
	t.Helper()
	switch {
	case wrong == "" && err != nil:
		t.Errorf("refused: %v", err)
	case wrong == "":
	case err == nil:
		t.Errorf("accepted, want an error about %q", wrong)
	case !strings.Contains(err.Error(), wrong) || !strings.HasSuffix(err.Error(), "."):
		t.Errorf("got %q, want a sentence about %q", err, wrong)
	}
}

func TestValidateVMName(t *testing.T) {
	t.Parallel()
	for _, tt := range []validation{
		{"plain", "web-1", ""},
		{"with spaces, accents and emoji", "Bücher für Zoë 📚", ""},
		{"hidden", ".hidden", ""},
		{"like an option", "-rf", ""},
		{"a number", "42", ""},
		{"as long as allowed", strings.Repeat("x", MaxVMName), ""},
		{"too long", strings.Repeat("x", MaxVMName+1), "too long"},
		{"too long in bytes", strings.Repeat("ü", MaxVMName/2+1), "too long"},
		{"empty", "", "empty"},
		{"this folder", ".", "called"},
		{"the folder above", "..", "called"},
		{"a path", "a/b", "slash"},
		{"a space before", " a", "space"},
		{"a space behind", "a ", "space"},
		{"only a space", " ", "space"},
		{"two lines", "a\nb", "control"},
		{"a tab", "a\tb", "control"},
		{"a null byte", "a\x00b", "control"},
		{"a delete character", "a\x7fb", "control"},
		{"a C1 control character", "a\u0085b", "control"},
		{"no UTF-8", "a\xffb", "UTF-8"},
		{"a noncharacter", "a\ufffeb", "stored"},
	} {
		tt.run(t, ValidateVMName)
	}
}

func TestValidateTitle(t *testing.T) {
	t.Parallel()
	for _, tt := range []validation{
		{"empty", "", ""},
		{"a line", "The web server / “front” <1>", ""},
		{"two lines", "a\nb", "control"},
		{"a tab", "a\tb", "control"},
		{"as long as allowed", strings.Repeat("x", MaxTitle), ""},
		{"too long", strings.Repeat("x", MaxTitle+1), "too long"},
		{"no UTF-8", "\xc3", "UTF-8"},
	} {
		tt.run(t, ValidateTitle)
	}
}

func TestValidateDescription(t *testing.T) {
	t.Parallel()
	for _, tt := range []validation{
		{"empty", "", ""},
		{"lines and tabs", "a\n\tb\n", ""},
		{"a carriage return, which XML does not keep", "a\r\nb", "control"},
		{"an escape sequence", "\x1b[31m", "control"},
		{"a null byte", "\x00", "control"},
		{"a surrogate in UTF-8", "\xed\xa0\x80", "UTF-8"},
		{"a noncharacter", "\uffff", "stored"},
		{"as long as allowed", strings.Repeat("x", MaxDescription), ""},
		{"too long", strings.Repeat("x", MaxDescription+1), "too long"},
	} {
		tt.run(t, ValidateDescription)
	}
}

func TestValidateTags(t *testing.T) {
	t.Parallel()
	many := make([]string, MaxTags+1)
	for i := range many {
		many[i] = strings.Repeat("x", i+1)
	}
	for _, tt := range []struct {
		name  string
		tags  []string
		wrong string
	}{
		{"none", nil, ""},
		{"two", []string{"web", "Größe: L"}, ""},
		{"the same in another case", []string{"web", "Web"}, ""},
		{"as many and long as allowed", many[:MaxTags], ""},
		{"too many", many, "too many"},
		{"too long", []string{strings.Repeat("x", MaxTag+1)}, "too long"},
		{"empty", []string{""}, "empty"},
		{"twice", []string{"a", "b", "a"}, "twice"},
		{"a comma", []string{"a,b"}, "comma"},
		{"a space before", []string{" a"}, "space"},
		{"a newline", []string{"a\nb"}, "control"},
		{"no UTF-8", []string{"\xff"}, "UTF-8"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			check(t, ValidateTags(tt.tags), tt.wrong)
		})
	}
}

func TestUUIDs(t *testing.T) {
	t.Parallel()
	const id = "01234567-89ab-cdef-0123-456789abcdef"
	for _, tt := range []struct{ value, parsed, valid string }{
		{id, id, ""},
		{strings.ToUpper(id), id, "form"},
		{strings.ReplaceAll(id, "-", ""), id, "form"},
		{"0123-456789abcdef-0123456789abcdef", id, "form"},
		{id[1:], "", "form"},
		{id + "0", "", "form"},
		{"g" + id[1:], "", "form"},
		{"{" + id + "}", "", "form"},
		{"", "", "form"},
	} {
		got, err := ParseUUID(tt.value)
		if got != tt.parsed || (err == nil) != (tt.parsed != "") {
			t.Errorf("ParseUUID(%q) is %q and %v", tt.value, got, err)
		}
		check(t, ValidateUUID(tt.value), tt.valid)
	}
}
