package virt

import (
	"testing"

	"org.kvmmanager/internal/model"
)

func TestHealthSaysWhatToDo(t *testing.T) {
	t.Parallel()
	up := &model.Network{Name: "default", Active: true, Autostart: true, Persistent: true}
	down := &model.Network{Name: "default", Persistent: true}
	byHand := &model.Network{Name: "default", Active: true, Persistent: true}
	other := &model.Network{Name: "lab", Active: true}
	room := &model.StoragePool{Name: "a", State: model.PoolRunning, Available: 1 << 40}
	full := &model.StoragePool{Name: "a", State: model.PoolRunning}
	off := &model.StoragePool{Name: "a", State: model.PoolInactive, Available: 1 << 40}
	for _, tt := range []struct {
		name  string
		check model.Check
		want  model.CheckStatus
	}{
		{"KVM", checkKVM(model.Capabilities{DomainTypes: []string{"qemu", "kvm"}}), model.CheckOK},
		{"emulation only", checkKVM(model.Capabilities{DomainTypes: []string{"qemu"}}), model.CheckWarning},
		{"another hypervisor", checkKVM(model.Capabilities{}), model.CheckWarning},
		{"UEFI", checkFirmware(model.Capabilities{Firmware: []string{"bios", "uefi"}}), model.CheckOK},
		{"no UEFI", checkFirmware(model.Capabilities{Firmware: []string{"bios"}}), model.CheckWarning},
		{"the default network", checkNetwork([]*model.Network{other, up}), model.CheckOK},
		{"a network that has to be started by hand", checkNetwork([]*model.Network{byHand}), model.CheckWarning},
		{"a network that is down", checkNetwork([]*model.Network{other, down}), model.CheckError},
		{"another network", checkNetwork([]*model.Network{other}), model.CheckOK},
		{"no network", checkNetwork(nil), model.CheckWarning},
		{"room", checkPool([]*model.StoragePool{off, full, room}), model.CheckOK},
		{"no room", checkPool([]*model.StoragePool{full, off}), model.CheckWarning},
		{"pools that are off", checkPool([]*model.StoragePool{off}), model.CheckError},
		{"no pool", checkPool(nil), model.CheckError},
	} {
		if tt.check.Status != tt.want || tt.check.Message == "" || (tt.check.Hint == "") != (tt.want == model.CheckOK) {
			t.Errorf("%s: %+v", tt.name, tt.check)
		}
	}
}
