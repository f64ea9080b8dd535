package virt

import (
	"testing"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/errs"
)

// TestOnlyWhatCannotBeDoneNowWaitsForTheNextBoot has libvirt's own messages.
func TestOnlyWhatCannotBeDoneNowWaitsForTheNextBoot(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err  error
		want bool
	}{
		{libvirt.Error{Code: libvirt.ERR_OPERATION_UNSUPPORTED, Message: "Operation not supported: 'usb' controller cannot be hot plugged."}, true},
		{libvirt.Error{Code: libvirt.ERR_CONFIG_UNSUPPORTED, Message: "unsupported configuration: watchdogs with different actions are not supported with this QEMU binary"}, true},
		{libvirt.Error{Code: libvirt.ERR_INTERNAL_ERROR, Message: "internal error: No more available PCI slots"}, true},
		{libvirt.Error{Code: libvirt.ERR_INTERNAL_ERROR, Message: "internal error: No free USB ports"}, true},
		{libvirt.Error{Code: libvirt.ERR_INTERNAL_ERROR, Message: "internal error: unable to execute QEMU command 'device_add': Bus 'pcie.0' does not support hotplugging"}, true},
		{libvirt.Error{Code: libvirt.ERR_OPERATION_INVALID, Message: "Requested operation is not valid: Unable to change memory of active domain without the balloon device and guest OS balloon driver"}, true},
		{libvirt.Error{Code: libvirt.ERR_INVALID_ARG, Message: "invalid argument: failed to find appropriate hotpluggable vcpus to reach the desired target vcpu count"}, true},
		{errs.New(errs.InvalidState, "The virtual machine was started with at most 2 virtual CPUs."), true},
		{errs.New(errs.Timeout, "The guest did not release the device."), false},
		{libvirt.Error{Code: libvirt.ERR_SYSTEM_ERROR, Message: "Cannot get interface MTU on 'br9': No such device"}, false},
		{libvirt.Error{Code: libvirt.ERR_CONFIG_UNSUPPORTED, Message: "unsupported configuration: unable to open vhost-vsock device"}, false},
		{libvirt.Error{Code: libvirt.ERR_OPERATION_INVALID, Message: "Requested operation is not valid: network 'asleep' is not active"}, false},
		{libvirt.Error{Code: libvirt.ERR_INTERNAL_ERROR, Message: "internal error: unable to execute QEMU command 'blockdev-add': Failed to get \"write\" lock"}, false},
		{libvirt.Error{Code: libvirt.ERR_OPERATION_FAILED, Message: "operation failed: target vdb already exists"}, false},
		{libvirt.Error{Code: libvirt.ERR_INVALID_ARG, Message: "invalid argument: something else"}, false},
	} {
		if got := notPossible(test.err); got != test.want {
			t.Errorf("%v: %v, want %v", test.err, got, test.want)
		}
	}
}
