package model

import (
	"strings"
	"unicode"
)

// Printable makes a caller's word fit into a sentence: without what cannot be
// seen, or would turn the sentence around, and not too long.
func Printable(word string) string { return PrintableUpTo(word, 64) }

// PrintableUpTo is the same with at most this many characters, and "…".
func PrintableUpTo(word string, most int) string {
	word = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(word, "?"))
	if runes := []rune(word); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return word
}
