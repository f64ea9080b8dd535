package store_test

import (
	"fmt"
	"maps"
	"testing"

	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/model"
)

func TestAMachineIsReconfiguredByWhatDiffers(t *testing.T) {
	t.Parallel()
	vm := &model.VM{CPUMode: "custom", CPUModel: "qemu64", MachineType: "pc-q35-10.0", Firmware: model.FirmwareUEFI, MaxMemory: 1 << 30, ConfigVersion: 3}
	for name, tt := range map[string]struct {
		say  store.Values
		want string
	}{
		"nothing":          {nil, "[]"},
		"a mode":           {store.Values{"cpu-mode": "host-model"}, "[5 map[cpu-mode:host-model] 3]"},
		"a model":          {store.Values{"cpu-model": "Skylake-Client"}, "[5 map[cpu-mode:custom cpu-model:Skylake-Client] 3]"},
		"cores":            {store.Values{"cpu-cores": "4"}, "[5 map[cpu-cores:4 cpu-sockets:0 cpu-threads:0] 3]"},
		"more memory":      {store.Values{"max-memory": "2048"}, "[5 map[max-memory:2147483648] 3]"},
		"Secure Boot":      {store.Values{"secure-boot": "true"}, "[5 map[secure-boot:true] 3]"},
		"another firmware": {store.Values{"firmware": "bios"}, "[5 map[firmware:bios] 3]"},
		"shared memory":    {store.Values{"shared-memory": "true"}, "[5 map[shared-memory:true] 3]"},
	} {
		form, before := store.Words{}.MachineForm(vm)
		now := maps.Clone(before)
		maps.Copy(now, tt.say)
		var got []any
		for _, c := range store.Reconfiguration(&form, before, now, vm) {
			got = append(got, int(c.Op), c.Values, c.Version)
		}
		if fmt.Sprint(got) != tt.want {
			t.Errorf("%s: %v, not %s", name, got, tt.want)
		}
	}
	vm.CPUCores, vm.CPUSockets, vm.CPUThreads = 4, 1, 1
	form, before := store.Words{}.MachineForm(vm)
	now := maps.Clone(before)
	maps.Copy(now, store.Values{"cpu-sockets": "0", "cpu-cores": "0", "cpu-threads": "0"})
	changes := store.Reconfiguration(&form, before, now, vm)
	if len(changes) != 1 || changes[0].Values["cpu-cores"] != uint32(0) {
		t.Errorf("no topology is %+v", changes)
	}
}
