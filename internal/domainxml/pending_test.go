package domainxml

import (
	"slices"
	"strings"
	"testing"
)

// replaced is s with each old text replaced by the new one after it.
func replaced(s string, pairs ...string) string { return strings.NewReplacer(pairs...).Replace(s) }

func TestAFreshlyStartedVMHasNothingPending(t *testing.T) {
	t.Parallel()
	for _, name := range vmNames(t) {
		if strings.HasSuffix(name, "-changed") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			vm, err := ParseVM(vmPair(t, name))
			if err != nil {
				t.Fatal(err)
			}
			if len(vm.PendingChanges) != 0 {
				t.Errorf("got %v", vm.PendingChanges)
			}
		})
	}
}

func TestPendingChanges(t *testing.T) {
	t.Parallel()
	const cdrom = "<source file='/var/lib/libvirt/images/cd.iso'/>"
	for _, tt := range []struct {
		name     string
		old, new string // an edit of the stored document
		want     []string
	}{
		{"title", "A rich machine", "Another", []string{"Title"}},
		{"description", "Two lines", "Three", []string{"Description"}},
		{"vCPUs", "current='2'>4<", "current='3'>4<", []string{"VCPUs"}},
		{"most vCPUs", "current='2'>4<", "current='2'>8<", []string{"MaxVCPUs"}},
		{"all vCPUs", " current='2'>4<", ">4<", []string{"VCPUs"}},
		{"more memory", "<memory unit='KiB'>262144<", "<memory unit='KiB'>524288<", []string{"MaxMemory"}},
		{"the same memory in another unit", "<memory unit='KiB'>262144<", "<memory unit='MiB'>256<", nil},
		{"machine", "pc-q35-10.0", "pc-q35-9.2", []string{"MachineType"}},
		{"firmware", "<os>", "<os firmware='efi'>", []string{"Firmware"}},
		{"CPU", "mode='host-model'", "mode='host-passthrough'", []string{"CPUMode"}},
		{"operating system", "debian/12", "debian/13", []string{"OSId"}},
		{"legacy boot order", "<boot dev='cdrom'/>", "<boot dev='network'/>", []string{"BootOrder"}},
		{"boot order of a device", "<serial>ABC123</serial>", "<serial>ABC123</serial><boot order='1'/>", []string{"BootOrder", "disk-vda"}},
		{"tags", "<kvmmanager:tag>web</kvmmanager:tag>", "", []string{"Tags"}},
		{"a TPM", "</devices>", "<tpm model='tpm-crb'/></devices>", []string{"TPM", "tpm-0"}},
		{"a new disk", "</devices>", "<disk type='file'><target dev='vdz'/></disk></devices>", []string{"disk-vdz"}},
		{"a disk's cache", "cache='none'", "cache='writeback'", []string{"disk-vda"}},
		{"a medium", cdrom, "<source file='/other.iso'/>", []string{"cdrom-sdc"}},
		{"a medium taken out", cdrom, "", []string{"cdrom-sdc"}},
		{"a network", "<source network='default'/>", "<source network='other'/>", []string{"interface-52:54:00:aa:00:01"}},
		{"a link", "<link state='down'/>", "", []string{"interface-52:54:00:aa:00:02"}},
		{"a network card replaced", "52:54:00:aa:00:02", "52:54:00:aa:00:42", []string{"interface-52:54:00:aa:00:02", "interface-52:54:00:aa:00:42"}},
		{"where a display listens", "127.0.0.1", "0.0.0.0", []string{"graphics-vnc"}},
		{"a fixed port", "port='-1' autoport='yes'", "port='5911' autoport='no'", []string{"graphics-vnc"}},
		{"a serial port's file", "rich-serial1.log", "other.log", []string{"serial-1"}},
		{"a serial port's type", "<serial type='file'>", "<serial type='dev'>", []string{"serial-1"}},
		{"a share", "srvtag", "data", []string{"share-srvtag", "share-data"}},
		{"a watchdog's action", "action='reset'", "action='poweroff'", []string{"watchdog-0"}},
		{"an address on the guest's bus is no news", "bus='0x07'", "bus='0x17'", nil},
		{"a controller comes and goes with its devices", "</devices>", "<controller type='scsi' index='0'/></devices>", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			live, stored := vmPair(t, "rich")
			edited := replaced(stored, tt.old, tt.new)
			if edited == stored {
				t.Fatalf("the document has no %q", tt.old)
			}
			vm, err := ParseVM(live, edited)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(vm.PendingChanges, tt.want) {
				t.Errorf("got %v, want %v", vm.PendingChanges, tt.want)
			}
		})
	}
}

func TestPendingMemory(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, live, stored string
		want               []string
	}{
		{"the balloon is where it shall be", memory("512", "256"), memory("512", "256"), nil},
		{"the balloon has not moved yet", memory("512", "512"), memory("512", "256"), nil},
		{"more at the next boot", memory("512", "256"), memory("512", "384"), []string{"Memory"}},
		{"less at the next boot", memory("512", "384"), memory("512", "256"), []string{"Memory"}},
		{"all of it at the next boot", memory("512", "256"), memory("512", "512"), []string{"Memory"}},
		{"twice as much of both", memory("512", "512"), memory("1024", "1024"), []string{"Memory", "MaxMemory"}},
		{"less of both", memory("512", "512"), memory("256", "256"), []string{"Memory", "MaxMemory"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			vm, err := ParseVM(tt.live, tt.stored)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(vm.PendingChanges, tt.want) {
				t.Errorf("got %v, want %v", vm.PendingChanges, tt.want)
			}
		})
	}
}

func memory(most, current string) string {
	return "<domain><memory unit='MiB'>" + most + "</memory><currentMemory unit='MiB'>" + current + "</currentMemory></domain>"
}

func TestWhatStartFillsInIsNotPending(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, live, stored string }{
		{
			"a network that is macvtap",
			"<interface type='direct'><mac address='02:00:00:00:00:01'/><source network='lan' dev='eth0' mode='bridge'/><target dev='macvtap0'/></interface>",
			"<interface type='network'><mac address='02:00:00:00:00:01'/><source network='lan'/></interface>",
		},
		{
			"a network's MTU",
			"<interface type='network'><mac address='02:00:00:00:00:01'/><source network='lan' bridge='virbr1'/><mtu size='9000'/></interface>",
			"<interface type='network'><mac address='02:00:00:00:00:01'/><source network='lan'/></interface>",
		},
		{"a context id", "<vsock><cid auto='yes' address='3'/></vsock>", "<vsock><cid auto='yes'/></vsock>"},
		{
			"where a USB device is plugged",
			"<hostdev type='usb'><source><vendor id='0x1d6b'/><product id='0x0002'/><address bus='1' device='7'/></source></hostdev>",
			"<hostdev type='usb'><source><vendor id='0x1d6b'/><product id='0x0002'/></source></hostdev>",
		},
		{
			"an agent that connects",
			"<channel type='unix'><source path='/run/x'/><target type='virtio' name='org.qemu.guest_agent.0' state='connected'/></channel>",
			"<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			vm, err := ParseVM("<domain><devices>"+tt.live+"</devices></domain>", "<domain><devices>"+tt.stored+"</devices></domain>")
			if err != nil {
				t.Fatal(err)
			}
			if len(vm.PendingChanges) != 0 {
				t.Errorf("got %v", vm.PendingChanges)
			}
		})
	}
}
