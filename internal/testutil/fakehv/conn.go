package fakehv

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"org.kvmmanager/internal/domainxml"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/inventory"
)

// Conn is one connection.
type Conn struct {
	h      *Hypervisor
	events chan inventory.Event
	err    error
	closed bool
}

var _ inventory.Conn = (*Conn)(nil)

// lose ends the connection. The caller holds the hypervisor's mu.
func (c *Conn) lose(err error) {
	if !c.closed {
		c.closed, c.err = true, err
		delete(c.h.conns, c)
		close(c.events)
	}
}

// Events implements inventory.Conn.
func (c *Conn) Events() <-chan inventory.Event { return c.events }

// Err implements inventory.Conn.
func (c *Conn) Err() error {
	c.h.mu.Lock()
	defer c.h.mu.Unlock()
	return c.err
}

// Close implements inventory.Conn.
func (c *Conn) Close() {
	c.h.mu.Lock()
	defer c.h.mu.Unlock()
	c.lose(nil)
}

// Host implements inventory.Conn.
func (c *Conn) Host(ctx context.Context) (model.Host, error) {
	return model.Host{Hostname: "fake", HypervisorName: "FAKE", CPUs: 4, MemoryTotal: 8 << 30}, c.enter(ctx, "host", "")
}

func (c *Conn) enter(ctx context.Context, operation, id string) error {
	if err := c.h.enter(ctx, operation, id); err != nil {
		return err
	}
	c.h.mu.Lock()
	defer c.h.mu.Unlock()
	if c.closed {
		return errs.New(errs.Disconnected, "The connection is gone.")
	}
	return nil
}

func all[T any](c *Conn, ctx context.Context, operation string, from map[string]*T) ([]*T, error) {
	if err := c.enter(ctx, operation, ""); err != nil {
		return nil, err
	}
	c.h.mu.Lock()
	defer c.h.mu.Unlock()
	var list []*T
	for _, v := range from {
		copied := *v
		list = append(list, &copied)
	}
	return list, nil
}

func one[T any](c *Conn, ctx context.Context, operation, id string, from map[string]*T) (*T, error) {
	if err := c.enter(ctx, operation, id); err != nil {
		return nil, err
	}
	c.h.mu.Lock()
	defer c.h.mu.Unlock()
	if from[id] == nil {
		return nil, errs.New(errs.NotFound, "There is no such object.")
	}
	copied := *from[id]
	return &copied, nil
}

// VMs implements inventory.Conn.
func (c *Conn) VMs(ctx context.Context) ([]*model.VM, error) { return all(c, ctx, "list", c.h.vms) }

// VM implements inventory.Conn.
func (c *Conn) VM(ctx context.Context, uuid string) (*model.VM, error) {
	return one(c, ctx, "read", uuid, c.h.vms)
}

// Networks implements inventory.Conn.
func (c *Conn) Networks(ctx context.Context) ([]*model.Network, error) {
	return all(c, ctx, "list-networks", c.h.networks)
}

// Network implements inventory.Conn.
func (c *Conn) Network(ctx context.Context, uuid string) (*model.Network, error) {
	return one(c, ctx, "read-network", uuid, c.h.networks)
}

// Pools implements inventory.Conn.
func (c *Conn) Pools(ctx context.Context) ([]*model.StoragePool, error) {
	return all(c, ctx, "list-pools", c.h.pools)
}

// Pool implements inventory.Conn.
func (c *Conn) Pool(ctx context.Context, uuid string) (*model.StoragePool, error) {
	return one(c, ctx, "read-pool", uuid, c.h.pools)
}

// Capabilities implements inventory.Conn.
func (c *Conn) Capabilities(ctx context.Context) (model.Capabilities, error) {
	if err := c.enter(ctx, "capabilities", ""); err != nil {
		return model.Capabilities{}, err
	}
	c.h.mu.Lock()
	defer c.h.mu.Unlock()
	return c.h.capabilities, nil
}

// CheckHealth implements inventory.Conn.
func (c *Conn) CheckHealth(ctx context.Context) ([]model.Check, error) {
	return []model.Check{{ID: "libvirt", Status: model.CheckOK, Message: "libvirt answers."}}, c.enter(ctx, "health", "")
}

// CheckStart implements inventory.Conn: what PutStartChecks was told.
func (c *Conn) CheckStart(ctx context.Context, uuid string) ([]model.StartCheck, error) {
	if err := c.enter(ctx, "check-start", uuid); err != nil {
		return nil, err
	}
	c.h.mu.Lock()
	defer c.h.mu.Unlock()
	return slices.Clone(c.h.checks[uuid]), nil
}

// Statistics implements inventory.Conn: every active VM uses one CPU all the
// time, unless PutCounters says something else.
func (c *Conn) Statistics(ctx context.Context) (map[string]inventory.Counters, inventory.HostCounters, error) {
	if err := c.enter(ctx, "statistics", ""); err != nil {
		return nil, inventory.HostCounters{}, err
	}
	c.h.mu.Lock()
	defer c.h.mu.Unlock()
	counters := map[string]inventory.Counters{}
	now := uint64(time.Now().UnixNano())
	for uuid, vm := range c.h.vms {
		if vm.State.Active() {
			counters[uuid] = inventory.Counters{CPUTime: now, VCPUs: vm.VCPUs, MemoryUsed: vm.Memory}
			if put, ok := c.h.counters[uuid]; ok {
				counters[uuid] = put
			}
		}
	}
	return counters, inventory.HostCounters{CPUBusy: now / 4, CPUTotal: now, MemoryUsed: 1 << 30}, nil
}

// state makes an operation that moves a VM between states.
func (c *Conn) state(ctx context.Context, operation, uuid string, to model.VMState, from ...model.VMState) error {
	if err := c.enter(ctx, operation, uuid); err != nil {
		return err
	}
	return c.h.edit(uuid, func(vm *model.VM) error {
		for _, s := range from {
			if vm.State == s {
				vm.State, vm.StateReason = to, "user"
				if to.Active() && vm.ID < 0 {
					c.h.nextID++
					vm.ID = c.h.nextID
				}
				if !to.Active() {
					vm.ID = -1
				}
				return nil
			}
		}
		return errs.New(errs.InvalidState, "A VM that is %s cannot do this.", vm.State)
	})
}

// Start implements inventory.Conn.
func (c *Conn) Start(ctx context.Context, uuid string, paused bool) error {
	to := model.VMRunning
	if paused {
		to = model.VMPaused
	}
	return c.state(ctx, "start", uuid, to, model.VMShutOff, model.VMCrashed)
}

// IgnoreShutdown has guests go on when they are asked to shut down.
func (h *Hypervisor) IgnoreShutdown() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.deaf = true
}

// Shutdown implements inventory.Conn: the guest obeys at once.
func (c *Conn) Shutdown(ctx context.Context, uuid string) error {
	c.h.mu.Lock()
	deaf := c.h.deaf
	c.h.mu.Unlock()
	if deaf {
		return c.enter(ctx, "shutdown", uuid)
	}
	return c.state(ctx, "shutdown", uuid, model.VMShutOff, model.VMRunning)
}

// Reboot implements inventory.Conn.
func (c *Conn) Reboot(ctx context.Context, uuid string) error {
	return c.state(ctx, "reboot", uuid, model.VMRunning, model.VMRunning)
}

// Reset implements inventory.Conn.
func (c *Conn) Reset(ctx context.Context, uuid string) error {
	return c.state(ctx, "reset", uuid, model.VMRunning, model.VMRunning, model.VMPaused)
}

// PowerOff implements inventory.Conn.
func (c *Conn) PowerOff(ctx context.Context, uuid string) error {
	return c.state(ctx, "power-off", uuid, model.VMShutOff, model.VMRunning, model.VMPaused)
}

// Pause implements inventory.Conn.
func (c *Conn) Pause(ctx context.Context, uuid string) error {
	return c.state(ctx, "pause", uuid, model.VMPaused, model.VMRunning)
}

// Resume implements inventory.Conn.
func (c *Conn) Resume(ctx context.Context, uuid string) error {
	return c.state(ctx, "resume", uuid, model.VMRunning, model.VMPaused)
}

// Save implements inventory.Conn.
func (c *Conn) Save(ctx context.Context, uuid string) error {
	if err := c.state(ctx, "save", uuid, model.VMShutOff, model.VMRunning, model.VMPaused); err != nil {
		return err
	}
	return c.h.edit(uuid, func(vm *model.VM) error { vm.HasSavedState = true; return nil })
}

// DiscardSavedState implements inventory.Conn.
func (c *Conn) DiscardSavedState(ctx context.Context, uuid string) error {
	return c.configure(ctx, "discard-saved-state", uuid, func(vm *model.VM) { vm.HasSavedState = false })
}

// JobProgress implements inventory.Conn.
func (c *Conn) JobProgress(ctx context.Context, uuid string) (inventory.Progress, error) {
	return inventory.Progress{Done: 1 << 20, Total: 4 << 20}, c.enter(ctx, "progress", uuid)
}

// AbortSave implements inventory.Conn.
func (c *Conn) AbortSave(ctx context.Context, uuid string) error {
	return c.enter(ctx, "abort-save", uuid)
}

// GuestInfo implements inventory.Conn: the guest is called as the VM is.
func (c *Conn) GuestInfo(ctx context.Context, uuid string) (model.GuestInfo, error) {
	vm, err := one(c, ctx, "guest-info", uuid, c.h.vms)
	if err != nil {
		return model.GuestInfo{}, err
	}
	return model.GuestInfo{
		Hostname: vm.Name, OSName: "Fake OS 1", KernelRelease: "6.1.0-fake",
		Users:       []model.GuestUser{{Name: "somebody", LoginAt: time.UnixMilli(1_000_000_000_000)}},
		Filesystems: []model.GuestFilesystem{{MountPoint: "/", Name: "vda1", Type: "ext4", Total: 8 << 30, Used: 2 << 30}},
	}, nil
}

// FreezeFilesystems implements inventory.Conn.
func (c *Conn) FreezeFilesystems(ctx context.Context, uuid string) error {
	return c.enter(ctx, "freeze", uuid)
}

// ThawFilesystems implements inventory.Conn.
func (c *Conn) ThawFilesystems(ctx context.Context, uuid string) error {
	return c.enter(ctx, "thaw", uuid)
}

// TrimFilesystems implements inventory.Conn.
func (c *Conn) TrimFilesystems(ctx context.Context, uuid string) error {
	return c.enter(ctx, "trim", uuid)
}

// Storage implements inventory.Conn: every disk is on a volume of its own,
// unless it is read-only.
func (c *Conn) Storage(ctx context.Context, uuid string) ([]inventory.DiskStorage, error) {
	vm, err := one(c, ctx, "storage", uuid, c.h.vms)
	if err != nil {
		return nil, err
	}
	var list []inventory.DiskStorage
	for _, d := range vm.Disks {
		s := inventory.DiskStorage{Disk: d.ID, Volume: d.Source}
		if d.ReadOnly {
			s.Kept = d.Target + " is read-only."
		}
		list = append(list, s)
	}
	return list, nil
}

// DeleteVolume implements inventory.Conn.
func (c *Conn) DeleteVolume(ctx context.Context, path string) error {
	return c.enter(ctx, "delete-volume", path)
}

// Clone implements inventory.Conn: it is half done when the hook runs.
func (c *Conn) Clone(ctx context.Context, uuid string, spec inventory.CloneSpec) (string, error) {
	vm, err := one(c, ctx, "read", uuid, c.h.vms)
	if err != nil {
		return "", err
	}
	spec.Progress(1<<20, 2<<20)
	if err := c.enter(ctx, "clone", uuid); err != nil {
		return "", err
	}
	if !spec.Finish() {
		return "", errs.New(errs.Cancelled, "The operation was cancelled.")
	}
	clone := VM(2_000_000+len(c.h.Calls()), spec.Name)
	clone.Disks, clone.Interfaces = vm.Disks, vm.Interfaces
	c.h.Put(clone)
	return clone.UUID, nil
}

// SetTemplate implements inventory.Conn.
func (c *Conn) SetTemplate(ctx context.Context, uuid string, on bool) error {
	return c.configure(ctx, "set-template", uuid, func(vm *model.VM) { vm.Template = on })
}

// Delete implements inventory.Conn.
func (c *Conn) Delete(ctx context.Context, uuid string) error {
	if err := c.enter(ctx, "delete", uuid); err != nil {
		return err
	}
	c.h.Drop(uuid)
	return nil
}

// configure makes an operation that changes the stored configuration.
func (c *Conn) configure(ctx context.Context, operation, uuid string, change func(*model.VM)) error {
	if err := c.enter(ctx, operation, uuid); err != nil {
		return err
	}
	return c.h.edit(uuid, func(vm *model.VM) error {
		change(vm)
		vm.ConfigVersion++
		return nil
	})
}

// Rename implements inventory.Conn.
func (c *Conn) Rename(ctx context.Context, uuid, name string) error {
	return c.configure(ctx, "rename", uuid, func(vm *model.VM) { vm.Name = name })
}

// SetTitle implements inventory.Conn.
func (c *Conn) SetTitle(ctx context.Context, uuid, title string) error {
	return c.configure(ctx, "set-title", uuid, func(vm *model.VM) { vm.Title = title })
}

// SetDescription implements inventory.Conn.
func (c *Conn) SetDescription(ctx context.Context, uuid, text string) error {
	return c.configure(ctx, "set-description", uuid, func(vm *model.VM) { vm.Description = text })
}

// SetTags implements inventory.Conn.
func (c *Conn) SetTags(ctx context.Context, uuid string, tags []string) error {
	return c.configure(ctx, "set-tags", uuid, func(vm *model.VM) { vm.Tags = tags })
}

// SetAutostart implements inventory.Conn.
func (c *Conn) SetAutostart(ctx context.Context, uuid string, on bool) error {
	return c.configure(ctx, "set-autostart", uuid, func(vm *model.VM) { vm.Autostart = on })
}

// SetVCPUs implements inventory.Conn.
func (c *Conn) SetVCPUs(ctx context.Context, uuid string, n uint32, _ inventory.Apply) (inventory.Applied, error) {
	return inventory.Applied{NextBoot: true}, c.configure(ctx, "set-vcpus", uuid, func(vm *model.VM) { vm.VCPUs = n })
}

// SetMemory implements inventory.Conn.
func (c *Conn) SetMemory(ctx context.Context, uuid string, bytes uint64, _ inventory.Apply) (inventory.Applied, error) {
	return inventory.Applied{NextBoot: true}, c.configure(ctx, "set-memory", uuid, func(vm *model.VM) { vm.Memory = bytes })
}

// Secret is in the arguments of the kernel of each VM.
const Secret = "the kernel's secret"

// XML implements inventory.Conn.
func (c *Conn) XML(ctx context.Context, uuid string, inactive, secrets bool) (string, error) {
	return fmt.Sprintf("<domain inactive='%v' secrets='%v'><uuid>%s</uuid><os><cmdline>%s</cmdline></os></domain>", inactive, secrets, uuid, Secret), c.enter(ctx, "xml", uuid)
}

// DefineXML implements inventory.Conn. The XML is the VM's name here, unless it
// is a definition that the service made.
func (c *Conn) DefineXML(ctx context.Context, xml, uuid string) (string, error) {
	if err := c.enter(ctx, "define", uuid); err != nil {
		return "", err
	}
	if uuid != "" {
		return uuid, c.configure(ctx, "redefine", uuid, func(vm *model.VM) { vm.Name = xml })
	}
	if vm, err := domainxml.ParseVM("", xml); err == nil {
		vm.ID, vm.State, vm.ConfigVersion = -1, model.VMShutOff, 1
		c.h.Put(vm)
		return vm.UUID, nil
	}
	vm := VM(1_000_000+len(c.h.Calls()), xml)
	c.h.Put(vm)
	return vm.UUID, nil
}

// DefineNew implements inventory.Conn.
func (c *Conn) DefineNew(ctx context.Context, xml string, _ bool) (string, error) {
	return c.DefineXML(ctx, xml, "")
}

// Screen is the picture of what each VM shows.
const Screen = "\x89PNG of a screen"

// Screenshot implements inventory.Conn.
func (c *Conn) Screenshot(ctx context.Context, uuid string, _ uint32, w io.Writer) (string, error) {
	if err := c.enter(ctx, "screenshot", uuid); err != nil {
		return "", err
	}
	_, err := io.WriteString(w, Screen)
	return "image/png", err
}

// SendKeys implements inventory.Conn.
func (c *Conn) SendKeys(ctx context.Context, uuid string, codes []uint32) error {
	return c.enter(ctx, fmt.Sprintf("send-keys %v", codes), uuid)
}

// OpenDisplay implements inventory.Conn: what is written comes back.
func (c *Conn) OpenDisplay(ctx context.Context, uuid string, _ uint32) (*os.File, inventory.DisplayInfo, error) {
	file, err := echo()
	if err == nil {
		err = c.enter(ctx, "display", uuid)
	}
	return file, inventory.DisplayInfo{Type: "vnc"}, err
}

// OpenConsole implements inventory.Conn: what is written comes back.
func (c *Conn) OpenConsole(ctx context.Context, uuid, alias string, _ bool) (*os.File, error) {
	if err := c.enter(ctx, "console "+alias, uuid); err != nil {
		return nil, err
	}
	return echo()
}
