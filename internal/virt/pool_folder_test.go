package virt

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestWhoElseCanChangeTheWay: a link of another user, and each folder in which
// others than root can replace what leads on.
func TestWhoElseCanChangeTheWay(t *testing.T) {
	t.Parallel()
	dir := realTemp(t)
	in := func(name string) string { return filepath.Join(dir, name) }
	for _, folder := range []string{"roots", "users/roots", "group", "sticky/roots", "sticky/users"} {
		if err := os.MkdirAll(in(folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"link": "roots", "users-link": "roots", "users/out": "../roots"} {
		if err := os.Symlink(to, in(link)); err != nil {
			t.Fatal(err)
		}
	}
	p := newProber(nil)
	p.stat = func(path string) (unix.Statx_t, error) {
		st, err := statSynced(path)
		st.Uid = 0
		if strings.HasPrefix(filepath.Base(path), "users") {
			st.Uid = 1000
		}
		if st.Mode&unix.S_IFMT == unix.S_IFDIR {
			st.Mode = unix.S_IFDIR | 0o755
			switch filepath.Base(path) {
			case "group":
				st.Mode |= 0o020
			case "sticky":
				st.Mode |= unix.S_ISVTX | 0o022
			}
		}
		return st, err
	}
	for name, want := range map[string]struct{ weak, link string }{
		"roots":        {},
		"roots/x":      {},
		"link":         {},
		"users":        {}, // who owns the last folder is its own matter
		"users/roots":  {weak: "users"},
		"group":        {},
		"sticky/roots": {},
		"sticky/users": {weak: "sticky"},
		"users-link":   {link: "users-link"},
		"users/out":    {weak: "users"},
	} {
		if name == "roots/x" {
			if err := os.WriteFile(in(name), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		info, err := p.probe(t.Context(), in(name))
		below := func(name string) string {
			if name == "" {
				return ""
			}
			return in(name)
		}
		if err != nil || info.weak != below(want.weak) || info.link != below(want.link) {
			t.Errorf("%s: changed in %q, by the link %q, %v; want %+v", name, info.weak, info.link, err, want)
		}
	}
}

func TestPoolFolderWords(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		folder poolFolder
		safe   bool
		says   string
	}{
		{poolFolder{path: "/a"}, true, ""},
		{poolFolder{path: "/a/b", weak: "/a"}, false, "change the folder “/a” of"},
		{poolFolder{path: "/home/x/b", hidden: true}, false, "hidden"},
		{poolFolder{path: "/home/x", weak: "/home/x"}, false, "“/home/x”"},
	} {
		words := test.folder.words("p")
		if test.folder.safe() != test.safe || (words == "") != test.safe || !strings.Contains(words, test.says) {
			t.Errorf("%+v is safe: %v, %q", test.folder, test.folder.safe(), words)
		}
	}
}
