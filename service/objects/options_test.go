package objects_test

import (
	"strings"
	"testing"
	"unicode"
)

func TestACallersWordsAreSafeToRepeat(t *testing.T) {
	t.Parallel()
	w := newWorld(t).withHost()
	for _, word := range []string{"a\nb", "\x1b[31m", "\u009b31m", "\u0085", "\x7f", strings.Repeat("é", 5000)} {
		for what, err := range map[string]error{
			"a name":    w.call("/org/kvmmanager/hosts/local", "Host.FindVM", word, none()).Err,
			"an option": w.call("/org/kvmmanager/hosts/local", "Host.ListVMs", opts(word, true)).Err,
		} {
			if err == nil {
				t.Errorf("%s %q is known", what, word)
			} else if text := err.Error(); strings.ContainsFunc(text, unicode.IsControl) || len(text) > 1000 {
				t.Errorf("%s %q is answered with %q", what, word, text)
			}
		}
	}
}
