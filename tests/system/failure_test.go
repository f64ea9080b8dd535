//go:build system

package system_test

import (
	"testing"

	"github.com/godbus/dbus/v5"
)

// TestAStartThatFailsSaysWhy in one of the documented words, both to who waits
// and in the job, and leaves the VM off.
func TestAStartThatFailsSaysWhy(t *testing.T) {
	r := record(t)
	disk := func(file string) string {
		return "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='" + file + "'/><target dev='vda' bus='virtio'/></disk>"
	}
	const image = "/var/lib/libvirt/images/contested.qcow2"
	virsh(t, "vol-create-as", "default", "contested.qcow2", "1MiB", "--format", "qcow2")
	t.Cleanup(func() { virsh(t, "vol-delete", image) })
	owner := vmXML{Name: "owner", Devices: disk(image)}.make(t, r.client)
	r.must(owner, "VM.Start", wait())
	for what, vm := range map[string]struct {
		xml  vmXML
		want string
	}{
		"a disk that is not there":    {vmXML{Devices: disk("/var/lib/libvirt/images/none.qcow2")}, "NotFound"},
		"a network that is not there": {vmXML{Devices: "<interface type='network'><source network='none'/></interface>"}, "NotFound"},
		"a disk that another VM has":  {vmXML{Devices: disk(image)}, "DeviceInUse"},
		"more memory than there is":   {vmXML{MemoryMiB: 1 << 24}, "NoSpace"},
	} {
		t.Run(what, func(t *testing.T) {
			r := record(t)
			vm.xml.Name = "fails"
			path := vm.xml.make(t, r.client)
			r.refused(vm.want, path, "VM.Start", wait())
			r.mark()
			job := r.must(path, "VM.Start", none())[0].(dbus.ObjectPath)
			done := r.until(patience, "Completed", func(s *dbus.Signal) bool { return emitted(s, job, "Job.Completed", false) })
			if done.Body[1] != "org.kvmmanager.Error."+vm.want || done.Body[2] == "" {
				t.Errorf("the job ends with %v", done.Body)
			}
			if name, state := r.get(job, "Job.ErrorName"), r.get(job, "Job.State"); name != done.Body[1] || state != "failed" {
				t.Errorf("the job is %v, with %v", state, name)
			}
			if state := r.get(path, "VM.State"); state != "shut-off" {
				t.Errorf("the VM is %v", state)
			}
		})
	}
}
