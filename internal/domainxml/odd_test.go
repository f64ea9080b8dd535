package domainxml

import (
	"slices"
	"strings"
	"testing"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

// odd is a domain with these devices.
func odd(before, devices string) string {
	return "<domain type='qemu'><name>odd</name><memory unit='MiB'>64</memory>" + before + "<devices>" + devices + "</devices></domain>"
}

// TestRareValuesAreRight has a definition for each value that was misleading.
func TestRareValuesAreRight(t *testing.T) {
	t.Parallel()
	disk := func(kind, source string) string {
		return "<disk type='" + kind + "' device='disk'>" + source + "<target dev='vda' bus='virtio'/></disk>"
	}
	for name, test := range map[string]struct {
		doc  string
		get  func(*model.VM) any
		want any
	}{
		"an NVMe disk": {
			odd("", disk("nvme", "<source type='pci' managed='yes' namespace='1'><address domain='0x0000' bus='0x01' slot='0x00' function='0x0'/></source>")),
			func(vm *model.VM) any { return vm.Disks[0].Source }, "pci:0000:01:00.0",
		},
		"NBD over a socket": {
			odd("", disk("network", "<source protocol='nbd' name='bar'><host transport='unix' socket='/run/nbd.sock'/></source>")),
			func(vm *model.VM) any { return vm.Disks[0].Source }, "nbd+unix:///bar?socket=/run/nbd.sock",
		},
		"NBD over IPv6": {
			odd("", disk("network", "<source protocol='nbd' name='bar'><host name='2001:db8::7' port='6000'/></source>")),
			func(vm *model.VM) any { return vm.Disks[0].Source }, "nbd://[2001:db8::7]:6000/bar",
		},
		"a web server with IPv6": {
			odd("", disk("network", "<source protocol='http' name='/a.iso'><host name='2001:db8::7' port='8080'/></source>")),
			func(vm *model.VM) any { return vm.Disks[0].Source }, "http://[2001:db8::7]:8080/a.iso",
		},
		"three hosts of Ceph": {
			odd("", disk("network", "<source protocol='rbd' name='pool/image'><host name='mon1.example' port='6789'/><host name='mon2.example'/><host name='::1' port='6789'/></source>")),
			func(vm *model.VM) any { return vm.Disks[0].Source }, "rbd://mon1.example:6789,mon2.example,[::1]:6789/pool/image",
		},
		"a transient disk": {
			odd("", disk("file", "<source file='/a'/><transient/>")), func(vm *model.VM) any { return vm.Disks[0].Transient }, true,
		},
		"dies": {
			odd("<vcpu>8</vcpu><cpu><topology sockets='1' dies='2' cores='2' threads='2'/></cpu>", ""),
			func(vm *model.VM) any { return []uint32{vm.CPUSockets, vm.CPUDies, vm.CPUCores, vm.CPUThreads} },
			[]uint32{1, 2, 2, 2},
		},
		"a display that listens everywhere": {
			odd("", "<graphics type='vnc' port='-1' autoport='yes' listen='0.0.0.0'/>"), func(vm *model.VM) any { return vm.Graphics[0].Listen }, "0.0.0.0",
		},
		"a display with a password": {
			odd("", "<graphics type='vnc' passwd='secret1'/>"), func(vm *model.VM) any { return vm.Graphics[0].HasPassword }, true,
		},
		"no balloon": {
			odd("", "<memballoon model='none'/><controller type='usb' model='none'/>"), func(vm *model.VM) any { return len(vm.Devices) }, 0,
		},
		"a serial port over TCP on IPv6": {
			odd("", "<serial type='tcp'><source mode='bind' host='::1' service='4555'/><target port='0'/></serial>"),
			func(vm *model.VM) any { return vm.Consoles[0].Source }, "[::1]:4555",
		},
	} {
		vm, err := ParseVM("", test.doc)
		if err != nil {
			t.Fatal(err)
		}
		if got := test.get(vm); !equalValues(got, test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

func equalValues(a, b any) bool {
	if x, ok := a.([]uint32); ok {
		return slices.Equal(x, b.([]uint32))
	}
	return a == b
}

// TestMemoryThatLibvirtRoundsIsNoPendingChange has what libvirt makes of 100000 KiB.
func TestMemoryThatLibvirtRoundsIsNoPendingChange(t *testing.T) {
	t.Parallel()
	doc := func(arch, memory, current string) string {
		return "<domain><memory unit='KiB'>" + memory + "</memory><currentMemory unit='KiB'>" + current + "</currentMemory><os><type arch='" + arch + "'>hvm</type></os></domain>"
	}
	for _, test := range []struct {
		live, stored string
		pending      []string
	}{
		{doc("x86_64", "100352", "100000"), doc("x86_64", "100000", "100000"), nil},
		{doc("x86_64", "100352", "100352"), doc("x86_64", "100000", "100000"), nil},
		{doc("ppc64", "262144", "262144"), doc("ppc64", "100000", "100000"), nil},
		{doc("x86_64", "100352", "100352"), doc("x86_64", "101376", "101376"), []string{"Memory", "MaxMemory"}},
		{doc("x86_64", "262144", "262144"), doc("x86_64", "100000", "100000"), []string{"Memory", "MaxMemory"}},
	} {
		vm, err := ParseVM(test.live, test.stored)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(vm.PendingChanges, test.pending) {
			t.Errorf("%s beside %s: pending %v, want %v", test.stored, test.live, vm.PendingChanges, test.pending)
		}
	}
}

const bootable4 = `<domain><os><type>hvm</type>LEGACY</os><devices>
<disk type='file' device='disk'><source file='/a'/><target dev='vda'/>ONE</disk>
<disk type='file' device='cdrom'><target dev='sda'/><boot order='2' loadparm='PROMPT'/></disk>
<interface type='user'><mac address='52:54:00:00:00:01'/></interface>
<hostdev mode='subsystem' type='pci'><source><address domain='0x0000' bus='0x03' slot='0x00' function='0x0'/></source><boot order='1'/></hostdev>
</devices></domain>`

func TestABootOrderKeepsWhatItDoesNotName(t *testing.T) {
	t.Parallel()
	const hostDevice = "host-device-pci-0000:03:00.0"
	order := strings.NewReplacer("LEGACY", "", "ONE", "").Replace(bootable4)
	legacy := strings.NewReplacer("LEGACY", "<boot dev='hd'/><boot dev='network'/>", "ONE", "", "<boot order='1'/>", "", "<boot order='2' loadparm='PROMPT'/>", "").Replace(bootable4)
	for name, test := range map[string]struct {
		doc       string
		set, want []string
		has       string
	}{
		"what was read":              {order, []string{hostDevice, "cdrom-sda"}, []string{hostDevice, "cdrom-sda"}, `loadparm="PROMPT"`},
		"without the host's":         {order, []string{"cdrom-sda"}, []string{"cdrom-sda", hostDevice}, `<boot order="1" loadparm="PROMPT">`},
		"another one":                {order, []string{"disk-vda"}, []string{"disk-vda", hostDevice}, ""},
		"nothing":                    {order, nil, nil, ""},
		"the words that were read":   {legacy, []string{"hd", "network"}, []string{"hd", "network"}, `<boot dev="network">`},
		"other words":                {legacy, []string{"cdrom", "hd"}, []string{"cdrom", "hd"}, ""},
		"words and ids":              {legacy, []string{"network", "disk-vda"}, []string{"interface-52:54:00:00:00:01", "disk-vda"}, ""},
		"words beside the host's":    {order, []string{"hd"}, []string{"disk-vda", hostDevice}, ""},
		"ids in the place of words":  {legacy, []string{"disk-vda"}, []string{"disk-vda"}, ""},
		"nothing in place of words ": {legacy, nil, nil, ""},
	} {
		after, err := SetBootOrder(test.doc, test.set)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		vm, err := ParseVM("", after)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(vm.BootOrder, test.want) || !strings.Contains(after, test.has) {
			t.Errorf("%s: it boots from %q, want %q and %s in\n%s", name, vm.BootOrder, test.want, test.has, after)
		}
	}
	for _, wrong := range [][]string{{"hd", "hd"}, {"hd", "disk-vda"}, {"fd", "disk-vda"}, {"disk-vda", "disk-vda"}} {
		if _, err := SetBootOrder(legacy, wrong); !errs.Is(err, errs.InvalidArgument) && !errs.Is(err, errs.NotFound) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}

// TestDocumentsAreDecodedAsVirshDoes: a caller's text is UTF-8, whatever its file was.
func TestDocumentsAreDecodedAsVirshDoes(t *testing.T) {
	t.Parallel()
	const id = "11111111-2222-4333-8444-55555555550a"
	for name, test := range map[string]struct{ doc, name, uuid string }{
		"an empty UUID":         {"<domain><name>a</name><uuid></uuid></domain>", "a", ""},
		"an empty UUID element": {"<domain><name>a</name><uuid/></domain>", "a", ""},
		"a byte order mark":     {"\ufeff<domain><name>a</name><uuid>" + id + "</uuid></domain>", "a", id},
		"a mark and more":       {"\ufeff<?xml version='1.0' encoding='utf-8'?><domain><name>a</name></domain>", "a", ""},
		"ISO-8859-1":            {"<?xml version='1.0' encoding='ISO-8859-1'?>\n<domain><name>é</name></domain>", "é", ""},
		"ISO-8859-16":           {"<?xml version=\"1.0\" encoding=\"iso-8859-16\" standalone='yes'?><domain><name>a</name></domain>", "a", ""},
		"ASCII":                 {"<?xml version='1.0' encoding='US-ASCII'?><domain><name>a</name></domain>", "a", ""},
	} {
		got, uuid, err := Check(Decoded(test.doc))
		if err != nil || got != test.name || uuid != test.uuid {
			t.Errorf("%s: %q, %q, %v", name, got, uuid, err)
		}
	}
	for doc, want := range map[string]string{
		"<domain><uuid></uuid><name>a</name></domain>":                                            "<domain><name>a</name></domain>",
		"<domain><uuid/><uuid>1</uuid></domain>":                                                  "<domain><uuid>1</uuid></domain>",
		"<domain><x><uuid/></x><uuid>1</uuid></domain>":                                           "<domain><x><uuid/></x><uuid>1</uuid></domain>",
		"<domain><uuid> </uuid></domain>":                                                         "<domain><uuid> </uuid></domain>",
		"<domain><uuid><!-- --></uuid></domain>":                                                  "<domain><uuid><!-- --></uuid></domain>",
		"<domain><a:uuid xmlns:a='u'/></domain>":                                                  "<domain><a:uuid xmlns:a='u'/></domain>",
		"<?xml version='1.0' encoding='ISO-8859-1'?><domain><uuid a='b'></uuid>é</domain><uuid/>": "<domain>é</domain><uuid/>",
		"<domain><uuid>": "<domain><uuid>",
	} {
		if got := Decoded(doc); got != want {
			t.Errorf("%s became %s", doc, got)
		}
	}
	for _, doc := range []string{
		"<?xml version='1.0' encoding='UTF-16'?><domain><name>a</name></domain>",
		"\ufeff\ufeff<domain><name>a</name></domain>",
		"<domain><name>a</name><uuid> </uuid></domain>",
		"<?xml version='1.0' encoding='ISO-8859-1'?><?php x?><domain><name>a</name></domain>",
		"<?xml version='1.0' encoding='ISO-8859-1'?><!DOCTYPE domain><domain><name>a</name></domain>",
	} {
		if _, _, err := Check(Decoded(doc)); !errs.Is(err, errs.InvalidArgument) {
			t.Errorf("%s: %v", doc, err)
		}
	}
}

// TestACPUKeepsWhatIsNotItsMode has what another mode can have as well.
func TestACPUKeepsWhatIsNotItsMode(t *testing.T) {
	t.Parallel()
	doc := func(mode string) string {
		return odd("<vcpu>2</vcpu><cpu mode='host-passthrough' check='none' migratable='off'><topology sockets='1' cores='2' threads='1'/><maxphysaddr mode='"+mode+"'/><cache mode='"+mode+"'/></cpu>", "")
	}
	for _, test := range []struct {
		mode, parts string
		keeps       bool
	}{
		{"host-passthrough", "passthrough", true},
		{"maximum", "passthrough", true},
		{"host-model", "passthrough", false},
		{"host-model", "emulate", true},
	} {
		after, err := Configure(doc(test.parts), &model.Configuration{CPUMode: test.mode, Given: model.Keys{"cpu-mode": true}})
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range []string{"<cache mode=", "<maxphysaddr mode="} {
			if strings.Contains(after, part) != test.keeps {
				t.Errorf("%s with %s: %s is there: %v\n%s", test.mode, test.parts, part, !test.keeps, after)
			}
		}
		if strings.Contains(after, `migratable="off"`) != (test.mode != "host-model") || !strings.Contains(after, `cores="2"`) {
			t.Errorf("%s: migratable or the topology is wrong:\n%s", test.mode, after)
		}
	}
}

func TestPasswordsAreHiddenAndSeen(t *testing.T) {
	t.Parallel()
	doc := odd("", "<graphics type='vnc' port='-1' passwd='it&apos;s &lt;secret&gt;' passwdValidTo='2030-01-01T00:00:00'/>"+
		"<disk type='network'><source protocol='https' name='a'><cookies><cookie name='id'>secret</cookie></cookies></source><target dev='vda'/></disk>")
	hidden := HidePasswords(doc)
	if strings.Contains(hidden, "secret") || strings.Contains(hidden, "2030") || !strings.Contains(hidden, "<cookie name='id'></cookie>") {
		t.Errorf("secrets are left:\n%s", hidden)
	}
	vm, err := ParseVM("", hidden)
	if err != nil || !vm.Graphics[0].HasPassword {
		t.Errorf("no password is seen: %v", err)
	}
	if other := HidePasswords(strings.Replace(doc, "it&apos;s", "another", 1)); other != hidden {
		t.Error("one password can be told from another")
	}
	if plain := odd("", "<graphics type='vnc'/>"); HidePasswords(plain) != plain {
		t.Error("without a password, something changes")
	}
}
