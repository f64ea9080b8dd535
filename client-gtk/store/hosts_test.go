package store_test

import (
	"slices"
	"testing"

	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/model"
)

func TestAHostInWords(t *testing.T) {
	t.Parallel()
	host := &model.Host{
		URI: "qemu:///system", State: model.Connected, HypervisorName: "QEMU", HypervisorVersion: "10.0.2", LibvirtVersion: "11.3.0",
		Architecture: "x86_64", CPUModel: "EPYC", CPUs: 8, CPUSockets: 1, CPUCores: 4, CPUThreads: 2, MemoryTotal: 16 << 30,
	}
	facts := english.HostFacts(host, store.HostCounts{VMs: 7, Running: 2, Networks: 3, Pools: 1})
	for _, want := range []store.Fact{
		{"Address", "qemu:///system"},
		{"Hypervisor", "QEMU 10.0.2 · libvirt 11.3.0"},
		{"Execution", "Emulated (TCG), which is slow"},
		{"Processors", "8 (1 × 4 × 2) · EPYC · x86_64"},
		{"Memory", "16 GiB"},
		{"Virtual machines", "7, 2 running"},
		{"Networks", "3"},
		{"Storage pools", "1"},
	} {
		if !slices.Contains(facts, want) {
			t.Errorf("%v is not in %v", want, facts)
		}
	}
	host.HardwareVirtualization = true
	if facts := english.HostFacts(host, store.HostCounts{}); !slices.Contains(facts, store.Fact{"Execution", "At full speed with KVM"}) {
		t.Errorf("KVM is not in %v", facts)
	}
	host.HypervisorName = "TEST"
	host.State = model.Disconnected
	if facts := english.HostFacts(host, store.HostCounts{}); !slices.Equal(facts, []store.Fact{{"Address", "qemu:///system"}}) {
		t.Errorf("of a host that is away is known: %v", facts)
	}
}

func TestWhatHelpsTheHealthOfAHost(t *testing.T) {
	t.Parallel()
	bad := func(id string) model.Check { return model.Check{ID: id, Status: model.CheckError} }
	off, on, always := &model.Network{Name: "default", Persistent: true}, &model.Network{Name: "default", Active: true, Persistent: true},
		&model.Network{Name: "default", Active: true, Persistent: true, Autostart: true}
	idle := &model.StoragePool{Name: "images"}
	for _, test := range []struct {
		what     string
		check    model.Check
		networks []*model.Network
		pools    []*model.StoragePool
		do       string
	}{
		{"what is well needs nothing", model.Check{ID: "network", Status: model.CheckOK}, []*model.Network{off}, nil, ""},
		{"the default network is started", bad("network"), []*model.Network{off}, nil, "start"},
		{"it is started with the host", bad("network"), []*model.Network{on}, nil, "autostart"},
		{"nothing helps one that is", bad("network"), []*model.Network{always}, nil, ""},
		{"a network is made", bad("network"), nil, nil, "create"},
		{"a pool is started", bad("storage"), nil, []*model.StoragePool{idle}, "start"},
		{"a pool is made", bad("storage"), nil, nil, "create"},
		{"a full pool is not emptied", bad("storage"), nil, []*model.StoragePool{{Active: true}}, ""},
		{"no click brings KVM", bad("kvm"), nil, nil, ""},
	} {
		fix := english.HealthFix(test.check, test.networks, test.pools)
		if fix.Do != test.do || (fix.Label == "") != (test.do == "") {
			t.Errorf("%s: %+v", test.what, fix)
		}
	}
}
