package config

import (
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// tree is a set of files below a folder of the test's own.
type tree struct {
	root  string
	paths Paths
}

// newTree writes files by their names below the root: etc, run and lib are the
// folders of the configuration, state is the service's own.
func newTree(t *testing.T, files map[string]string) tree {
	t.Helper()
	root := t.TempDir()
	in := func(name string) string { return filepath.Join(root, name) }
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(in(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(in(name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return tree{root, inFolders(in("state"), "qemu:///system", in("etc"), in("run"), in("lib"))}
}

// load gives the URIs by id, and the problems with short names of files.
func (tr tree) load() (hosts map[string]string, problems []string) {
	c, found := Load(tr.paths)
	hosts = map[string]string{}
	for _, h := range c.Hosts {
		hosts[h.ID] = h.URI
	}
	for _, p := range found {
		problems = append(problems, strings.TrimPrefix(p.String(), tr.root+"/"))
	}
	return hosts, problems
}

const (
	local  = "qemu:///system"
	dropIn = "kvmmanager.conf.d/"
)

func TestLoad(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		files    map[string]string
		hosts    map[string]string
		problems []string
	}{
		"no file at all: the local host": {
			nil, map[string]string{"local": local}, nil,
		},
		"a host beside it, with comments and blanks": {
			map[string]string{"etc/kvmmanager.conf": "# one\n; two\n\n [Host demo] \r\n URI = test:///default \r\n"},
			map[string]string{"local": local, "demo": "test:///default"},
			nil,
		},
		"the local host elsewhere": {
			map[string]string{"etc/kvmmanager.conf": "[Host local]\nURI=qemu:///session\n"},
			map[string]string{"local": "qemu:///session"},
			nil,
		},
		"the local host switched off": {
			map[string]string{"etc/kvmmanager.conf": "[Host local]\nEnabled=no\n"},
			map[string]string{},
			nil,
		},
		"an empty value takes a setting back": {
			map[string]string{
				"etc/kvmmanager.conf":             "[Host local]\nURI=test:///default\nEnabled=no\n[Host demo]\nURI=test:///default\n",
				"etc/" + dropIn + "10-reset.conf": "[Host local]\nURI=\nEnabled=\n[Host demo]\nURI=\n",
			},
			map[string]string{"local": local},
			[]string{"etc/kvmmanager.conf:4: [Host demo] has no URI; the host is left out"},
		},
		"the main file in /etc is read instead of the distribution's": {
			map[string]string{
				"lib/kvmmanager.conf": "[Host lib]\nURI=test:///default\n",
				"etc/kvmmanager.conf": "[Host etc]\nURI=test:///default\n",
			},
			map[string]string{"local": local, "etc": "test:///default"},
			nil,
		},
		"drop-ins are read by name, wherever they are, after the main file": {
			map[string]string{
				"etc/" + dropIn + "10-a.conf": "[Host demo]\nURI=qemu://a/system\n",
				"lib/" + dropIn + "20-b.conf": "[Host demo]\nURI=qemu://b/system\n",
				"etc/kvmmanager.conf":         "[Host demo]\nURI=qemu://main/system\n",
			},
			map[string]string{"local": local, "demo": "qemu://b/system"},
			nil,
		},
		"a drop-in masks one of the same name": {
			map[string]string{
				"lib/" + dropIn + "10-a.conf": "[Host lib]\nURI=test:///default\n",
				"run/" + dropIn + "10-a.conf": "[Host run]\nURI=test:///default\n",
				"lib/" + dropIn + "20-b.conf": "[Host masked]\nURI=test:///default\n",
				"etc/" + dropIn + "20-b.conf": "",
			},
			map[string]string{"local": local, "run": "test:///default"},
			nil,
		},
		"only names that end in .conf are drop-ins": {
			map[string]string{
				"etc/" + dropIn + "README":         "nonsense",
				"etc/" + dropIn + "10-a.conf~":     "nonsense",
				"etc/" + dropIn + ".10-a.conf":     "nonsense",
				"etc/" + dropIn + "10-a.conf.save": "nonsense",
			},
			map[string]string{"local": local},
			nil,
		},
		"bad lines are named, and the rest is used": {
			map[string]string{"etc/kvmmanager.conf": strings.Join([]string{
				"URI=early",
				"[Host demo]",
				"Foo=1",
				"URI=test:///default",
				"no assignment",
				"=nothing",
				"Enabled=maybe",
				"[Hosts]",
				"Ignored=1",
				"[Host UPPER]",
				"URI=test:///default",
				"[Host bad]",
				"URI=http://example/",
				"[Service]",
				"LogLevel=loud",
				"Foo=1",
				"bytes \xff",
				"[Host good",
			}, "\n")},
			map[string]string{"local": local, "demo": "test:///default"},
			[]string{
				`etc/kvmmanager.conf:1: the setting is before the first section header`,
				`etc/kvmmanager.conf:5: the line is not of the form Key=Value`,
				`etc/kvmmanager.conf:6: the line is not of the form Key=Value`,
				`etc/kvmmanager.conf:8: the section header "[Hosts]" is not of the form [Service] or [Host ID]; its settings are ignored`,
				`etc/kvmmanager.conf:17: the line is not text in UTF-8`,
				`etc/kvmmanager.conf:18: the section header "[Host good" is not of the form [Service] or [Host ID]; its settings are ignored`,
				`etc/kvmmanager.conf:3: unknown key "Foo" in [Host demo]`,
				`etc/kvmmanager.conf:7: Enabled is "maybe", not yes or no`,
				`etc/kvmmanager.conf:10: A host's id has 1 to 64 characters out of a to z, 0 to 9 and the dash; the settings of "[Host UPPER]" are ignored`,
				`etc/kvmmanager.conf:13: The URI's driver is not one of bhyve, ch, lxc, qemu, test, vbox, vz, xen; the setting is ignored`,
				`etc/kvmmanager.conf:15: LogLevel is "loud", not debug, info, warning or error`,
				`etc/kvmmanager.conf:16: unknown key "Foo" in [Service]`,
				`etc/kvmmanager.conf:12: [Host bad] has no URI; the host is left out`,
			},
		},
		"a bad setting leaves the one before it": {
			map[string]string{"etc/kvmmanager.conf": "[Host demo]\nURI=test:///default\nURI=qemu://u:secret@h/system\n"},
			map[string]string{"local": local, "demo": "test:///default"},
			[]string{"etc/kvmmanager.conf:3: The URI must not contain a password; the setting is ignored"},
		},
		"a folder in place of a file": {
			map[string]string{
				"etc/" + dropIn + "10-a.conf/x": "",
				"etc/" + dropIn + "20-b.conf":   "[Host demo]\nURI=test:///default\n",
			},
			map[string]string{"local": local, "demo": "test:///default"},
			[]string{"etc/kvmmanager.conf.d/10-a.conf: cannot read it: it is not a regular file"},
		},
		"a file in place of a folder": {
			map[string]string{"etc/kvmmanager.conf.d": ""},
			map[string]string{"local": local},
			[]string{"etc/kvmmanager.conf.d: cannot read it: not a directory"},
		},
		"a file that is too large": {
			map[string]string{"etc/kvmmanager.conf": strings.Repeat("#", maxSize+1)},
			map[string]string{"local": local},
			[]string{"etc/kvmmanager.conf: cannot read it: it is larger than 1048576 bytes"},
		},
		"hosts that were added are held to what the bus may add": {
			map[string]string{
				"etc/kvmmanager.conf": "[Host mine]\nURI=test:///default\n[Host off]\nEnabled=no\n",
				"state/hosts.conf": "[Host added]\nURI=qemu+ssh://h/system\n[Host mine]\nURI=qemu://h/system\n" +
					"[Host off]\nURI=qemu://h/system\n[Host evil]\nURI=qemu+ext:///system?command=/tmp/x\n[Service]\nLogLevel=debug\n",
			},
			map[string]string{"local": local, "mine": "test:///default", "added": "qemu+ssh://h/system"},
			[]string{
				`state/hosts.conf:7: The URI's parameter "command" is allowed only in the configuration file; "[Host evil]" is ignored`,
				`state/hosts.conf:9: There has to be a host with a URI and nothing else here; "[Service]" is ignored`,
				`state/hosts.conf: the host "mine" is in the configuration too, which is used instead`,
				`state/hosts.conf: the host "off" is in the configuration too, which is used instead`,
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hosts, problems := newTree(t, test.files).load()
			if !maps.Equal(hosts, test.hosts) {
				t.Errorf("hosts are %v, want %v", hosts, test.hosts)
			}
			if !slices.Equal(problems, test.problems) {
				t.Errorf("problems are\n%s\nwant\n%s", strings.Join(problems, "\n"), strings.Join(test.problems, "\n"))
			}
		})
	}
}

func TestWhatCannotBeReadIsMissing(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("#", maxSize+1)
	tests := map[string]struct {
		files      map[string]string
		incomplete bool
	}{
		"nothing at all":            {nil, false},
		"lines that mean nothing":   {map[string]string{"etc/kvmmanager.conf": "nonsense\n[Host a]\n", "state/hosts.conf": "[Service]\n"}, false},
		"the main file":             {map[string]string{"etc/kvmmanager.conf": large}, true},
		"a drop-in":                 {map[string]string{"etc/" + dropIn + "10-a.conf": large}, true},
		"the folder of drop-ins":    {map[string]string{"etc/kvmmanager.conf.d": ""}, true},
		"the hosts that were added": {map[string]string{"state/hosts.conf": large}, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c, _ := Load(newTree(t, test.files).paths); c.Incomplete != test.incomplete {
				t.Errorf("incomplete: %v", c.Incomplete)
			}
		})
	}
}

func TestHostsAreInOrder(t *testing.T) {
	t.Parallel()
	tr := newTree(t, map[string]string{
		"etc/kvmmanager.conf": "[Host z]\nURI=test:///default\n[Host a]\nURI=test:///default\n",
		"state/hosts.conf":    "[Host m]\nURI=test:///default\n",
	})
	c, _ := Load(tr.paths)
	want := []Host{
		{"local", local, false}, {"a", "test:///default", false}, {"m", "test:///default", true}, {"z", "test:///default", false},
	}
	if !slices.Equal(c.Hosts, want) {
		t.Errorf("got %v, want %v", c.Hosts, want)
	}
}

func TestLogLevel(t *testing.T) {
	t.Parallel()
	tests := map[string]slog.Level{
		"": slog.LevelInfo, "LogLevel=debug": slog.LevelDebug, "LogLevel=info": slog.LevelInfo,
		"LogLevel=warning": slog.LevelWarn, "LogLevel=error": slog.LevelError,
		"LogLevel=debug\nLogLevel=": slog.LevelInfo, "LogLevel=debug\nLogLevel=loud": slog.LevelDebug,
	}
	for text, want := range tests {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			c, _ := Load(newTree(t, map[string]string{"etc/kvmmanager.conf": "[Service]\n" + text}).paths)
			if c.LogLevel != want {
				t.Errorf("got %v, want %v", c.LogLevel, want)
			}
		})
	}
}

func TestAFileIsMaskedByDevNull(t *testing.T) {
	t.Parallel()
	tr := newTree(t, map[string]string{
		"lib/" + dropIn + "10-a.conf": "[Host demo]\nURI=test:///default\n",
		"etc/" + dropIn + "20-b.conf": "",
	})
	if err := os.Symlink("/dev/null", filepath.Join(tr.root, "etc", dropIn, "10-a.conf")); err != nil {
		t.Fatal(err)
	}
	if hosts, problems := tr.load(); hosts["demo"] != "" || problems != nil {
		t.Errorf("got %v, %v", hosts, problems)
	}
}

func TestWithFile(t *testing.T) {
	t.Parallel()
	tr := newTree(t, map[string]string{
		"other":                       "[Host other]\nURI=test:///default\n",
		"etc/kvmmanager.conf":         "[Host etc]\nURI=test:///default\n",
		"etc/" + dropIn + "10-a.conf": "[Host drop]\nURI=test:///default\n",
		"state/hosts.conf":            "[Host added]\nURI=test:///default\n",
	})
	usual := tr.paths
	tr.paths = usual.WithFile(filepath.Join(tr.root, "other"))
	hosts, problems := tr.load()
	want := map[string]string{"local": local, "other": "test:///default", "added": "test:///default"}
	if !maps.Equal(hosts, want) || problems != nil {
		t.Errorf("got %v, %v, want %v", hosts, problems, want)
	}
	tr.paths = usual.WithFile(filepath.Join(tr.root, "missing"))
	if _, problems := tr.load(); !slices.Equal(problems, []string{"missing: cannot read it: file does not exist"}) {
		t.Errorf("a missing file is %q", problems)
	}
}
