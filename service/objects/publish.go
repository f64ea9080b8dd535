package objects

import (
	"maps"
	"slices"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/dbus"
	"org.kvmmanager/internal/bus"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/wire"
	"org.kvmmanager/service/inventory"
)

// Publish implements inventory.Publisher: one update is one batch of the tree.
// A host that is new comes first, one that is gone comes last, and the news
// that a host is connected comes after everything that was found on it. Volumes
// go before their pools, and come after them and the VMs that use them.
func (s *Service) Publish(u inventory.Update) {
	var batch []bus.Change
	if u.Host.Old == nil && u.Host.New != nil {
		batch = append(batch, object(u.Host.Old, u.Host.New, api.HostInterface)...)
	}
	for _, d := range u.Volumes {
		if d.New == nil {
			batch = append(batch, object(d.Old, d.New, api.StorageVolumeInterface)...)
		}
	}
	for _, d := range u.Pools {
		batch = append(batch, object(d.Old, d.New, api.StoragePoolInterface)...)
	}
	for _, d := range u.Networks {
		batch = append(batch, object(d.Old, d.New, api.NetworkInterface)...)
	}
	for _, d := range u.VMs {
		batch = append(batch, vmChange(d)...)
	}
	for _, d := range u.Volumes {
		if d.New != nil {
			batch = append(batch, object(d.Old, d.New, api.StorageVolumeInterface)...)
		}
	}
	if u.Host.Old != nil {
		batch = append(batch, object(u.Host.Old, u.Host.New, api.HostInterface)...)
	}
	if (u.Host.Old == nil) != (u.Host.New == nil) {
		// Manager.Hosts is made of all hosts: two must not announce it at once.
		s.hostsChange.Lock()
		defer s.hostsChange.Unlock()
		batch = append(batch, s.managerChange(u.Host))
	}
	s.tree.Apply(batch...)
	if s.changed != nil {
		s.changed()
	}
	if returns(&u) {
		s.unfinished.Retry()
	}
}

// returns reports whether a host is connected again, or a storage pool active.
func returns(u *inventory.Update) bool {
	host := u.Host
	if host.New != nil && host.New.State == model.Connected && (host.Old == nil || host.Old.State != model.Connected) {
		return true
	}
	return slices.ContainsFunc(u.Pools, func(d inventory.Diff[model.StoragePool]) bool {
		return d.New != nil && d.New.Active && (d.Old == nil || !d.Old.Active)
	})
}

// vmChange shows a VM with its snapshots, which come after it and go before it.
func vmChange(d inventory.Diff[model.VM]) []bus.Change {
	change := append(object(d.Old, d.New, api.VMInterface), guestInterface(d)...)
	if d.New == nil {
		change = append(snapshots(d), change...)
	} else {
		change = append(change, snapshots(d)...)
	}
	return append(change, vmSignals(d)...)
}

// snapshots shows those of a VM that are there, and withdraws those that are not
// any more.
func snapshots(d inventory.Diff[model.VM]) []bus.Change {
	var batch []bus.Change
	before := map[model.Path]*model.Snapshot{}
	if d.Old != nil {
		for _, s := range d.Old.Snapshots {
			before[s.Path()] = s
		}
	}
	if d.New != nil {
		for _, s := range d.New.Snapshots {
			if old := before[s.Path()]; old != s { // most changes of a VM leave them alone
				batch = append(batch, object(old, s, api.SnapshotInterface)...)
			}
			delete(before, s.Path())
		}
	}
	for _, path := range slices.Sorted(maps.Keys(before)) {
		batch = append(batch, object(before[path], nil, api.SnapshotInterface)...)
	}
	return batch
}

// object shows the new value, or withdraws the object when there is none.
func object[T any, P interface {
	*T
	Path() model.Path
}](old, value *T, iface string) []bus.Change {
	if value == nil {
		return []bus.Change{bus.Remove(wire.ObjectPath(P(old).Path()))}
	}
	return []bus.Change{bus.Put(wire.ObjectPath(P(value).Path()), iface, wire.PropsOf(value))}
}

// guestInterface comes and goes with the guest's agent.
func guestInterface(d inventory.Diff[model.VM]) []bus.Change {
	had := d.Old != nil && d.Old.GuestAgent == model.AgentConnected
	switch has := d.New != nil && d.New.GuestAgent == model.AgentConnected; {
	case has && !had:
		return []bus.Change{bus.Put(wire.ObjectPath(d.New.Path()), api.GuestInterface, nil)}
	case had && !has && d.New != nil:
		return []bus.Change{bus.RemoveInterface(wire.ObjectPath(d.New.Path()), api.GuestInterface)}
	default:
		return nil // with its object it goes by itself
	}
}

// managerChange keeps Manager.Hosts up to date when a host comes or goes.
func (s *Service) managerChange(d inventory.Diff[model.Host]) bus.Change {
	if d.New != nil {
		s.hostPaths[d.New.Path()] = true
	} else {
		delete(s.hostPaths, d.Old.Path())
	}
	return bus.Put(api.RootPath, api.ManagerInterface, wire.PropsOf(&model.Manager{
		Version: s.version, APIVersion: api.Version, Hosts: slices.Sorted(maps.Keys(s.hostPaths)),
	}))
}

// vmSignals are the signals for people who do not follow properties.
func vmSignals(d inventory.Diff[model.VM]) []bus.Change {
	switch {
	case d.New == nil:
		return []bus.Change{bus.Emit(wire.ObjectPath(d.Old.Host), api.HostInterface, "VMRemoved",
			wire.ObjectPath(d.Old.Path()), d.Old.Name)}
	case d.Old == nil:
		return []bus.Change{bus.Emit(wire.ObjectPath(d.New.Host), api.HostInterface, "VMAdded",
			wire.ObjectPath(d.New.Path()), d.New.Name)}
	case d.Old.State != d.New.State:
		return []bus.Change{bus.Emit(wire.ObjectPath(d.New.Host), api.HostInterface, "VMStateChanged",
			wire.ObjectPath(d.New.Path()), string(d.Old.State), string(d.New.State), d.New.StateReason)}
	default:
		return nil
	}
}

// PublishJob implements jobs.Publisher.
func (s *Service) PublishJob(job *model.Job) {
	s.tree.Apply(object(nil, job, api.JobInterface)...)
}

// CompleteJob implements jobs.Publisher.
func (s *Service) CompleteJob(job *model.Job) {
	s.tree.Apply(append(object(nil, job, api.JobInterface),
		bus.Emit(wire.ObjectPath(job.Path()), api.JobInterface, "Completed",
			job.State == model.JobDone, job.ErrorName, job.ErrorMessage))...)
}

// UnlistJob implements jobs.Publisher.
func (s *Service) UnlistJob(job *model.Job) {
	s.tree.Apply(bus.Unlist(wire.ObjectPath(job.Path())))
}

// WithdrawJob implements jobs.Publisher.
func (s *Service) WithdrawJob(job *model.Job) {
	s.tree.Apply(object(job, nil, api.JobInterface)...)
}

// permissionsChanged tells everybody to ask again.
func (s *Service) permissionsChanged() {
	s.tree.Apply(bus.Emit(dbus.ObjectPath(api.RootPath), api.ManagerInterface, "PermissionsChanged"))
}
