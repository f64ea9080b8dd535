package ui

import (
	"strings"

	"github.com/diamondburned/gotk4-adwaita/pkg/adw"

	"org.kvmmanager/client-gtk/i18n"
	"org.kvmmanager/internal/model"
)

// hardware lists every device, in groups.
type hardware struct {
	general, disks, networks, screens, ports, shares, others *rows
}

func newHardware(page *adw.PreferencesPage) *hardware {
	group := func(title string) *rows {
		g := adw.NewPreferencesGroup()
		g.SetTitle(title)
		page.Add(g)
		return newRows(g)
	}
	return &hardware{
		general: group(i18n.T("Machine")), disks: group(i18n.T("Disks")), networks: group(i18n.T("Network")),
		screens: group(i18n.T("Screens")), ports: group(i18n.T("Serial Ports")), shares: group(i18n.T("Shared Folders")),
		others: group(i18n.T("Other Devices")),
	}
}

func (h *hardware) show(vm *model.VM) {
	processors := i18n.F("%d", vm.VCPUs)
	if vm.MaxVCPUs > vm.VCPUs {
		processors = i18n.F("%d of %d", vm.VCPUs, vm.MaxVCPUs)
	}
	memory := words.Size(vm.Memory)
	if vm.MaxMemory > vm.Memory {
		memory = i18n.F("%s of %s", memory, words.Size(vm.MaxMemory))
	}
	h.general.set([]fact{
		{i18n.T("Processors"), join(processors, vm.CPUMode)},
		{i18n.T("Memory"), memory},
		{i18n.T("Machine type"), join(vm.MachineType, vm.Architecture)},
		{i18n.T("Firmware"), firmware(vm)},
	})
	h.disks.set(facts(vm.Disks, diskFact))
	h.networks.set(facts(vm.Interfaces, networkFact))
	h.screens.set(facts(vm.Graphics, screenFact))
	h.ports.set(facts(vm.Consoles, plainFact))
	h.shares.set(facts(vm.Shares, shareFact))
	h.others.set(facts(vm.Devices, plainFact))
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
		text = join(text, i18n.T("Secure Boot"))
	}
	return text
}

var kinds = map[model.DeviceKind]string{
	model.KindDisk: i18n.Mark("Disk"), model.KindCDROM: i18n.Mark("CD drive"), model.KindFloppy: i18n.Mark("Floppy drive"), model.KindInterface: i18n.Mark("Network card"),
	model.KindVideo: i18n.Mark("Video card"), model.KindSerial: i18n.Mark("Serial port"), model.KindParallel: i18n.Mark("Parallel port"), model.KindConsole: i18n.Mark("Console"),
	model.KindChannel: i18n.Mark("Channel"), model.KindController: i18n.Mark("Controller"), model.KindInput: i18n.Mark("Input"), model.KindSound: i18n.Mark("Sound card"),
	model.KindTPM: i18n.Mark("TPM"), model.KindRNG: i18n.Mark("Random numbers"), model.KindWatchdog: i18n.Mark("Watchdog"), model.KindVsock: i18n.Mark("VM socket"),
	model.KindPanic: i18n.Mark("Crash notification"), model.KindBalloon: i18n.Mark("Memory balloon"), model.KindHostDevice: i18n.Mark("Host device"),
	model.KindUSBRedir: i18n.Mark("USB redirection"), model.KindSmartcard: i18n.Mark("Smartcard reader"), model.KindIOMMU: i18n.Mark("IOMMU"), model.KindMemory: i18n.Mark("Memory module"),
}

func kindName(d *model.Device) string {
	if name, known := kinds[d.Kind]; known {
		return i18n.T(name)
	}
	return string(d.Kind)
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
	return fact{join(kindName(d), d.Target, d.Bus, size), join(source, d.Format)}
}

func networkFact(d *model.Device) fact {
	where := orElse(d.NetworkName, orElse(d.Bridge, orElse(d.HostDevice, d.Type)))
	parts := append([]string{where, d.MAC}, d.IPAddresses...)
	if d.LinkDown {
		parts = append(parts, i18n.T("unplugged"))
	}
	return fact{join(kindName(d), d.Model), join(parts...)}
}

func screenFact(d *model.Device) fact {
	listen := i18n.T("only through this service")
	if d.Port > 0 {
		listen = i18n.F("%s port %d", d.Listen, d.Port)
	}
	return fact{strings.ToUpper(d.Type), listen}
}

func shareFact(d *model.Device) fact { return fact{orElse(d.Tag, d.Target), join(d.Source, d.Backend)} }

func plainFact(d *model.Device) fact {
	return fact{kindName(d), join(d.Model, d.Type, d.Name, d.Target, d.State, d.Address)}
}

// join puts what there is behind each other.
func join(parts ...string) string {
	var there []string
	for _, p := range parts {
		if p != "" {
			there = append(there, p)
		}
	}
	return strings.Join(there, " · ")
}
