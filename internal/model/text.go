package model

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// visible reports whether a character has a place of its own when a text is
// shown: letters, marks, digits, punctuation, symbols and spaces. Control and
// format characters (bidirectional controls, zero-width characters, tags),
// line separators, noncharacters, private-use and unassigned characters have
// none, nor have letters and marks that Unicode says are not displayed.
func visible(r rune) bool {
	return unicode.IsGraphic(r) && r != brailleBlank &&
		!unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

const (
	brailleBlank    = '\u2800' // a symbol without a dot
	nonJoiner       = '\u200c'
	joiner          = '\u200d'
	textPicture     = '\ufe0e' // variation selectors of emoji
	colorPicture    = '\ufe0f'
	enclosingKeycap = '\u20e3'
)

// joinedScripts are written with joiners between letters.
var joinedScripts = []*unicode.RangeTable{
	unicode.Arabic, unicode.Syriac, unicode.Devanagari, unicode.Bengali, unicode.Gurmukhi, unicode.Gujarati, unicode.Oriya,
	unicode.Tamil, unicode.Telugu, unicode.Kannada, unicode.Malayalam, unicode.Sinhala, unicode.Khmer, unicode.Inherited,
}

// joins reports whether an invisible character means something between two
// others: it selects the picture of an emoji, joins emoji into one, or joins
// or parts letters of a script that needs that.
func joins(before, r, after rune) bool {
	picture := func(r rune) bool { return unicode.In(r, unicode.So, unicode.Sk) }
	switch r {
	case textPicture, colorPicture:
		return unicode.In(before, unicode.So, unicode.Sm, unicode.Po) && before > unicode.MaxLatin1 ||
			after == enclosingKeycap && before <= unicode.MaxASCII && visible(before)
	case joiner:
		if (picture(before) || before == colorPicture) && unicode.In(after, unicode.So, unicode.Sm) {
			return true
		}
		fallthrough
	case nonJoiner:
		return unicode.In(before, joinedScripts...) && unicode.In(after, joinedScripts...) &&
			before != joiner && before != nonJoiner && after != joiner && after != nonJoiner
	}
	return false
}

// Clean replaces what cannot be shown in one line by the replacement character
// (U+FFFD): what is no UTF-8, controls and invisible characters, and whatever
// would turn a text around. The service shows no text of another program's, and
// repeats none of a caller's, without it or CleanLines.
func Clean(s string) string { return clean(s, "", unicode.ReplacementChar) }

// CleanLines is Clean for texts of several lines.
func CleanLines(s string) string { return clean(s, "\n\t", unicode.ReplacementChar) }

func clean(s, allowed string, instead rune) string {
	if plain(s) {
		return s
	}
	s = strings.ToValidUTF8(s, string(instead))
	var b strings.Builder
	b.Grow(len(s))
	eachRune(s, func(before, r, after rune) bool {
		if !visible(r) && !strings.ContainsRune(allowed, r) && !joins(before, r, after) {
			r = instead
		}
		b.WriteRune(r)
		return true
	})
	return b.String()
}

// EscapeXML writes what cannot be shown in an XML document as character
// references, so that the document can be read, stays the same to a parser, and
// shows what it has.
func EscapeXML(doc string) string {
	doc = strings.ToValidUTF8(doc, string(unicode.ReplacementChar))
	var b strings.Builder
	b.Grow(len(doc))
	for _, r := range doc {
		switch {
		case visible(r), r == '\n', r == '\t':
			b.WriteRune(r)
		case r == 0:
			b.WriteRune(unicode.ReplacementChar) // XML has none
		default:
			fmt.Fprintf(&b, "&#x%X;", r)
		}
	}
	return b.String()
}

// plain reports whether a text has only the visible characters of ASCII, as
// nearly all do.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// eachRune calls fn with each character and its neighbors, 0 at the ends, until
// it returns false.
func eachRune(s string, fn func(before, r, after rune) bool) {
	before := rune(0)
	for i, r := range s {
		after := rune(0)
		if next := i + utf8.RuneLen(r); next > i && next < len(s) {
			after, _ = utf8.DecodeRuneInString(s[next:])
		}
		if !fn(before, r, after) {
			return
		}
		before = r
	}
}

// Printable makes a caller's word fit into a sentence: not too long, and with a
// question mark for what Clean replaces.
func Printable(word string) string { return PrintableUpTo(word, 64) }

// PrintableUpTo is the same with at most this many characters, and "…".
func PrintableUpTo(word string, most int) string {
	word = clean(word, "", '?')
	if runes := []rune(word); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return word
}

func validateLine(what, s string) error { return validateText(what, s, "") }

// validateText refuses what cannot be shown, other than the characters in
// allowed. XML 1.0 can carry all of the rest (section 2.2, Char).
func validateText(what, s, allowed string) error {
	if !utf8.ValidString(s) {
		return invalid("The %s is not valid UTF-8.", what)
	}
	var fault error
	eachRune(s, func(before, r, after rune) bool {
		switch {
		case visible(r), strings.ContainsRune(allowed, r), joins(before, r, after):
		case unicode.IsControl(r):
			fault = invalid("The %s contains a control character.", what)
		default:
			fault = invalid("The %s contains the character U+%04X, which cannot be stored or shown. Remove it.", what, r)
		}
		return fault == nil
	})
	return fault
}

// validateName is validateLine for names, by which objects and files are told
// apart: two names that look the same are the same. The only space in a name is
// that of ASCII.
func validateName(what, s string) error {
	if err := validateLine(what, s); err != nil {
		return err
	}
	first, _ := utf8.DecodeRuneInString(s)
	if unicode.IsMark(first) {
		return invalid("The %s cannot begin with a mark that belongs to a letter before it.", what)
	}
	for _, r := range s {
		switch {
		case !visible(r):
			return invalid("The %s contains the invisible character U+%04X. Remove it.", what, r)
		case r != ' ' && unicode.Is(unicode.Zs, r):
			return invalid("The %s contains the space U+%04X. Use an ordinary one.", what, r)
		}
	}
	return nil
}
