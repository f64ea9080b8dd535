//go:build system

package system_test

import (
	"os"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
)

func TestDefineAndChangeByXML(t *testing.T) {
	r := record(t)
	alice := as(t, "alice")
	const uuid = "0c0ffee0-0000-4000-8000-00000000d0d0"
	forget(t, uuid)
	v := vmXML{Name: "by-xml", UUID: strings.ToUpper(uuid), Devices: "<graphics type='vnc' passwd='secret99'><listen type='none'/></graphics>"}
	r.mark()
	vm := alice.must(local, "Host.DefineXML", v.String(), none())[0].(dbus.ObjectPath)
	if vm != vmPath(uuid) {
		t.Fatalf("it is %s", vm)
	}
	if got := alice.get(vm, "VM.Name"); got != "by-xml" { // at once: it was announced before the reply
		t.Errorf("it is called %v", got)
	}
	r.added(patience, func(path dbus.ObjectPath, _ map[string]map[string]dbus.Variant) bool { return path == vm })
	r.until(patience, "VMAdded", func(s *dbus.Signal) bool { return emitted(s, local, "Host.VMAdded", vm, "by-xml") })

	alice.refused("AlreadyExists", local, "Host.DefineXML", v.String(), none())
	alice.refused("AlreadyExists", local, "Host.DefineXML", vmXML{Name: "by-xml"}.String(), none())
	alice.refused("AlreadyExists", local, "Host.DefineXML", vmXML{Name: "another", UUID: uuid}.String(), none())

	t.Log("passwords are shown to those only who ask for them and may")
	plain := alice.must(vm, "VM.GetXML", none())[0].(string)
	secret := alice.must(vm, "VM.GetXML", with("secrets", true, "inactive", true))[0].(string)
	if strings.Contains(plain, "secret99") || !strings.Contains(secret, "secret99") {
		t.Errorf("without secrets:\n%s\nwith secrets:\n%s", plain, secret)
	}
	if strings.Contains(run(t, "busctl", "call", "org.kvmmanager", "/org/kvmmanager", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects"), "secret99") {
		t.Error("a property holds the password")
	}

	t.Log("SetXML replaces the stored configuration")
	version := alice.get(vm, "VM.ConfigVersion").(uint64)
	alice.must(vm, "VM.SetXML", strings.Replace(secret, "<memory unit='KiB'>65536<", "<memory unit='KiB'>131072<", 1), with("expected-version", version))
	if got := alice.get(vm, "VM.MaxMemory"); got != uint64(128<<20) {
		t.Errorf("the maximum is %v", got)
	}
	alice.refused("VersionMismatch", vm, "VM.SetXML", secret, with("expected-version", version))
	alice.must(vm, "VM.Start", wait())
	alice.must(vm, "VM.SetXML", secret, none())
	if got := alice.get(vm, "VM.PendingChanges").([]string); len(got) == 0 {
		t.Error("nothing waits for the next boot")
	}
	alice.refused("InvalidArgument", vm, "VM.SetXML", vmXML{Name: "by-xml", UUID: tinyUUID}.String(), none())
	alice.refused("InvalidArgument", vm, "VM.SetXML", vmXML{Name: "tiny", UUID: uuid}.String(), none())
	alice.refused("InvalidArgument", vm, "VM.SetXML", vmXML{Name: "by-xml"}.String(), none())
}

// TestWrongXMLIsRefused, and neither makes a VM nor opens a file.
func TestWrongXMLIsRefused(t *testing.T) {
	useTiny(t)
	root := as(t, "root")
	before := fingerprint(t)
	good := vmXML{Name: "wrong"}.String()
	laughs := `<!DOCTYPE domain [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>`
	for what, xml := range map[string]string{
		"nothing":                 "",
		"no XML":                  "hello",
		"another document":        "<network><name>wrong</name></network>",
		"half a document":         good[:len(good)/2],
		"two documents":           good + good,
		"unknown element":         strings.Replace(good, "<os>", "<nonsense/><os>", 1),
		"unknown attribute":       strings.Replace(good, "<os>", "<os nonsense='1'>", 1),
		"unknown value":           strings.Replace(good, "'q35'", "'no-such-machine'", 1),
		"bad number":              strings.Replace(good, ">64<", ">-64<", 1),
		"another hypervisor":      strings.Replace(good, "'qemu'", "'xen'", 1),
		"no name":                 strings.Replace(good, "<name>wrong</name>", "", 1),
		"a name with a slash":     strings.Replace(good, "<name>wrong", "<name>../wrong", 1),
		"a bad UUID":              strings.Replace(good, "<os>", "<uuid>1234</uuid><os>", 1),
		"a document type":         "<!DOCTYPE domain>" + good,
		"entities":                laughs + strings.Replace(good, "<os>", "<title>&b;</title><os>", 1),
		"an external entity":      `<!DOCTYPE domain [<!ENTITY x SYSTEM "file:///etc/shadow">]>` + strings.Replace(good, "<os>", "<title>&x;</title><os>", 1),
		"an external subset":      `<!DOCTYPE domain SYSTEM "http://127.0.0.1:1/x.dtd">` + good,
		"an undeclared entity":    strings.Replace(good, "<os>", "<title>&nbsp;</title><os>", 1),
		"a processing directive":  `<?xml-stylesheet href="file:///etc/shadow"?>` + good,
		"control characters":      strings.Replace(good, "<os>", "<title>\x01</title><os>", 1),
		"more than 1 MiB":         strings.Replace(good, "<os>", "<description>"+strings.Repeat("x", 1<<20)+"</description><os>", 1),
		"nested without end":      strings.Repeat("<domain>", 100_000),
		"many attributes":         "<domain " + strings.Repeat("a='b' ", 10_000) + "/>",
		"an absurd amount of RAM": strings.Replace(good, ">64<", ">99999999999999999999<", 1),
	} {
		t.Run(what, func(t *testing.T) {
			c, want := as(t, "root"), "InvalidArgument"
			if what == "another hypervisor" {
				want = "NotSupported"
			}
			c.refused(want, local, "Host.DefineXML", xml, none())
			withUUID := strings.Replace(strings.Replace(xml, "<name>wrong</name>", "<name>tiny</name><uuid>"+tinyUUID+"</uuid>", 1), ">wrong<", ">tiny<", 1)
			c.refused(want, tiny, "VM.SetXML", withUUID, none())
		})
	}
	root.refused("org.freedesktop.DBus.Error.InvalidArgs", local, "Host.DefineXML", uint32(1), none())
	if after := fingerprint(t); after != before {
		t.Errorf("something has changed:\n%s", difference(before, after))
	}
}

// TestWhatVirshPrintsCanBeSet: what libvirt prints can be defined
// again as it is, and is no change.
func TestWhatVirshPrintsCanBeSet(t *testing.T) {
	useTiny(t)
	root := as(t, "root")
	definition := virsh(t, "dumpxml", "--inactive", "tiny")
	version := root.get(tiny, "VM.ConfigVersion")
	root.must(tiny, "VM.SetXML", definition, none())
	if got := root.get(tiny, "VM.ConfigVersion"); got != version {
		t.Error("the same definition is another version")
	}
	if got := root.must(tiny, "VM.GetXML", with("inactive", true))[0].(string); strings.TrimSpace(got) != definition {
		t.Errorf("GetXML gives\n%s\nvirsh\n%s", got, definition)
	}
	if _, err := os.Stat("/etc/libvirt/qemu/tiny.xml"); err != nil {
		t.Error(err)
	}
}
