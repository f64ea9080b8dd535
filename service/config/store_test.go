package config

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"org.kvmmanager/internal/errs"
)

const remote = "qemu+ssh://host/system"

func TestAddedHostsStay(t *testing.T) {
	t.Parallel()
	tr := newTree(t, nil)
	store := NewStore(tr.paths)
	for _, id := range []string{"b", "a"} {
		host, err := store.Add(id, remote)
		if err != nil || host != (Host{id, remote, true}) {
			t.Fatalf("got %+v, %v", host, err)
		}
	}
	// As after a restart of the service.
	hosts, problems := tr.load()
	if want := map[string]string{"local": local, "a": remote, "b": remote}; !maps.Equal(hosts, want) || problems != nil {
		t.Errorf("got %v, %v, want %v", hosts, problems, want)
	}
	if err := NewStore(tr.paths).Remove("a"); err != nil {
		t.Fatal(err)
	}
	if hosts, _ := tr.load(); hosts["a"] != "" || hosts["b"] != remote {
		t.Errorf("after the removal there are %v", hosts)
	}
}

func TestTheFileOfAddedHostsIsPrivateAndAlone(t *testing.T) {
	t.Parallel()
	tr := newTree(t, nil)
	if _, err := NewStore(tr.paths).Add("a", remote); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(tr.paths.State)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v, want mode 0600", info.Mode(), err)
	}
	entries, err := os.ReadDir(filepath.Dir(tr.paths.State))
	if err != nil || len(entries) != 1 {
		t.Errorf("temporary files stay behind: %v, %v", entries, err)
	}
}

func TestAddAndRemoveRefuse(t *testing.T) {
	t.Parallel()
	store := NewStore(newTree(t, map[string]string{
		"etc/kvmmanager.conf": "[Host mine]\nURI=test:///default\n[Host off]\nURI=test:///default\nEnabled=no\n",
		"state/hosts.conf":    "[Host added]\nURI=" + remote + "\n[Host mine]\nURI=" + remote + "\n",
	}).paths)
	add := func(id, uri string) error {
		_, err := store.Add(id, uri)
		return err
	}
	tests := map[string]struct {
		err  error
		want errs.Kind
	}{
		"a bad id":                               {add("A", remote), errs.InvalidArgument},
		"a URI that may not come over the bus":   {add("new", "qemu:///session"), errs.InvalidArgument},
		"the local host again":                   {add("local", remote), errs.AlreadyExists},
		"a configured host again":                {add("mine", remote), errs.AlreadyExists},
		"a disabled host":                        {add("off", remote), errs.AlreadyExists},
		"an added host again":                    {add("added", remote), errs.AlreadyExists},
		"to remove the local host":               {store.Remove("local"), errs.InvalidState},
		"to remove a configured host":            {store.Remove("mine"), errs.InvalidState},
		"to remove a host that is not there":     {store.Remove("new"), errs.NotFound},
		"to remove a disabled host of the files": {store.Remove("off"), errs.InvalidState},
	}
	for name, test := range tests {
		if !errs.Is(test.err, test.want) {
			t.Errorf("%s: got %v, want %s", name, test.err, test.want)
		}
	}
	if c, _ := store.Load(); len(c.Hosts) != 3 {
		t.Errorf("something changed: %v", c.Hosts)
	}
}

func TestAFileThatCannotBeReadIsNotReplaced(t *testing.T) {
	t.Parallel()
	old := strings.Repeat("#", maxSize+1)
	tr := newTree(t, map[string]string{"state/hosts.conf": old})
	if _, err := NewStore(tr.paths).Add("a", remote); !errs.Is(err, errs.Internal) {
		t.Errorf("got %v, want an error", err)
	}
	if text, err := os.ReadFile(tr.paths.State); err != nil || string(text) != old {
		t.Errorf("the file changed: %v", err)
	}
}

func TestWithoutAFolderNothingIsAdded(t *testing.T) {
	t.Parallel()
	if _, err := NewStore(Paths{LocalURI: local}).Add("a", remote); !errs.Is(err, errs.Internal) {
		t.Errorf("got %v, want an error", err)
	}
}

func TestHostsAddedAtTheSameTimeAllStay(t *testing.T) {
	t.Parallel()
	const n = 8
	tr := newTree(t, nil)
	store := NewStore(tr.paths)
	var group sync.WaitGroup
	for i := range n {
		group.Add(1)
		go func() {
			defer group.Done()
			if _, err := store.Add(fmt.Sprint("h", i), remote); err != nil {
				t.Error(err)
			}
		}()
	}
	group.Wait()
	if hosts, _ := tr.load(); len(hosts) != n+1 {
		t.Errorf("%d hosts, want %d: %v", len(hosts), n+1, hosts)
	}
}
