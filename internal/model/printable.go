package model

import (
	"strings"
	"unicode"
)

// Printable makes a caller's word fit into a sentence: without what cannot be
// seen, or would turn the sentence around, and not too long.
func Printable(word string) string {
	const most = 64 // characters
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
