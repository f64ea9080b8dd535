package virt

import (
	"slices"
	"testing"

	"org.kvmmanager/internal/model"
)

const someVM = "44444444-0000-4000-8000-000000000000"

// vmWith makes a VM with a disk and an interface.
func vmWith(state model.VMState) *model.VM {
	return &model.VM{
		UUID: someVM, Name: "web", State: state, VCPUs: 2,
		Disks: []*model.Device{
			{Kind: model.KindDisk, Target: "vda", Source: "/images/web"},
			{Kind: model.KindDisk, Target: "vdb", Pool: "images", Volume: "data"},
			{Kind: model.KindCDROM, Target: "sda", Source: "/iso"},
			{Kind: model.KindDisk, Target: "vdc"},
		},
		Interfaces: []*model.Device{{Kind: model.KindInterface, MAC: "52:54:00:00:00:01"}},
	}
}

func TestSizesAreMeasuredOnceForEachContent(t *testing.T) {
	t.Parallel()
	m := newMemory()
	vm := vmWith(model.VMRunning)
	if !m.complete(vm) {
		t.Error("nothing was to be measured")
	}
	disks := m.disksOf(someVM)
	if !slices.Equal(disks, []diskKey{{"vda", "/images/web"}, {"vdb", "images/data"}}) {
		t.Fatalf("to be measured: %v", disks)
	}
	if m.setSizes(someVM, map[diskKey]diskSize{disks[0]: {100, 10}}); !slices.Equal(m.unmeasured(), []string{someVM}) {
		t.Errorf("unmeasured are %v, and a volume was not found", m.unmeasured())
	}
	sizes := map[diskKey]diskSize{disks[0]: {100, 10}, disks[1]: {200, 20}}
	if !m.setSizes(someVM, sizes) || m.setSizes(someVM, sizes) {
		t.Error("news and no news are mixed up")
	}
	if unmeasured := m.unmeasured(); len(unmeasured) != 0 {
		t.Errorf("unmeasured are %v", unmeasured)
	}
	vm = vmWith(model.VMRunning)
	if m.complete(vm) || vm.DiskSize != 300 || vm.Disks[1].Allocation != 20 {
		t.Errorf("size %d, disks %+v", vm.DiskSize, vm.Disks)
	}
	vm = vmWith(model.VMRunning)
	vm.Disks[0].Source = "/images/other"
	if !m.complete(vm) {
		t.Error("the other content was not to be measured")
	}
}

func TestAddressesComeFromTheAgentAndTheLeases(t *testing.T) {
	t.Parallel()
	m := newMemory()
	vm := vmWith(model.VMRunning)
	m.complete(vm)
	mac := vm.Interfaces[0].MAC
	if changed := m.setLeases(map[string][]string{mac: {"192.0.2.7"}, "other": {"192.0.2.8"}}); !slices.Equal(changed, []string{someVM}) {
		t.Errorf("changed: %v", changed)
	}
	if changed := m.setLeases(map[string][]string{mac: {"192.0.2.7"}}); changed != nil {
		t.Errorf("changed again: %v", changed)
	}
	m.setAgent(someVM, map[string][]string{mac: {"2001:db8::7", "192.0.2.7"}})
	vm = vmWith(model.VMRunning)
	m.complete(vm)
	if !slices.Equal(vm.IPAddresses, []string{"2001:db8::7", "192.0.2.7"}) || !slices.Equal(vm.Interfaces[0].IPAddresses, vm.IPAddresses) {
		t.Errorf("addresses: %v", vm.IPAddresses)
	}
	vm = vmWith(model.VMShutOff)
	if m.complete(vm); len(vm.IPAddresses) != 0 {
		t.Errorf("a VM that is off is reached at %v", vm.IPAddresses)
	}
}

func TestAnAnswerFromBeforeADefinitionIsNotKept(t *testing.T) {
	t.Parallel()
	m := newMemory()
	known, redefinitions := m.isPersistent(someVM)
	if known != definedUnknown {
		t.Fatal("known from nowhere")
	}
	m.redefined(someVM)
	m.setPersistent(someVM, false, redefinitions)
	if known, redefinitions = m.isPersistent(someVM); known != definedUnknown {
		t.Error("the old answer was kept")
	}
	m.setPersistent(someVM, true, redefinitions)
	if known, _ = m.isPersistent(someVM); known != definedStored {
		t.Error("the new answer was not kept")
	}
}

func TestVMsThatAreGoneAreForgotten(t *testing.T) {
	t.Parallel()
	m := newMemory()
	m.complete(vmWith(model.VMRunning))
	if m.uuidOfName("web") != someVM || m.vcpus(someVM) != 2 {
		t.Error("it is not known")
	}
	m.retain(nil)
	if m.uuidOfName("web") != "" || m.vcpus(someVM) != 0 || len(m.vms) != 0 {
		t.Error("it is still known")
	}
}

func TestOnlyAddressesThatLeadSomewhereAreShown(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"192.0.2.1": true, "2001:db8::1": true, "127.0.0.1": false, "::1": false, "fe80::1": false, "169.254.1.1": false, "0.0.0.0": false, "x": false,
		"2001:db8::1%any text": false,
	} {
		if reachable(address) != want {
			t.Errorf("%s: %v", address, !want)
		}
	}
}
