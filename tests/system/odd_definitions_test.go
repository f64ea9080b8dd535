//go:build system

package system_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/model"
)

// TestDefinitionsOfAnyOriginAreDefined: as by virsh define.
func TestDefinitionsOfAnyOriginAreDefined(t *testing.T) {
	root := as(t, "root")
	plain := vmXML{Name: "any-origin"}.String()
	for name, xml := range map[string]string{
		"an empty UUID":     strings.Replace(plain, "</name>", "</name><uuid></uuid>", 1),
		"a byte order mark": "\ufeff" + plain,
		"ISO-8859-1":        "<?xml version='1.0' encoding='ISO-8859-1'?>\n" + strings.Replace(plain, "<memory", "<title>Café</title><memory", 1),
	} {
		t.Run(name, func(t *testing.T) {
			path := as(t, "root").must(local, "Host.DefineXML", xml, none())[0].(dbus.ObjectPath)
			forget(t, root.get(path, "VM.UUID").(string))
			if name == "ISO-8859-1" {
				if got := root.get(path, "VM.Title"); got != "Café" {
					t.Errorf("the title is %q", got)
				}
			}
		})
	}
}

// others is metadata of three programs, with everything that XML has.
const others = `<metadata>
    <notes:page xmlns:notes="https://notes.example/xmlns/1" xml:lang="en">Ask <notes:person>Ann</notes:person> before you <notes:do>stop</notes:do> it.</notes:page>
    <keep:data xmlns:keep="https://keep.example/xmlns/1"><!-- made by keep 3 --><keep:sep> </keep:sep><keep:raw><![CDATA[a < b && c]]></keep:raw><keep:tab v="a&#9;b&#10;c"/></keep:data>
    <plain xmlns="https://plain.example/xmlns/1"><inner attr="x"/></plain>
  </metadata>`

// metadataOf is what libvirt keeps of the metadata of other programs.
func metadataOf(t *testing.T, name string) string {
	t.Helper()
	xml := virsh(t, "dumpxml", "--inactive", name)
	_, rest, _ := strings.Cut(xml, "<metadata>")
	inside, _, found := strings.Cut(rest, "</metadata>")
	if !found {
		t.Fatalf("there is no metadata:\n%s", xml)
	}
	ours := regexp.MustCompile(`(?s)\s*<kvmmanager:tags .*</kvmmanager:tags>`)
	return strings.TrimRight(ours.ReplaceAllString(inside, ""), " \n")
}

func TestEditsKeepMetadataByteForByte(t *testing.T) {
	root := as(t, "root")
	vm := vmXML{Name: "annotated", Metadata: others, Devices: "<disk type='file' device='cdrom'><target dev='sda' bus='sata'/></disk><graphics type='vnc'/>"}
	path := vm.make(t, root)
	before := metadataOf(t, vm.Name)
	for _, edit := range []struct {
		method string
		args   []any
	}{
		{"AddDevice", []any{with("kind", "rng"), none()}},
		{"AddDevice", []any{with("kind", "controller", "type", "pci"), none()}},
		{"UpdateDevice", []any{"video-0", with("model", "virtio"), none()}},
		{"UpdateDevice", []any{"cdrom-sda", with("source", ""), none()}},
		{"SetBootOrder", []any{[]string{"cdrom-sda"}, none()}},
		{"Configure", []any{with("cpu-mode", "maximum", "max-memory", uint64(128<<20)), none()}},
		{"Configure", []any{with("shared-memory", true), none()}},
		{"SetMemory", []any{uint64(96 << 20), none()}},
		{"SetVCPUs", []any{uint32(1), none()}},
		{"SetTags", []any{[]string{"a", "b"}, none()}},
		{"SetTitle", []any{"A title", none()}},
		{"SetDescription", []any{"Two\nlines", none()}},
		{"RemoveDevice", []any{"rng-0", none()}},
	} {
		root.must(path, "VM."+edit.method, edit.args...)
		if after := metadataOf(t, vm.Name); after != before {
			t.Fatalf("after %s %v, there is\n%s\nand was\n%s", edit.method, edit.args, after, before)
		}
	}
}

func TestABootOrderOfOtherToolsStays(t *testing.T) {
	root := as(t, "root")
	vm := vmXML{Name: "boots", Devices: `<disk type='file' device='cdrom'><target dev='sda' bus='sata'/><boot order='2'/></disk>
<hostdev mode='subsystem' type='pci' managed='yes'><source><address domain='0x0000' bus='0x7f' slot='0x00' function='0x0'/></source><boot order='1'/></hostdev>
<interface type='user'><mac address='52:54:00:6b:6d:96'/></interface>`}
	path := vm.make(t, root)
	const card = "host-device-pci-0000:7f:00.0"
	for _, test := range []struct{ set, want []string }{
		{[]string{card, "cdrom-sda"}, []string{card, "cdrom-sda"}},
		{[]string{"interface-52:54:00:6b:6d:96", "cdrom-sda"}, []string{"interface-52:54:00:6b:6d:96", "cdrom-sda", card}},
		{[]string{}, []string{"hd"}},
		{[]string{"hd"}, []string{"hd"}},
		{[]string{"cdrom", "network"}, []string{"cdrom", "network"}},
	} {
		root.must(path, "VM.SetBootOrder", test.set, none())
		if got := root.get(path, "VM.BootOrder").([]string); !slices.Equal(got, test.want) {
			t.Errorf("with %q it boots from %q, want %q", test.set, got, test.want)
		}
	}
}

// TestMemoryIsNotPendingForEver: libvirt rounds what a running VM has.
func TestMemoryIsNotPendingForEver(t *testing.T) {
	root := as(t, "root")
	vm := vmXML{Name: "rounded"}
	path := vm.make(t, root)
	virsh(t, "setmaxmem", vm.Name, "100000", "--config")
	virsh(t, "setmem", vm.Name, "100000", "--config")
	root.must(path, "VM.Start", wait())
	if got := root.get(path, "VM.PendingChanges").([]string); len(got) > 0 {
		t.Errorf("it waits for %v:\n%s", got, virsh(t, "dumpxml", vm.Name))
	}
	root.must(path, "VM.PowerOff", wait())
}

func TestDisplaysAreShownAsTheyAre(t *testing.T) {
	root := as(t, "root")
	vm := vmXML{Name: "shown", Devices: "<graphics type='vnc' port='5991' autoport='no' listen='0.0.0.0' passwd='secret1'/><graphics type='spice'/>"}
	path := vm.make(t, root)
	displays := root.get(path, "VM.Graphics").([]map[string]dbus.Variant)
	if d := displays[0]; d["has-password"].Value() != true || d["listen"].Value() != "0.0.0.0" {
		t.Errorf("it is shown as %v", d)
	}
	if d := displays[1]; d["has-password"].Value() == true {
		t.Errorf("it is shown as %v", d)
	}
	version := root.get(path, "VM.ConfigVersion")
	definition := virsh(t, "dumpxml", "--inactive", "--security-info", vm.Name)
	define(t, strings.Replace(definition, "secret1", "secret2", 1))
	eventually(t, "the other password is stored", func() bool {
		return strings.Contains(virsh(t, "dumpxml", "--inactive", "--security-info", vm.Name), "secret2")
	})
	root.must(path, "VM.SetTitle", "", none())
	if got := root.get(path, "VM.ConfigVersion"); got != version {
		t.Error("ConfigVersion tells one password from another")
	}
}

// TestNetworksWithUnknownPartsChange: title, description, port groups and metadata
// survive.
func TestNetworksWithUnknownPartsChange(t *testing.T) {
	root := as(t, "root")
	virsh(t, "net-define", tempFile(t, "network.xml", `<network><name>grouped</name><title>A title</title><description>Text</description>
<metadata><x:y xmlns:x='urn:x'>a <x:b>c</x:b></x:y></metadata><forward mode='nat'/><bridge name='virbr78' stp='on' delay='3'/>
<ip address='192.0.2.1' netmask='255.255.255.0' localPtr='yes'/>
<portgroup name='fast' default='yes'><bandwidth><inbound average='1000'/></bandwidth></portgroup></network>`))
	t.Cleanup(func() { virsh(t, "net-undefine", "grouped") })
	network := dbus.ObjectPath(model.NetworkPath(virsh(t, "net-uuid", "grouped")))
	eventually(t, "the network is shown", func() bool {
		return root.call(network, properties+"Get", "org.kvmmanager.Network", "Name").Err == nil
	})
	root.must(network, "Network.Configure", with("mtu", uint32(1400), "domain", "lab.test"), none())
	after := virsh(t, "net-dumpxml", "--inactive", "grouped")
	for _, want := range []string{
		"<mtu size='1400'/>", "<domain name='lab.test'/>", "<portgroup name='fast' default='yes'>", "average='1000'", "delay='3'", "localPtr='yes'",
		"<title>A title</title>", "<description>Text</description>", "a <x:b>c</x:b>",
	} {
		if !strings.Contains(after, want) {
			t.Errorf("it has no %s:\n%s", want, after)
		}
	}
}
