package objects

import (
	"context"
	"io"
	"slices"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/dbus"
	"org.kvmmanager/internal/bus"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/inventory"
	"org.kvmmanager/service/jobs"
)

// method is one line of the method table: what it needs, and what it does.
type method struct {
	action string // polkit action; open for everybody
	// also names further actions that this call's arguments call for, with a
	// space between two.
	also    func(*request) string
	message string            // what polkit's dialog says; polkit fills in $(vm.name) and $(host)
	options map[string]string // key -> signature
	// forms makes the declared form of what the arguments give in another one; nil
	// when they have no other.
	forms   func(*request) error
	repeats bool // called again and again by who looks at a VM: see looks
	run     runFunc
}

// ask marks what polkit's dialog says: polkit translates it with our catalogs.
func ask(message string) string { return message }

// request is a call on its way through the stages.
type request struct {
	*bus.Call
	service *Service
	method  *method
	options options
	granted map[string]bool // the actions that polkit has allowed
	audited bool            // a job writes the call's audit record when it ends
	file    io.Closer       // closed when the call's job ends; nil for most

	// The object that the call is for; which of them is set depends on the
	// interface.
	host     *inventory.Host
	vm       *model.VM
	snapshot *model.Snapshot // of vm
	network  *model.Network
	pool     *model.StoragePool
	job      *jobs.Job

	storageVolume *model.StorageVolume // of pool
}

// table is every method of every interface. It is data, so that a test can
// compare it with the introspection XML.
func table() map[string]*method {
	all := map[string]*method{}
	for iface, methods := range map[string]map[string]*method{
		api.ManagerInterface:     managerMethods(),
		api.HostInterface:        hostMethods(),
		api.VMInterface:          vmMethods(),
		api.GuestInterface:       guestMethods(),
		api.SnapshotInterface:    snapshotMethods(),
		api.JobInterface:         jobMethods(),
		api.NetworkInterface:     networkMethods(),
		api.StoragePoolInterface: poolMethods(),

		api.StorageVolumeInterface: volumeMethods(),
	} {
		for name, m := range methods {
			all[iface+"."+name] = m
		}
	}
	return all
}

// Call serves one method call of the tree. An error's sentence may have names
// in it that other programs gave.
func (s *Service) Call(ctx context.Context, c *bus.Call) ([]any, error) {
	results, err := s.serve(ctx, c)
	return results, errs.Clean(err, model.CleanLines)
}

func (s *Service) serve(ctx context.Context, c *bus.Call) ([]any, error) {
	m := s.methods[c.Interface+"."+c.Member]
	if m == nil {
		return nil, errs.New(errs.NotAuthorized, "%s is not allowed to anybody.", c.Member)
	}
	opts, err := parseOptions(c.Args[len(c.Args)-1], m.options)
	if err != nil {
		return nil, err
	}
	r := &request{Call: c, service: s, method: m, options: opts}
	if err := r.find(); err != nil {
		return nil, err
	}
	// What has no such form is said to those who have the right only: it tells what
	// there is. In its own form it passes no check of its type.
	var formErr error
	if m.forms != nil {
		formErr = m.forms(r)
	}
	for approved, needed := []string(nil), r.actions(); !slices.Equal(approved, needed); needed = r.actions() {
		if err := r.authorize(ctx, needed); err != nil {
			return nil, err
		}
		approved = needed
		// A password dialog may have been open for minutes, in which the object
		// has become one that needs another right.
		if err := r.find(); err != nil {
			return nil, err
		}
	}
	results, err := []any(nil), formErr
	if err == nil {
		results, err = m.run(r, ctx)
	}
	r.auditCall(err)
	return results, err
}

// find looks the call's object up.
func (r *request) find() error {
	path := model.Path(r.Path)
	s := r.service
	found := true
	switch r.Interface {
	case api.HostInterface:
		r.host = s.inventory.Host(path)
		found = r.host != nil
	case api.VMInterface, api.GuestInterface:
		r.host, r.vm = s.inventory.VM(path)
		found = r.vm != nil
	case api.SnapshotInterface:
		if r.host, r.vm = s.vmOrOwner(path); r.vm != nil {
			r.snapshot = r.vm.Snapshot(path)
		}
		found = r.snapshot != nil
	case api.NetworkInterface:
		r.host, r.network = s.inventory.Network(path)
		found = r.network != nil
	case api.StoragePoolInterface:
		r.host, r.pool = s.inventory.Pool(path)
		found = r.pool != nil
	case api.StorageVolumeInterface:
		r.host, r.pool, r.storageVolume = s.inventory.Volume(path)
		found = r.storageVolume != nil
	case api.JobInterface:
		r.job = s.jobs.Find(path)
		found = r.job != nil
	}
	if !found {
		return dbus.NewError("org.freedesktop.DBus.Error.UnknownObject", []any{"The object is gone."})
	}
	return nil
}

// conn is the connection to the object's host.
func (r *request) conn() (inventory.Conn, error) { return r.host.Conn() }

// text is the string argument at this position.
func (r *request) text(i int) string { return r.Args[i].(string) }

// number is the u argument at this position.
func (r *request) number(i int) uint32 { return r.Args[i].(uint32) }
