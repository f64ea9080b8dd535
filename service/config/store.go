package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"syscall"

	"org.kvmmanager/internal/durable"
	"org.kvmmanager/internal/errs"
)

// Store keeps the hosts that are added over D-Bus. It may be used
// concurrently, but only one process may have one for the same file.
type Store struct {
	paths Paths
	mu    sync.Mutex // held while the file is read and written
}

// NewStore makes the store for these paths.
func NewStore(paths Paths) *Store { return &Store{paths: paths} }

// Load is the function Load, apart from changes under way.
func (s *Store) Load() (Config, []Problem) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Load(s.paths)
}

// Add keeps a host for good. The id must be new, also among the hosts that
// are configured but disabled.
func (s *Store) Add(id, uri string) (Host, error) {
	if err := ValidateID(id); err != nil {
		return Host{}, err
	}
	if err := ValidateURI(uri, true); err != nil {
		return Host{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if load(s.paths).hosts[id] != nil {
		return Host{}, errs.New(errs.AlreadyExists, "There is a host “%s” already, though it may be disabled in the configuration.", id)
	}
	err := s.change(func(hosts map[string]string) { hosts[id] = uri })
	if err != nil {
		return Host{}, err
	}
	return Host{ID: id, URI: uri, Removable: true}, nil
}

// Remove forgets a host that was added. One that the administrator configured
// is InvalidState, an unknown one NotFound.
func (s *Store) Remove(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch draft := load(s.paths).hosts[id]; {
	case draft == nil:
		return errs.New(errs.NotFound, "There is no host “%s”.", id)
	case !draft.added && draft.file == "":
		return errs.New(errs.InvalidState,
			"The host “%s” is always there. It can be switched off with Enabled=no under [Host %s] in %s.", id, id, mainFile)
	case !draft.added:
		return errs.New(errs.InvalidState, "The host “%s” comes from the service's configuration, and can be removed only there.", id)
	}
	return s.change(func(hosts map[string]string) { delete(hosts, id) })
}

// change reads the file, lets edit change it, and writes it.
func (s *Store) change(edit func(hosts map[string]string)) error {
	err := s.rewrite(edit)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return errs.Wrap(errs.NoSpace, err, "There is no space left to save the list of hosts.")
	default:
		return errs.Wrap(errs.Internal, err, "The list of hosts could not be saved. The service's journal says why.")
	}
}

func (s *Store) rewrite(edit func(hosts map[string]string)) error {
	if s.paths.State == "" {
		return errors.New("cannot save hosts: there is no folder for it")
	}
	hosts, err := readState(s.paths.State, func(int, string, ...any) {})
	if err != nil {
		// Writing would lose the hosts that are in there.
		return fmt.Errorf("cannot read %s: %w", s.paths.State, err)
	}
	edit(hosts)
	return durable.WriteFile(s.paths.State, []byte(stateText(hosts)))
}

// readState gives the URIs of the file by id. No file is no hosts.
func readState(file string, problem report) (map[string]string, error) {
	hosts := map[string]string{}
	text, err := readFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return hosts, nil
	}
	if err != nil {
		return nil, err
	}
	for _, s := range parse(text, problem) {
		uri, err := stateURI(s)
		if err != nil {
			problem(s.line, "%s; %q is ignored", sentence(err), s.title())
			continue
		}
		hosts[s.name] = uri
	}
	return hosts, nil
}

// stateURI checks a section as AddHost did: whoever could change the file must
// not get more out of the service than over the bus.
func stateURI(s section) (string, error) {
	if s.kind != hostSection || len(s.settings) != 1 || s.settings[0].key != "URI" {
		return "", invalid("There has to be a host with a URI and nothing else here.")
	}
	uri := s.settings[0].value
	if err := ValidateID(s.name); err != nil {
		return "", err
	}
	return uri, ValidateURI(uri, true)
}

func stateText(hosts map[string]string) string {
	var b strings.Builder
	b.WriteString("# Written by kvmmanagerd: hosts added over D-Bus. Changes by hand may be lost.\n")
	for _, id := range sortedKeys(hosts) {
		fmt.Fprintf(&b, "\n[Host %s]\nURI=%s\n", id, hosts[id])
	}
	return b.String()
}

// readState adds the hosts of the file to those that are configured. The
// administrator's word counts more.
func (l *loader) readState(file string) {
	if file == "" {
		return
	}
	problem := l.reporter(file)
	hosts, err := readState(file, problem)
	if err != nil {
		l.fail(file, err)
		return
	}
	for _, id := range sortedKeys(hosts) {
		if l.hosts[id] != nil {
			problem(0, "the host %q is in the configuration too, which is used instead", id)
			continue
		}
		l.hosts[id] = &hostDraft{uri: hosts[id], added: true}
	}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
