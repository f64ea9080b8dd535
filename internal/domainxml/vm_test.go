package domainxml

import (
	"math"
	"slices"
	"testing"

	"org.kvmmanager/internal/model"
)

func TestParseVMNeedsADomain(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, live, stored string }{
		{"nothing", "", ""},
		{"white space", " \n", ""},
		{"a live document that is no XML", "<domain", ""},
		{"a stored document that is no XML", "<domain/>", "domain"},
		{"another root element", "<network/>", ""},
		{"a root element of another namespace", "<domain xmlns='urn:x'/>", ""},
		{"a document that ends early", "<domain><devices>", ""},
		{"mismatched elements", "<domain><devices></domain></devices>", ""},
		{"an entity that nobody declared", "<domain><name>&x;</name></domain>", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if vm, err := ParseVM(tt.live, tt.stored); err == nil {
				t.Errorf("no error, and %+v", vm)
			}
		})
	}
}

func TestLiveValuesCountWhenThereAreSome(t *testing.T) {
	t.Parallel()
	live := "<domain><name>a</name><vcpu current='1'>4</vcpu></domain>"
	stored := "<domain><name>a</name><vcpu current='3'>4</vcpu></domain>"
	for _, tt := range []struct {
		name, live, stored string
		vcpus              uint32
		persistent         bool
		pending            []string
	}{
		{"running", live, stored, 1, true, []string{"VCPUs"}},
		{"off", "", stored, 3, true, nil},
		{"transient", live, "", 1, false, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			vm, err := ParseVM(tt.live, tt.stored)
			if err != nil {
				t.Fatal(err)
			}
			if vm.VCPUs != tt.vcpus || vm.Persistent != tt.persistent || !slices.Equal(vm.PendingChanges, tt.pending) {
				t.Errorf("got %d vCPUs, persistent %v, pending %v", vm.VCPUs, vm.Persistent, vm.PendingChanges)
			}
		})
	}
}

func TestVCPUsAndMemory(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, xml         string
		vcpus, maxVCPUs   uint32
		memory, maxMemory uint64
	}{
		{"all in use", "<vcpu>4</vcpu><memory unit='KiB'>1024</memory><currentMemory unit='KiB'>1024</currentMemory>", 4, 4, 1 << 20, 1 << 20},
		{"some in use", "<vcpu current='2'>4</vcpu><memory unit='MiB'>2</memory><currentMemory unit='KiB'>1024</currentMemory>", 2, 4, 1 << 20, 2 << 20},
		{"left out", "", 1, 1, 0, 0},
		{"no unit is KiB, and no current memory is all", "<memory>1</memory>", 1, 1, 1024, 1024},
		{"more in use than there are", "<vcpu current='9'>4</vcpu>", 4, 4, 0, 0},
		{"nonsense", "<vcpu current='-1'>many</vcpu><memory unit='cups'>3</memory>", 1, 1, 0, 0},
		{"more than 64 bits", "<memory unit='EiB'>99</memory>", 1, 1, math.MaxUint64, math.MaxUint64},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			vm, err := ParseVM("", "<domain>"+tt.xml+"</domain>")
			if err != nil {
				t.Fatal(err)
			}
			if vm.VCPUs != tt.vcpus || vm.MaxVCPUs != tt.maxVCPUs || vm.Memory != tt.memory || vm.MaxMemory != tt.maxMemory {
				t.Errorf("got %d of %d vCPUs and %d of %d bytes", vm.VCPUs, vm.MaxVCPUs, vm.Memory, vm.MaxMemory)
			}
		})
	}
}

func TestWhatPeopleWroteComesBackAsItIs(t *testing.T) {
	t.Parallel()
	vm, err := ParseVM("", "<domain><title> a &amp; b </title><description>one\n  two &lt;3&gt;\n</description></domain>")
	if err != nil {
		t.Fatal(err)
	}
	if vm.Title != " a & b " || vm.Description != "one\n  two <3>\n" {
		t.Errorf("got %q and %q", vm.Title, vm.Description)
	}
}

func TestCPUModeIsTheConfiguredOne(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, live, stored, want string }{
		{"expanded at start", "<cpu mode='custom'><model>EPYC</model></cpu>", "<cpu mode='host-model'/>", "host-model"},
		{"filled in at start", "<cpu mode='custom'><model>qemu64</model></cpu>", "", ""},
		{"the same", "<cpu mode='host-passthrough'/>", "<cpu mode='host-passthrough'/>", "host-passthrough"},
		{"changed since", "<cpu mode='host-passthrough'/>", "<cpu mode='host-model'/>", "host-passthrough"},
		{"without a word for it", "<cpu><model>core2duo</model></cpu>", "<cpu><model>core2duo</model></cpu>", "custom"},
		{"only a topology", "<cpu><topology sockets='1'/></cpu>", "<cpu><topology sockets='1'/></cpu>", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			vm, err := ParseVM("<domain>"+tt.live+"</domain>", "<domain>"+tt.stored+"</domain>")
			if err != nil {
				t.Fatal(err)
			}
			if vm.CPUMode != tt.want {
				t.Errorf("got %q, want %q", vm.CPUMode, tt.want)
			}
		})
	}
}

func TestFirmware(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, os   string
		firmware   model.Firmware
		secureBoot bool
	}{
		{"a PC", "<os><type arch='x86_64'>hvm</type></os>", model.FirmwareBIOS, false},
		{"chosen by libvirt", "<os firmware='efi'><type arch='x86_64'>hvm</type></os>", model.FirmwareUEFI, false},
		{"a file in flash", "<os><type arch='x86_64'>hvm</type><loader type='pflash'>/x</loader></os>", model.FirmwareUEFI, false},
		{"a secure loader", "<os><loader type='pflash' secure='yes'>/x</loader></os>", model.FirmwareUEFI, true},
		{"secure boot asked for", "<os firmware='efi'><firmware><feature enabled='yes' name='secure-boot'/></firmware></os>", model.FirmwareUEFI, true},
		{"secure boot declined", "<os firmware='efi'><firmware><feature enabled='no' name='secure-boot'/></firmware></os>", model.FirmwareUEFI, false},
		{"another machine", "<os><type arch='s390x'>hvm</type></os>", "", false},
		{"another machine with a BIOS", "<os firmware='bios'><type arch='mips'>hvm</type></os>", model.FirmwareBIOS, false},
		{"unknown", "", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			vm, err := ParseVM("", "<domain>"+tt.os+"</domain>")
			if err != nil {
				t.Fatal(err)
			}
			if vm.Firmware != tt.firmware || vm.SecureBoot != tt.secureBoot {
				t.Errorf("got %q, secure boot %v", vm.Firmware, vm.SecureBoot)
			}
		})
	}
}

func TestBootOrder(t *testing.T) {
	t.Parallel()
	devices := "<devices><disk><target dev='vda'/>%BOOT2%</disk><interface><mac address='02:00:00:00:00:01'/>%BOOT1%</interface></devices>"
	with := func(one, two string) string {
		return replaced(devices, "%BOOT1%", one, "%BOOT2%", two)
	}
	for _, tt := range []struct {
		name, xml string
		want      []string
	}{
		{"by device", with("<boot order='1'/>", "<boot order='2'/>"), []string{"interface-02:00:00:00:00:01", "disk-vda"}},
		{"one device", with("", "<boot order='7'/>"), []string{"disk-vda"}},
		{"legacy names", "<os><boot dev='cdrom'/><boot dev='hd'/></os>" + with("", ""), []string{"cdrom", "hd"}},
		{"none", with("", ""), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			vm, err := ParseVM("", "<domain>"+tt.xml+"</domain>")
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(vm.BootOrder, tt.want) {
				t.Errorf("got %v, want %v", vm.BootOrder, tt.want)
			}
		})
	}
}
