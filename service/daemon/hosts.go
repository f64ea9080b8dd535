package daemon

import (
	"sync"

	"org.kvmmanager/service/config"
	"org.kvmmanager/service/inventory"
	"org.kvmmanager/service/journal"
)

// hosts keeps the inventory equal to the configuration, and changes both for
// AddHost and RemoveHost.
type hosts struct {
	d     *daemon
	store *config.Store

	mu   sync.Mutex        // held while configuration and inventory are changed together
	have map[string]string // URI by id
}

func newHosts(d *daemon) *hosts {
	return &hosts{d: d, store: config.NewStore(d.paths()), have: map[string]string{}}
}

// paths says where the configuration is, and what the service remembers.
func (d *daemon) paths() config.Paths {
	paths := config.System()
	if d.options.Session {
		paths = config.Session()
	}
	if d.options.ConfigFile != "" {
		paths = paths.WithFile(d.options.ConfigFile)
	}
	return paths
}

// load reads the configuration, says what is wrong with it, and makes the
// inventory what the good rest says. While something cannot be read, hosts only
// come: those that are missing may be in there.
func (h *hosts) load() {
	h.mu.Lock()
	defer h.mu.Unlock()
	loaded, problems := h.store.Load()
	for _, p := range problems {
		h.d.log.Warn(p.String(), journal.MessageID(journal.ConfigurationProblem), "file", p.File, "line", p.Line)
	}
	h.d.level.Set(loaded.LogLevel)
	want := map[string]string{}
	for _, host := range loaded.Hosts {
		want[host.ID] = host.URI
	}
	for id, uri := range h.have {
		if want[id] != uri && !loaded.Incomplete {
			h.drop(id)
		}
	}
	for id, uri := range want {
		if h.have[id] == "" {
			_, _ = h.add(id, uri) // the id is free: it was not in have
		}
	}
	h.d.service.HostsChanged()
}

// Add implements objects.HostStore.
func (h *hosts) Add(id, uri string) (*inventory.Host, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, err := h.store.Add(id, uri); err != nil {
		return nil, err
	}
	host, err := h.add(id, uri)
	if err != nil {
		_ = h.store.Remove(id)
		return nil, err
	}
	h.d.service.HostsChanged()
	return host, nil
}

// Remove implements objects.HostStore.
func (h *hosts) Remove(id string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.store.Remove(id); err != nil {
		return err
	}
	h.drop(id)
	h.d.service.HostsChanged()
	return nil
}

func (h *hosts) add(id, uri string) (*inventory.Host, error) {
	host, err := h.d.service.Inventory().Add(id, uri)
	if err == nil {
		h.have[id] = uri
	}
	return host, err
}

func (h *hosts) drop(id string) {
	_ = h.d.service.Inventory().Remove(id) // it is there: it was in have
	delete(h.have, id)
}
