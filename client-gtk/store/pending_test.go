package store_test

import (
	"testing"

	"org.kvmmanager/internal/model"
)

func TestWhatWaitsForTheNextStartIsSaidInWords(t *testing.T) {
	t.Parallel()
	vm := &model.VM{
		Disks:      []*model.Device{{ID: "disk-vda", Kind: model.KindDisk, Target: "vda", Model: "x"}},
		Interfaces: []*model.Device{{ID: "interface-52:54:00:00:00:01", Kind: model.KindInterface, Model: "virtio"}},
		PendingChanges: []string{
			"VCPUs", "MaxMemory", "CPUCores", "CPUThreads", "Unheard", "disk-vda", "interface-52:54:00:00:00:01",
			"disk-vdb", "sound-0", "host-device-pci_0", "other-1",
		},
	}
	const want = "Some changes take effect when the virtual machine is started again: Processors, Most memory, Processor topology, Unheard, Disk · vda, " +
		"Network card · virtio, Disk · vdb, Sound card, Host device · pci_0, other-1"
	if got := english.Pending(vm); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := english.Pending(&model.VM{}); got != "" {
		t.Errorf("nothing waits, but %q", got)
	}
}
