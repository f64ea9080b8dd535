//go:build system

package system_test

import (
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
)

// TestChangesOfAVMByOtherTools: what virsh does is announced soon, whether
// libvirt has an event for it or not.
func TestChangesOfAVMByOtherTools(t *testing.T) {
	r := record(t)
	virsh(t, "vol-create-as", "default", "others.qcow2", "1MiB", "--format", "qcow2")
	t.Cleanup(func() { virsh(t, "vol-delete", "/var/lib/libvirt/images/others.qcow2") })
	vm := vmXML{
		Name: "others", VCPUs: 4, Online: 2, MemoryMiB: 128,
		Devices: `<memballoon model='virtio'/><controller type='usb' model='qemu-xhci'/>
			<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/var/lib/libvirt/images/others.qcow2'/><target dev='vda' bus='virtio'/></disk>`,
	}.make(t, r.client)
	stick := tempFile(t, "device.xml", "<interface type='network'><mac address='52:54:00:00:00:42'/><source network='default'/><model type='virtio'/></interface>")
	edited := strings.Replace(virsh(t, "dumpxml", "--inactive", "others"), "<memory unit='KiB'>131072<", "<memory unit='KiB'>262144<", 1)
	counts := func(n int) func(any) bool {
		return func(v any) bool { return len(v.([]map[string]dbus.Variant)) == n }
	}
	is := func(want any) func(any) bool { return func(v any) bool { return equal(v, want) } }
	contains := func(name string) func(any) bool {
		return func(v any) bool {
			for _, have := range v.([]string) {
				if have == name {
					return true
				}
			}
			return false
		}
	}
	for _, change := range []struct {
		command  string
		property string
		is       func(any) bool
	}{
		{"autostart others", "Autostart", is(true)},
		{"autostart --disable others", "Autostart", is(false)},
		{"setvcpus others 3 --config", "VCPUs", is(uint32(3))},
		{"setmem others 65536 --config", "Memory", is(uint64(64 << 20))},
		{"desc others --config --title --new-desc Title", "Title", is("Title")},
		{"desc others --config --new-desc Text", "Description", is("Text")},
		{"define " + tempFile(t, "edited.xml", edited), "MaxMemory", is(uint64(256 << 20))},
		{"attach-device others " + stick + " --config", "Interfaces", counts(1)},
		{"detach-device others " + stick + " --config", "Interfaces", counts(0)},
		{"domrename others others2", "Name", is("others2")},
		{"domrename others2 others", "Name", is("others")},
		{"start others", "State", is("running")},
		{"suspend others", "State", is("paused")},
		{"resume others", "State", is("running")},
		{"setvcpus others 1 --config", "PendingChanges", contains("VCPUs")},
		{"setmaxmem others 400000 --config", "PendingChanges", contains("MaxMemory")},
		{"desc others --live --title --new-desc Live", "Title", is("Live")},
		{"attach-device others " + stick + " --live", "Interfaces", counts(1)},
		{"autostart others", "Autostart", is(true)},
		{"snapshot-create-as others one", "State", is("running")}, // concerns no property: the VM is as it was
		{"managedsave others", "HasSavedState", is(true)},
		{"managedsave-remove others", "HasSavedState", is(false)},
		{"start others --paused", "State", is("paused")},
		{"snapshot-revert others one", "State", is("running")},
		{"destroy others", "State", is("shut-off")},
		{"snapshot-delete others one", "State", is("shut-off")},
	} {
		before := r.get(vm, "VM."+change.property)
		if strings.HasPrefix(change.command, "snapshot-create") || strings.HasPrefix(change.command, "snapshot-delete") {
			virsh(t, strings.Fields(change.command)...)
		} else if change.is(before) {
			t.Fatalf("before virsh %s, %s is %v already", change.command, change.property, before)
		} else {
			r.mark()
			virsh(t, strings.Fields(change.command)...)
		}
		r.awaitsThat(soon, vm, "VM."+change.property, "what virsh "+change.command+" does", change.is)
	}
}

// TestTheSizeOfAVolumeIsKnownWhileItsVMIsOff though libvirt does not know then
// where the volume is.
func TestTheSizeOfAVolumeIsKnownWhileItsVMIsOff(t *testing.T) {
	useTiny(t)
	r := record(t)
	r.awaitsThat(soon, tiny, "VM.DiskSize", "the size of its volume", func(v any) bool { return v.(uint64) == 64<<20 })
}

// TestTheSizeOfAVolumeIsKnownOnceItsPoolRuns though nothing of the VM changes
// then.
func TestTheSizeOfAVolumeIsKnownOnceItsPoolRuns(t *testing.T) {
	r := record(t)
	t.Cleanup(func() {
		_, _ = tryVirsh("undefine", "late")
		_, _ = tryVirsh("pool-destroy", "late-pool")
		_, _ = tryVirsh("pool-undefine", "late-pool")
	})
	folder := t.TempDir()
	virsh(t, "pool-define-as", "late-pool", "dir", "--target", folder)
	run(t, "truncate", "--size", "32MiB", folder+"/late.img")
	const uuid = "6b6d6d74-0000-4000-8000-0000000001a7"
	r.mark()
	define(t, "<domain type='qemu'><name>late</name><uuid>"+uuid+"</uuid><memory unit='MiB'>64</memory><os><type>hvm</type></os>"+
		"<devices><disk type='volume'><source pool='late-pool' volume='late.img'/><target dev='vda'/></disk></devices></domain>")
	late := dbus.ObjectPath("/org/kvmmanager/vms/" + strings.ReplaceAll(uuid, "-", "_"))
	r.added(soon, func(path dbus.ObjectPath, _ map[string]map[string]dbus.Variant) bool { return path == late })
	if size := r.get(late, "VM.DiskSize"); size != uint64(0) {
		t.Fatalf("the pool does not run, and the size is %v", size)
	}
	r.mark()
	virsh(t, "pool-start", "late-pool")
	r.awaits(soon, late, "VM.DiskSize", uint64(32<<20))
}

// TestADeviceIsPluggedInAndOut of a guest that takes part, as it has to.
func TestADeviceIsPluggedInAndOut(t *testing.T) {
	useTiny(t)
	r := record(t)
	r.must(tiny, "VM.Start", wait())
	openConsole(t, r.client).expect("tiny: ready")
	device := tempFile(t, "disk.xml", "<rng model='virtio'><backend model='random'>/dev/urandom</backend><alias name='ua-second'/></rng>")
	count := func() int { return len(r.get(tiny, "VM.Devices").([]map[string]dbus.Variant)) }
	before := count()
	r.mark()
	virsh(t, "attach-device", "tiny", device, "--live")
	r.awaitsThat(soon, tiny, "VM.Devices", "one more", func(v any) bool { return len(v.([]map[string]dbus.Variant)) > before })
	r.mark()
	virsh(t, "detach-device-alias", "tiny", "ua-second", "--live")
	r.awaitsThat(patience, tiny, "VM.Devices", "one less", func(v any) bool { return len(v.([]map[string]dbus.Variant)) == before })
}

func TestVMsThatOtherToolsMakeAndRemove(t *testing.T) {
	r := record(t)
	const uuid = "0c0ffee0-0000-4000-8000-0000000000aa"
	vm := vmPath(uuid)
	forget(t, uuid)
	r.mark()
	t.Log("define and undefine")
	define(t, vmXML{Name: "comes-and-goes", UUID: uuid}.String())
	r.added(soon, func(path dbus.ObjectPath, _ map[string]map[string]dbus.Variant) bool { return path == vm })
	r.until(soon, "VMAdded", func(s *dbus.Signal) bool { return emitted(s, local, "Host.VMAdded", vm, "comes-and-goes") })
	virsh(t, "undefine", uuid)
	r.removed(soon, vm)
	r.until(soon, "VMRemoved", func(s *dbus.Signal) bool { return emitted(s, local, "Host.VMRemoved", vm, "comes-and-goes") })

	t.Log("a transient one, which stays while it runs")
	r.mark()
	virsh(t, "create", tempFile(t, "transient.xml", vmXML{Name: "transient", UUID: uuid}.String()))
	r.until(soon, "VMAdded", func(s *dbus.Signal) bool { return emitted(s, local, "Host.VMAdded", vm, "transient") })
	r.awaits(soon, vm, "VM.State", "running")
	r.awaits(soon, vm, "VM.Persistent", false)
	r.refused("InvalidState", vm, "VM.SetAutostart", true, none())
	r.refused("InvalidState", vm, "VM.GetXML", with("inactive", true))
	r.refused("NotSupported", vm, "VM.Save", none())
	r.mark()
	define(t, vmXML{Name: "transient", UUID: uuid}.String())
	r.awaits(soon, vm, "VM.Persistent", true)
	virsh(t, "undefine", uuid)
	r.awaits(soon, vm, "VM.Persistent", false)
	virsh(t, "destroy", uuid)
	r.removed(soon, vm)
}

// TestAVMThatDiesIsSeen: QEMU is killed under libvirt.
func TestAVMThatDiesIsSeen(t *testing.T) {
	r := record(t)
	vm := vmXML{Name: "dies"}.make(t, r.client)
	r.must(vm, "VM.Start", wait())
	r.mark()
	pid := strings.TrimSpace(run(t, "cat", "/run/libvirt/qemu/dies.pid"))
	run(t, "kill", "-KILL", pid)
	r.until(soon, "VMStateChanged", func(s *dbus.Signal) bool {
		return emitted(s, local, "Host.VMStateChanged", vm, "running") && s.Body[2] != "running"
	})
	r.awaitsThat(soon, vm, "VM.State", "off", func(v any) bool { return v == "shut-off" || v == "crashed" })
	eventually(t, "the journal tells of the crash", func() bool {
		return strings.Contains(journal(t, "MESSAGE_ID=5038b80b619d4e3ca796e435c4b01de5", "VM_NAME=dies"), "crashed")
	})
}

func TestChangesOfNetworksByOtherTools(t *testing.T) {
	r := record(t)
	const uuid = "0c0ffee0-0000-4000-8000-0000000000bb"
	network := dbus.ObjectPath("/org/kvmmanager/networks/" + strings.ReplaceAll(uuid, "-", "_"))
	definition := `<network><name>other-net</name><uuid>` + uuid + `</uuid><bridge name='virbr77'/>
		<ip address='192.168.177.1' netmask='255.255.255.0'><dhcp><range start='192.168.177.2' end='192.168.177.9'/></dhcp></ip></network>`
	t.Cleanup(func() {
		_, _ = tryVirsh("net-destroy", uuid)
		_, _ = tryVirsh("net-undefine", uuid)
	})
	there := func(path dbus.ObjectPath, _ map[string]map[string]dbus.Variant) bool { return path == network }
	r.mark()
	virsh(t, "net-define", tempFile(t, "network.xml", definition))
	r.added(soon, there)
	if mode, active := r.get(network, "Network.Mode"), r.get(network, "Network.Active"); mode != "isolated" || active != false {
		t.Errorf("it is %v, active %v", mode, active)
	}
	step := func(property string, want any, command ...string) {
		t.Helper()
		r.mark()
		virsh(t, command...)
		r.awaits(soon, network, "Network."+property, want)
	}
	step("Domain", "example.test", "net-define", tempFile(t, "changed.xml", strings.Replace(definition, "<ip ", "<domain name='example.test'/><ip ", 1)))
	step("Active", true, "net-start", "other-net")
	step("Autostart", true, "net-autostart", "other-net")
	step("Autostart", false, "net-autostart", "--disable", "other-net")
	t.Log("what is in effect and not stored, and the other way round")
	r.mark()
	virsh(t, "net-update", "other-net", "add-last", "dns-host", "<host ip='192.168.177.5'><hostname>five</hostname></host>", "--live")
	r.awaitsThat(soon, network, "Network.DNSHosts", "one", func(v any) bool { return len(v.([]dict)) == 1 })
	r.awaits(soon, network, "Network.PendingChanges", []string{"DNSHosts"})
	r.mark()
	virsh(t, "net-update", "other-net", "add-last", "dns-host", "<host ip='192.168.177.5'><hostname>five</hostname></host>", "--config")
	r.awaits(soon, network, "Network.PendingChanges", []string{})

	t.Log("its VMs")
	vm := vmXML{Name: "in-net", Devices: "<interface type='network'><source network='other-net'/></interface>"}.make(t, r.client)
	r.awaits(soon, network, "Network.VMs", []dbus.ObjectPath{vm})
	if got := r.get(vm, "VM.Interfaces").([]map[string]dbus.Variant)[0]["network"].Value(); got != network {
		t.Errorf("the VM's interface is in %v", got)
	}
	virsh(t, "undefine", "in-net")
	r.awaits(soon, network, "Network.VMs", []dbus.ObjectPath{})

	step("Active", false, "net-destroy", "other-net")
	virsh(t, "net-undefine", "other-net")
	r.removed(soon, network)

	t.Log("one that exists only while it runs")
	r.mark()
	virsh(t, "net-create", tempFile(t, "network.xml", definition))
	r.added(soon, there)
	r.awaits(soon, network, "Network.Persistent", false)
	virsh(t, "net-destroy", "other-net")
	r.removed(soon, network)
}

func TestChangesOfPoolsByOtherTools(t *testing.T) {
	r := record(t)
	t.Cleanup(func() {
		_, _ = tryVirsh("pool-destroy", "other-pool")
		_, _ = tryVirsh("pool-undefine", "other-pool")
	})
	folder := t.TempDir()
	r.mark()
	virsh(t, "pool-define-as", "other-pool", "dir", "--target", folder)
	var pool dbus.ObjectPath
	r.added(soon, func(path dbus.ObjectPath, interfaces map[string]map[string]dbus.Variant) bool {
		if interfaces["org.kvmmanager.StoragePool"]["Name"].Value() == "other-pool" {
			pool = path
		}
		return pool != ""
	})
	if target, kind := r.get(pool, "StoragePool.Target"), r.get(pool, "StoragePool.Kind"); target != folder || kind != "dir" {
		t.Errorf("it is %v of kind %v", target, kind)
	}
	step := func(property string, want any, command ...string) {
		t.Helper()
		r.mark()
		virsh(t, command...)
		r.awaits(soon, pool, "StoragePool."+property, want)
	}
	step("State", "running", "pool-start", "other-pool")
	step("Autostart", true, "pool-autostart", "other-pool")
	step("Autostart", false, "pool-autostart", "--disable", "other-pool")
	if got := r.get(pool, "StoragePool.Capacity"); got == uint64(0) {
		t.Error("it has no capacity")
	}
	t.Log("refresh sees what was put there behind libvirt's back")
	before := r.get(pool, "StoragePool.Available").(uint64)
	run(t, "fallocate", "--length", "64MiB", folder+"/big")
	r.mark()
	virsh(t, "pool-refresh", "other-pool")
	r.awaitsThat(soon, pool, "StoragePool.Available", "less", func(v any) bool { return v.(uint64) < before })

	step("State", "inactive", "pool-destroy", "other-pool")
	virsh(t, "pool-undefine", "other-pool")
	r.removed(soon, pool)
}
