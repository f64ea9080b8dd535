package objects

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"org.kvmmanager/dbus"
	"org.kvmmanager/internal/bus"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/polkit"
	"org.kvmmanager/internal/wire"
	"org.kvmmanager/service/inventory"
	"org.kvmmanager/service/jobs"
	"org.kvmmanager/service/unfinished"
)

// HostStore adds and removes hosts for good: in the inventory, and in the
// configuration that the next start reads.
type HostStore interface {
	Add(id, uri string) (*inventory.Host, error)
	Remove(id string) error
}

// Options is what a Service is made of.
type Options struct {
	Version    string
	Hypervisor inventory.Hypervisor
	Authority  polkit.Checker
	Watcher    *bus.Watcher
	Log        *slog.Logger
	// KeepJobs is how long an ended job stays readable.
	KeepJobs time.Duration
	// Unfinished is what earlier processes were in the midst of; nil remembers
	// for this process only.
	Unfinished *unfinished.Records
	// Pictures is the folder for pictures of snapshots; empty keeps none.
	Pictures string
	// Changed is told of each change of the tree, if set. It must not block.
	Changed func()
}

// Service is everything that the bus shows.
type Service struct {
	version   string
	log       *slog.Logger
	changed   func() // nil when nobody wants to know
	methods   map[string]*method
	authority polkit.Checker
	watcher   *bus.Watcher

	unfinished *unfinished.Records
	pictures   string // folder; empty: none are kept

	tree       *bus.Tree
	inventory  *inventory.Inventory
	jobs       *jobs.Manager
	hosts      HostStore
	statistics *statistics
	locks      *locks
	shutdowns  shutdowns
	dialogs    userTurns
	plans      userTurns
	refusals   refusals
	looks      looks

	hostsChange sync.Mutex // held while a change of Manager.Hosts is announced
	hostPaths   map[model.Path]bool
}

// New makes a service that shows nothing but the Manager.
func New(o Options) (*Service, error) {
	var ifaces []*bus.Interface
	for _, doc := range api.XML() {
		parsed, err := bus.ParseInterfaces(doc)
		if err != nil {
			return nil, err
		}
		ifaces = append(ifaces, parsed...)
	}
	s := &Service{
		version: o.Version, log: o.Log, changed: o.Changed, methods: table(), authority: o.Authority, watcher: o.Watcher,
		locks: newLocks(), dialogs: userTurns{most: maxDialogs}, plans: userTurns{most: maxPlans}, hostPaths: map[model.Path]bool{}, unfinished: o.Unfinished, pictures: o.Pictures,
	}
	if s.unfinished == nil {
		s.unfinished = unfinished.Open("", o.Log)
	}
	s.tree = bus.New(api.RootPath, ifaces, s.Call, o.Watcher.Credentials, o.Log)
	s.inventory = inventory.New(o.Hypervisor, s, o.Log)
	s.jobs = jobs.New(s, o.KeepJobs, o.Log)
	s.statistics = newStatistics(s)
	s.tree.Apply(bus.Put(api.RootPath, api.ManagerInterface,
		wire.PropsOf(&model.Manager{Version: s.version, APIVersion: api.Version})))
	return s, nil
}

// Tree is what the connection serves.
func (s *Service) Tree() *bus.Tree { return s.tree }

// Inventory is the hosts.
func (s *Service) Inventory() *inventory.Inventory { return s.inventory }

// UseHosts says who adds and removes hosts for AddHost and RemoveHost.
func (s *Service) UseHosts(hosts HostStore) { s.hosts = hosts }

// WatchPermissions announces PermissionsChanged until ctx ends.
func (s *Service) WatchPermissions(ctx context.Context) error {
	return s.authority.Watch(ctx, s.permissionsChanged)
}

// HostsChanged must be called after a host was added or removed.
func (s *Service) HostsChanged() { s.statistics.hostsChanged() }

// Close ends what is under way: statistics, jobs, connections. Jobs get until
// ctx ends to stop cleanly.
func (s *Service) Close(ctx context.Context) {
	s.statistics.close()
	s.jobs.Close(ctx)
	s.inventory.Close()
}

// vmOrOwner finds the VM at a path, or the one whose snapshot is there: who may
// do what with a snapshot is a matter of its VM.
func (s *Service) vmOrOwner(path model.Path) (*inventory.Host, *model.VM) {
	owner := model.VMOfSnapshot(path)
	if owner == "" {
		return s.inventory.VM(path)
	}
	if host, vm := s.inventory.VM(owner); vm != nil && vm.Snapshot(path) != nil {
		return host, vm
	}
	return nil, nil
}

// concerns says whether a job works on something of this host.
func (s *Service) concerns(job *model.Job, host *inventory.Host) bool {
	for _, path := range job.Objects {
		vms, _ := s.inventory.VM(path)
		pools, _ := s.inventory.Pool(path)
		volumes, _, _ := s.inventory.Volume(path)
		if vms == host || pools == host || volumes == host || path == host.Info().Path() {
			return true
		}
	}
	return false
}
