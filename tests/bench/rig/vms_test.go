package rig

import (
	"testing"

	"libvirt.org/go/libvirtxml"
)

func TestDefinitionsAreOnesOfTheirOwn(t *testing.T) {
	t.Parallel()
	seen := map[string]VM{}
	for _, v := range []VM{1, 2, 255, 256, 257, 1000} {
		var d libvirtxml.Domain
		if err := d.Unmarshal(v.XML()); err != nil {
			t.Fatalf("VM %d: %v", v, err)
		}
		if d.Name != v.Name() || d.UUID != v.UUID() {
			t.Errorf("VM %d is %s, %s", v, d.Name, d.UUID)
		}
		for _, own := range []string{d.Name, d.UUID, d.Devices.Interfaces[0].MAC.Address, d.Devices.Disks[0].Source.File.File} {
			if other, taken := seen[own]; taken {
				t.Errorf("VMs %d and %d share %s", v, other, own)
			}
			seen[own] = v
		}
	}
}

func TestVMsAreCountedFromOne(t *testing.T) {
	t.Parallel()
	list := VMs(3)
	if len(list) != 3 || list[0].Name() != "bench-0001" || list[2].UUID() != "62656e63-6800-4000-8000-000000000003" {
		t.Errorf("the first three are %v", list)
	}
}
