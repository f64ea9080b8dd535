package domainxml

import (
	"strings"
	"testing"
)

func TestVariablesGetAnotherFile(t *testing.T) {
	t.Parallel()
	for _, nvram := range []string{
		"<nvram template='/t' format='qcow2'>/old &amp; it</nvram>",
		"<nvram type='file' format='qcow2'><source file='/old &amp; it'/></nvram>",
	} {
		doc := "<domain><os firmware='efi'>" + nvram + "</os></domain>"
		if got, err := Variables(doc); got != "/old & it" || err != nil {
			t.Errorf("%s is %q (%v)", nvram, got, err)
		}
		next, err := SetVariables(doc, "/new & it")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Variables(next); got != "/new & it" || err != nil || strings.Contains(next, "old") || !strings.Contains(next, "qcow2") {
			t.Errorf("%s became %s (%v)", nvram, next, err)
		}
	}
	if got, err := Variables("<domain><os/></domain>"); got != "" || err != nil {
		t.Errorf("without: %q (%v)", got, err)
	}
}
