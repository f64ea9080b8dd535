package config

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Whatever is in a file: problems name lines that it has, and what is used is
// valid.
func FuzzLoad(f *testing.F) {
	for _, seed := range []string{
		"", "[Host demo]\nURI=test:///default\n", "[Service]\nLogLevel=debug\n", "[Host a]\nEnabled=no\r\n[Host", "[[Host a]]\n=\n",
		"URI=x\n[Host local]\nURI=\n", "[Host a]\nURI=qemu+ssh://u:p@h/system?command=x\n", "\x00\xff[Host a]",
	} {
		f.Add(seed)
	}
	file := filepath.Join(f.TempDir(), "kvmmanager.conf")
	paths := Paths{LocalURI: local}.WithFile(file)
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, problems := Load(paths)
		lines := strings.Count(text, "\n") + 1
		for _, p := range problems {
			if p.File != file || p.Line < 1 || p.Line > lines || strings.ContainsAny(p.String(), "\n\x00") {
				t.Errorf("the problem is %q, with %d lines", p, lines)
			}
		}
		seen := map[string]bool{}
		for _, h := range c.Hosts {
			if ValidateID(h.ID) != nil || ValidateURI(h.URI, false) != nil || h.Removable || seen[h.ID] {
				t.Errorf("the host is %+v", h)
			}
			seen[h.ID] = true
		}
	})
}

// What was added is read back as it was, and nothing else with it.
func FuzzState(f *testing.F) {
	f.Add("a", "qemu+ssh://host/system")
	f.Add("a]\n[Host b", "test:///default")
	f.Add("a", "test:///default\n[Host b]\nURI=test:///default")
	f.Add("a", "qemu:///system?command=x")
	f.Fuzz(func(t *testing.T, id, uri string) {
		if ValidateID(id) != nil || ValidateURI(uri, true) != nil {
			return
		}
		if ValidateURI(uri, false) != nil {
			t.Errorf("%q may come over the bus but not be in a file", uri)
		}
		want := map[string]string{id: uri}
		file := filepath.Join(t.TempDir(), "hosts.conf")
		if err := os.WriteFile(file, []byte(stateText(want)), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := readState(file, func(line int, format string, args ...any) {
			t.Errorf("line %d: "+format, append([]any{line}, args...)...)
		})
		if err != nil || !maps.Equal(got, want) {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	})
}
