package daemon

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"org.kvmmanager/internal/bus"
	"org.kvmmanager/internal/testutil/fakehv"
	"org.kvmmanager/service/config"
	"org.kvmmanager/service/objects"
)

func TestAReloadDropsNoHostWhileAFileCannotBeRead(t *testing.T) {
	t.Parallel()
	file, state := filepath.Join(t.TempDir(), "kvmmanager.conf"), filepath.Join(t.TempDir(), "hosts.conf")
	write := func(file, text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	large := strings.Repeat("#", 2<<20)
	const configured, added = "[Host configured]\nURI=test:///default\n", "[Host added]\nURI=qemu+ssh://h/system\n"
	h := reading(t, config.Paths{State: state, LocalURI: "qemu:///system"}.WithFile(file))
	for _, step := range []struct {
		what, config, state string
		hosts               []string
	}{
		{"at first", configured, added, []string{"added", "configured", "local"}},
		{"no host that was added can be read", configured, large, []string{"added", "configured", "local"}},
		{"no configuration can be read", large, added, []string{"added", "configured", "local"}},
		{"a host is new, and the others cannot be read", "[Host new]\nURI=test:///default\n", large, []string{"added", "configured", "local", "new"}},
		{"everything can be read", configured, "", []string{"configured", "local"}},
	} {
		write(file, step.config)
		write(state, step.state)
		h.load()
		var hosts []string
		for _, host := range h.d.service.Inventory().Hosts() {
			hosts = append(hosts, host.ID())
		}
		slices.Sort(hosts)
		if !slices.Equal(hosts, step.hosts) {
			t.Errorf("%s: the hosts are %v", step.what, hosts)
		}
	}
}

// reading is the hosts of a service that reads these files.
func reading(t *testing.T, paths config.Paths) *hosts {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	service, err := objects.New(objects.Options{
		Version: "0", Hypervisor: fakehv.New(), Watcher: bus.NewWatcher(connection(t)), Log: log, Changed: func() {},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { service.Close(context.Background()) })
	d := &daemon{log: log, level: new(slog.LevelVar), service: service}
	return &hosts{d: d, store: config.NewStore(paths), have: map[string]string{}}
}
