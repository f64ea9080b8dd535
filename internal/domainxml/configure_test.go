package domainxml

import (
	"strings"
	"testing"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

const configured = `<domain type='kvm' xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'>
<name>a &amp; b</name><memory unit='KiB'>2097152</memory><currentMemory unit='KiB'>1048576</currentMemory>
<vcpu placement='static' current='2'>4</vcpu><vcpus><vcpu id='0' enabled='yes'/></vcpus>
<os firmware='efi'><type arch='x86_64' machine='pc-q35-9.2'>hvm</type><firmware><feature enabled='no' name='secure-boot'/></firmware><loader type='pflash'>/f</loader><nvram>/n</nvram></os>
<features><acpi/></features>
<cpu mode='custom' match='exact'><model>qemu64</model><feature policy='require' name='vmx'/><topology sockets='2' dies='1' cores='2' threads='1'/></cpu>
<devices/><q:commandline><q:arg value='-x'/></q:commandline></domain>`

func configure(t *testing.T, c model.Configuration, keys ...string) (string, error) {
	t.Helper()
	c.Given = map[string]bool{}
	for _, key := range keys {
		c.Given[key] = true
	}
	return Configure(configured, &c)
}

func TestAMachineIsConfiguredAndTheRestStays(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		c          model.Configuration
		keys       []string
		has, hasNo []string
	}{
		"a mode": {
			model.Configuration{CPUMode: "host-passthrough"},
			[]string{"cpu-mode"},
			[]string{`<cpu mode="host-passthrough" check="none"><topology`},
			[]string{"qemu64", "vmx"},
		},
		"a model": {
			model.Configuration{CPUMode: "custom", CPUModel: "Skylake-Client"},
			[]string{"cpu-mode", "cpu-model"},
			[]string{`<cpu mode="custom" match="exact"><model fallback="forbid">Skylake-Client</model>`},
			[]string{"qemu64"},
		},
		"a topology": {
			model.Configuration{CPUSockets: 1, CPUCores: 3, CPUThreads: 2},
			[]string{"cpu-sockets", "cpu-cores", "cpu-threads"},
			[]string{`<topology sockets="1" cores="3" threads="2">`, `current="2">6</vcpu>`, "qemu64"},
			[]string{`dies`, "<vcpus>"},
		},
		"fewer than are in use": {
			model.Configuration{MaxVCPUs: 1},
			[]string{"max-vcpus"},
			[]string{`current="1">1</vcpu>`},
			[]string{"topology"},
		},
		"no topology": {
			model.Configuration{},
			[]string{"cpu-sockets", "cpu-cores", "cpu-threads"},
			[]string{`current="2">4</vcpu>`},
			[]string{"topology"},
		},
		"more memory": {
			model.Configuration{MaxMemory: 4 << 30},
			[]string{"max-memory"},
			[]string{`<memory unit="KiB">4194304</memory>`, `<currentMemory unit="KiB">1048576</currentMemory>`},
			nil,
		},
		"less memory": {
			model.Configuration{MaxMemory: 512 << 20},
			[]string{"max-memory"},
			[]string{`<memory unit="KiB">524288</memory>`, `<currentMemory unit="KiB">524288</currentMemory>`},
			nil,
		},
		"shared memory": {
			model.Configuration{SharedMemory: true},
			[]string{"shared-memory"},
			[]string{`<access mode="shared">`, `<source type="memfd">`},
			nil,
		},
		"a machine": {model.Configuration{MachineType: "q35"}, []string{"machine-type"}, []string{`machine="q35"`}, nil},
		"a BIOS": {
			model.Configuration{Firmware: model.FirmwareBIOS},
			[]string{"firmware"},
			[]string{"<os><type"},
			[]string{"efi", "loader", "nvram", "secure-boot"},
		},
		"Secure Boot": {
			model.Configuration{SecureBoot: true},
			[]string{"secure-boot"},
			[]string{`firmware="efi"`, `<feature enabled="yes" name="secure-boot">`, `<smm state="on">`},
			[]string{"loader", "nvram"},
		},
		"UEFI without a word of Secure Boot": {
			model.Configuration{Firmware: model.FirmwareUEFI}, []string{"firmware"}, []string{"<nvram>/n</nvram>", `enabled="no"`}, nil,
		},
		"the Secure Boot that it has": {
			model.Configuration{}, []string{"secure-boot"}, []string{"<nvram>/n</nvram>", "<loader"}, []string{"enrolled-keys"},
		},
	} {
		doc, err := configure(t, tt.c, tt.keys...)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, part := range append(tt.has, `a &amp; b`, `-x`) {
			if !strings.Contains(doc, part) {
				t.Errorf("%s: without %s: %s", name, part, doc)
			}
		}
		for _, part := range tt.hasNo {
			if strings.Contains(doc, part) {
				t.Errorf("%s: with %s: %s", name, part, doc)
			}
		}
	}
}

func TestWhatWouldBreakAMachineIsRefused(t *testing.T) {
	t.Parallel()
	if _, err := configure(t, model.Configuration{MachineType: "pc-i440fx-9.2"}, "machine-type"); !errs.Is(err, errs.NotSupported) {
		t.Errorf("another family: %v", err)
	}
	bios := strings.ReplaceAll(configured, "<os firmware='efi'>", "<os>")
	bios = strings.ReplaceAll(bios, "<loader type='pflash'>/f</loader>", "")
	c := &model.Configuration{SecureBoot: true, Given: map[string]bool{"secure-boot": true}}
	if _, err := Configure(bios, c); !errs.Is(err, errs.InvalidArgument) {
		t.Errorf("Secure Boot of a BIOS: %v", err)
	}
	numa := strings.ReplaceAll(configured, "<topology", "<numa><cell id='0'/></numa><topology")
	c = &model.Configuration{MaxMemory: 4 << 30, Given: map[string]bool{"max-memory": true}}
	if _, err := Configure(numa, c); !errs.Is(err, errs.NotSupported) {
		t.Errorf("memory of NUMA nodes: %v", err)
	}
}

func TestWhatIsConfiguredIsRead(t *testing.T) {
	t.Parallel()
	doc, err := configure(t, model.Configuration{CPUSockets: 1, CPUCores: 2, CPUThreads: 2, SharedMemory: true}, "cpu-sockets", "cpu-cores", "cpu-threads", "shared-memory")
	if err != nil {
		t.Fatal(err)
	}
	vm, err := ParseVM("", doc)
	if err != nil || vm.CPUModel != "qemu64" || vm.CPUSockets != 1 || vm.CPUCores != 2 || vm.CPUThreads != 2 || !vm.SharedMemory || vm.MaxVCPUs != 4 || vm.VCPUs != 2 {
		t.Errorf("read is %+v (%v)", vm, err)
	}
}
