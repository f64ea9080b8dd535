package ui

import (
	"errors"
	"strings"

	"github.com/diamondburned/gotk4-adwaita/pkg/adw"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	"org.kvmmanager/client-gtk/i18n"
	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/model"
)

// HardwareService is what changes of hardware need of the world.
type HardwareService interface {
	// ChangeHardware changes a VM's hardware, or says what would become of that.
	// For a dry run no password is asked for.
	ChangeHardware(vm model.Path, c store.HardwareChange, dryRun bool, then func(store.Outcome, error))
	// Surroundings is what devices of a host's VMs can be connected to, from
	// memory.
	Surroundings(host model.Path) store.Surroundings
	// VM is a VM as it is known now, or nil.
	VM(path model.Path) *model.VM
	// XML is a VM's definition: that of now, or the stored one. For editing it
	// has passwords.
	XML(vm model.Path, inactive, edit bool, then func(string, error))
	// SetXML replaces the stored definition, if it has this version still.
	SetXML(vm model.Path, xml string, version uint64, then func(error))
	// Fail shows what went wrong; no error shows nothing.
	Fail(heading string, err error)
}

// hardware lists every device, in groups, and opens them.
type hardware struct {
	service     Service
	page        *adw.PreferencesPage
	vm          *model.VM
	host        *model.Host
	permissions map[string]client.Permission
	add         *gtk.Button
	general     *opened
	devices     []*deviceGroup
}

// deviceGroup is the devices of a VM that are in one list.
type deviceGroup struct {
	*opened
	of       func(*model.VM) []*model.Device
	describe func(*model.Device) fact
}

func newHardware(page *adw.PreferencesPage, service Service) *hardware {
	h := &hardware{service: service, page: page, add: gtk.NewButtonWithMnemonic(i18n.T("_Add Device…"))}
	h.add.AddCSSClass("flat")
	h.add.ConnectClicked(func() { showAddDevice(h.page, h.service, h.vm, h.host, h.permissions) })
	h.general = newOpened(page, i18n.T("Machine"), h.openGeneral)
	h.general.group.SetHeaderSuffix(h.add)
	for _, g := range []struct {
		title    string
		of       func(*model.VM) []*model.Device
		describe func(*model.Device) fact
	}{
		{i18n.T("Disks"), func(vm *model.VM) []*model.Device { return vm.Disks }, diskFact},
		{i18n.T("Network"), func(vm *model.VM) []*model.Device { return vm.Interfaces }, networkFact},
		{i18n.T("Screens"), func(vm *model.VM) []*model.Device { return vm.Graphics }, screenFact},
		{i18n.T("Serial Ports"), func(vm *model.VM) []*model.Device { return vm.Consoles }, plainFact},
		{i18n.T("Shared Folders"), func(vm *model.VM) []*model.Device { return vm.Shares }, shareFact},
		{i18n.T("Other Devices"), func(vm *model.VM) []*model.Device { return vm.Devices }, plainFact},
	} {
		group := &deviceGroup{of: g.of, describe: g.describe}
		group.opened = newOpened(page, g.title, func(place int) {
			if list := group.of(h.vm); place < len(list) {
				showDevice(h.page, h.service, h.vm, list[place].ID, h.why())
			}
		})
		h.devices = append(h.devices, group)
	}
	return h
}

// enable lets through what the VM's host and a person's rights allow.
func (h *hardware) enable(vm *model.VM, host *model.Host, permissions map[string]client.Permission) {
	h.vm, h.host, h.permissions = vm, host, permissions
	h.add.SetSensitive(h.why() == "")
	h.add.SetTooltipText(h.why())
	for _, g := range h.devices {
		g.enableQuick(h.why())
	}
}

// why is why the hardware cannot be changed; empty when it can.
func (h *hardware) why() string { return words.WhyNot(store.Hardware, h.vm, h.host, h.permissions) }

func (h *hardware) show(vm *model.VM) {
	h.vm = vm
	h.general.set(h.generalFacts())
	for _, g := range h.devices {
		list := g.of(vm)
		g.set(facts(list, g.describe))
		for i, d := range list {
			if d.Kind == model.KindCDROM && d.Source != "" {
				g.quick(i, "media-eject-symbolic", i18n.F("Eject the Medium of %s", d.Target), func() { h.eject(d.ID) })
			} else {
				g.quick(i, "", "", nil)
			}
		}
	}
}

// eject takes the medium out of a drive.
func (h *hardware) eject(id string) {
	vm := h.vm
	c := store.HardwareChange{Op: store.UpdateDevice, ID: id, Values: map[string]any{"source": ""}, Version: vm.ConfigVersion}
	h.service.ChangeHardware(vm.Path(), c, false, func(_ store.Outcome, err error) {
		h.service.Fail(i18n.F("“%s” Was Not Changed", store.Title(vm)), lost(err))
	})
}

// The rows about the machine, in their order.
const (
	processorsRow = iota
	memoryRow
	machineRow
	firmwareRow
	bootRow
	xmlRow
)

func (h *hardware) generalFacts() []fact {
	vm := h.vm
	processors := i18n.F("%d", vm.VCPUs)
	if vm.MaxVCPUs > vm.VCPUs {
		processors = i18n.F("%d of %d", vm.VCPUs, vm.MaxVCPUs)
	}
	memory := words.Size(vm.Memory)
	if vm.MaxMemory > vm.Memory {
		memory = i18n.F("%s of %s", memory, words.Size(vm.MaxMemory))
	}
	var boot []string
	for _, entry := range store.BootEntries(vm) {
		if entry.On {
			boot = append(boot, words.DeviceTitle(entry.Device))
		}
	}
	return []fact{
		{i18n.T("Processors"), store.Join(processors, vm.CPUMode)},
		{i18n.T("Memory"), memory},
		{i18n.T("Machine type"), store.Join(vm.MachineType, vm.Architecture, vm.CPUModel)},
		{i18n.T("Firmware"), firmware(vm)},
		{i18n.T("Boot order"), orElse(strings.Join(boot, ", "), i18n.T("Hard disks"))},
		{i18n.T("Definition"), i18n.T("Everything about this machine as XML")},
	}
}

func (h *hardware) openGeneral(place int) {
	switch place {
	case processorsRow, memoryRow:
		showEdit(h.page, h.service, h.vm, words.WhyNot(store.Change, h.vm, h.host, h.permissions))
	case machineRow, firmwareRow:
		showMachine(h.page, h.service, h.vm, h.why())
	case bootRow:
		showBootOrder(h.page, h.service, h.vm, h.why())
	case xmlRow:
		showXML(h.page, h.service, h.vm, words.WhyNot(store.EditXML, h.vm, h.host, h.permissions))
	}
}

func facts(devices []*model.Device, describe func(*model.Device) fact) []fact {
	list := make([]fact, len(devices))
	for i, d := range devices {
		list[i] = describe(d)
	}
	return list
}

func firmware(vm *model.VM) string {
	text := strings.ToUpper(string(vm.Firmware))
	if vm.SecureBoot {
		text = store.Join(text, i18n.T("Secure Boot"))
	}
	return text
}

func diskFact(d *model.Device) fact {
	size := ""
	if d.Capacity > 0 {
		size = words.Size(d.Capacity)
	}
	source := orElse(d.Source, d.Pool+"/"+d.Volume)
	if source == "/" {
		source = i18n.T("empty")
	}
	return fact{store.Join(words.DeviceKind(d.Kind), d.Target, d.Bus, size), store.Join(source, d.Format)}
}

func networkFact(d *model.Device) fact {
	where := orElse(d.NetworkName, orElse(d.Bridge, orElse(d.HostDevice, d.Type)))
	parts := append([]string{where, d.MAC}, d.IPAddresses...)
	if d.LinkDown {
		parts = append(parts, i18n.T("unplugged"))
	}
	return fact{store.Join(words.DeviceKind(d.Kind), d.Model), store.Join(parts...)}
}

func screenFact(d *model.Device) fact {
	listen := d.Listen
	switch {
	case d.Listen == "none", d.Listen == "socket":
		listen = i18n.T("only through this service")
	case d.Port > 0:
		listen = i18n.F("%s port %d", d.Listen, d.Port)
	}
	return fact{strings.ToUpper(d.Type), listen}
}

func shareFact(d *model.Device) fact {
	return fact{orElse(d.Tag, d.Target), store.Join(d.Source, d.Backend)}
}

func plainFact(d *model.Device) fact {
	return fact{words.DeviceKind(d.Kind), store.Join(d.Model, d.Type, d.Name, d.Target, d.State, d.Address)}
}

// needsPassword says that the service wants a password first, which was not to
// be asked for.
func needsPassword(err error) bool { return errors.Is(err, client.ErrNeedsInteraction) }
