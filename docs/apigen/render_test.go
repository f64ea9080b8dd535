package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	api "org.kvmmanager/dbus"
)

func TestTheReferenceIsUpToDate(t *testing.T) {
	t.Parallel()
	want, err := reference(api.XML())
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../API.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("docs/API.md is not what the XML says; run: go generate ./docs/apigen")
	}
}

func TestRunWritesTheReferenceToTheFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "API.md")
	if err := run(file); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(page), "### VM.Start\n\nMethod `Start(options a{sv}) → job o`, since 1\n") {
		t.Errorf("the page lacks VM.Start, or: %v", err)
	}
}

func TestAnchorsAreUnique(t *testing.T) {
	t.Parallel()
	page, err := reference(api.XML())
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	l := links{}
	for _, line := range strings.Split(page, "\n") {
		if title := strings.TrimLeft(line, "#"); title != line && strings.HasPrefix(title, " ") {
			title = strings.TrimSpace(title)
			l.add(title)
			if seen[l[title]] {
				t.Errorf("two titles have the anchor of %q", title)
			}
			seen[l[title]] = true
		}
	}
	if len(seen) < 100 {
		t.Errorf("the page has only %d titles", len(seen))
	}
}

func TestLinksLeadToTitles(t *testing.T) {
	t.Parallel()
	l := links{}
	l.add("VM.Start")
	l.add("Device records")
	tests := []struct{ name, text, want string }{
		{"a member", "see [VM.Start].", "see [VM.Start](#vmstart)."},
		{"a section", "[Device records] of", "[Device records](#device-records) of"},
		{"code", "`a[VM]`", "`a[VM]`"},
		{"a link to a file", "[Scripting](SCRIPTING.md)", "[Scripting](SCRIPTING.md)"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got, err := l.resolve(test.text); err != nil || got != test.want {
				t.Errorf("got %q, %v; want %q", got, err, test.want)
			}
		})
	}
	if _, err := l.resolve("[VM.Strat]"); err == nil || !strings.Contains(err.Error(), "VM.Strat") {
		t.Errorf("a mention of nothing: got error %v", err)
	}
}
