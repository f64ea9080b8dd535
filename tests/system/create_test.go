//go:build system

package system_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
)

const (
	tinyDisk  = "/var/lib/libvirt/images/tiny.qcow2"
	localHost = dbus.ObjectPath("/org/kvmmanager/hosts/local")
)

// makes creates a VM, and removes it and its volumes in the end.
func makes(c *client, name string, spec map[string]dbus.Variant) dbus.ObjectPath {
	c.t.Helper()
	spec["name"] = dbus.MakeVariant(name)
	vm := resultOf(c, localHost, "Host.CreateVM", spec, wait())["vm"].Value().(dbus.ObjectPath)
	c.t.Cleanup(func() {
		_, _ = tryVirsh("destroy", name)
		_, _ = tryVirsh("undefine", name, "--nvram")
		for _, volume := range volumesOf(c.t, name) {
			_, _ = tryVirsh("vol-delete", "--pool", "default", volume)
		}
	})
	return vm
}

// volumesOf is the names of the volumes whose names begin with a VM's.
func volumesOf(t *testing.T, name string) []string {
	t.Helper()
	entries, err := os.ReadDir("/var/lib/libvirt/images")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), name) {
			names = append(names, e.Name())
		}
	}
	return names
}

// opened is a file as a caller hands it over.
func opened(t *testing.T, path string) dbus.UnixFD {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return dbus.UnixFD(f.Fd())
}

func TestAnImportedDiskIsACopyThatStarts(t *testing.T) {
	useTiny(t)
	root := as(t, "root")
	vm := makes(root, "imported", with("memory", uint64(128<<20), "vcpus", uint32(1), "os", "debian12", "start", false,
		"source", with("kind", "image", "fd", opened(t, tinyDisk))))
	original, err := os.ReadFile(tinyDisk)
	if err != nil {
		t.Fatal(err)
	}
	if copied, err := os.ReadFile("/var/lib/libvirt/images/imported.qcow2"); err != nil || !bytes.Equal(copied, original) {
		t.Errorf("the copy differs: %v", err)
	}
	root.must(vm, "VM.Start", wait())
	if got := root.get(vm, "VM.OSId"); got != "http://debian.org/debian/12" {
		t.Errorf("the operating system is %v", got)
	}
	xml := virsh(t, "dumpxml", "imported")
	for _, want := range []string{"bus='virtio'", "<listen type='none'/>", "org.qemu.guest_agent.0", "q35", "<rng model='virtio'>", "type='qcow2'", "pcie-root-port"} {
		if !strings.Contains(xml, want) {
			t.Errorf("it has no %s:\n%s", want, xml)
		}
	}
}

func TestACloudImageGetsItsSeed(t *testing.T) {
	useTiny(t)
	root := as(t, "root")
	const password = "not to be found anywhere"
	makes(root, "cloudy", with("memory", uint64(128<<20), "start", false, "disk-size", uint64(256<<20),
		"source", with("kind", "cloud", "fd", opened(t, tinyDisk)),
		"cloud-init", with("user", "alice", "password", password)))
	seed, err := os.ReadFile("/var/lib/libvirt/images/cloudy-cloud-init.iso")
	if err != nil || !strings.Contains(string(seed), `"name":"alice"`) || strings.Contains(string(seed), password) {
		t.Errorf("the seed is not as it should be: %v", err)
	}
	if info := virsh(t, "vol-dumpxml", "--pool", "default", "cloudy.qcow2"); !strings.Contains(info, "<capacity unit='bytes'>268435456</capacity>") {
		t.Errorf("the disk did not grow:\n%s", info)
	}
	if xml := virsh(t, "dumpxml", "cloudy"); strings.Contains(xml, password) {
		t.Error("the definition has the password")
	}
}

func TestANewVMHasWhatWasAskedFor(t *testing.T) {
	useTiny(t)
	root := as(t, "root")
	name := `new & <b> "q" 'a' 💻 שלום`
	vm := makes(root, name, with("title", name, "description", name, "tags", []string{"a & b"}, "disk-size", uint64(20<<30), "firmware", "uefi"))
	if got := root.get(vm, "VM.Title"); got != name || root.get(vm, "VM.Firmware") != "uefi" || root.get(vm, "VM.State") != "shut-off" {
		t.Errorf("the title is %v, the firmware %v", got, root.get(vm, "VM.Firmware"))
	}
	if tags := root.get(vm, "VM.Tags").([]string); len(tags) != 1 || tags[0] != "a & b" {
		t.Errorf("the tags are %v", tags)
	}
	if volumes := volumesOf(t, name); len(volumes) != 1 || volumes[0] != name+".qcow2" {
		t.Errorf("the volumes are %q", volumes)
	}
	root.must(vm, "VM.Start", wait())
	root.must(vm, "VM.PowerOff", wait())
}

func TestAMediumAndTheNetworkAreBootedAfterTheDisk(t *testing.T) {
	useTiny(t)
	root := as(t, "root")
	iso := t.TempDir() + "/a.iso"
	if err := os.WriteFile(iso, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	medium := makes(root, "from-iso", with("memory", uint64(64<<20), "disk-size", uint64(1<<30), "source", with("kind", "iso", "fd", opened(t, iso))))
	if order := root.get(medium, "VM.BootOrder").([]string); len(order) != 2 || !strings.HasPrefix(order[1], "cdrom-") {
		t.Errorf("the boot order is %v", order)
	}
	network := makes(root, "from-net", with("memory", uint64(64<<20), "disk-size", uint64(1<<30), "source", with("kind", "pxe")))
	if order := root.get(network, "VM.BootOrder").([]string); len(order) != 2 || !strings.HasPrefix(order[1], "interface-") {
		t.Errorf("the boot order is %v", order)
	}
	if state := root.get(network, "VM.State"); state != "running" {
		t.Errorf("it is %v", state)
	}
}

func TestACancelledCreationLeavesNothing(t *testing.T) {
	useTiny(t)
	root := as(t, "root")
	// Nothing is written, and a gigabyte is read.
	big := t.TempDir() + "/big"
	if err := os.WriteFile(big, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(big, 1<<30); err != nil {
		t.Fatal(err)
	}
	spec := with("name", "never", "source", with("kind", "image", "fd", opened(t, big)))
	job := root.must(localHost, "Host.CreateVM", spec, none())[0].(dbus.ObjectPath)
	eventually(t, "the copy", func() bool { return root.get(job, "Job.BytesDone").(uint64) > 0 })
	root.must(job, "Job.Cancel", none())
	eventually(t, "the end", func() bool { return root.get(job, "Job.State") == "cancelled" })
	if left := volumesOf(t, "never"); len(left) > 0 {
		t.Errorf("volumes are left: %v", left)
	}
	if _, err := tryVirsh("dominfo", "never"); err == nil {
		t.Error("the definition is left")
	}
}

func TestCreatingIsForWhoMay(t *testing.T) {
	bob := as(t, "bob")
	bob.must(localHost, "Host.PlanVM", with("name", "x"), none())
	bob.refused(needsPassword, localHost, "Host.CreateVM", with("name", "x"), none())
}
