package domainxml

import (
	"testing"

	"org.kvmmanager/internal/model"
)

func TestOtherDevices(t *testing.T) {
	t.Parallel()
	for _, tt := range []deviceTest{
		{
			name: "a controller",
			xml:  `<controller type='usb' index='0' model='qemu-xhci'><alias name='usb'/></controller>`,
			want: model.Device{ID: "controller-usb-0", Kind: model.KindController, Type: "usb", Model: "qemu-xhci", Alias: "usb"},
		},
		{
			name: "a tablet",
			xml:  `<input type='tablet' bus='usb'><address type='usb' bus='0' port='1.2'/></input>`,
			want: model.Device{ID: "input-tablet-usb", Kind: model.KindInput, Type: "tablet", Bus: "usb", Address: "usb:0:1.2"},
		},
		{
			name: "a keyboard of the host",
			xml:  `<input type='evdev'><source dev='/dev/input/event3' grab='all'/></input>`,
			want: model.Device{ID: "input-evdev-/dev/input/event3", Kind: model.KindInput, Type: "evdev", Source: "/dev/input/event3"},
		},
		{
			name: "a passed through input device",
			xml:  `<input type='passthrough' bus='virtio'><source evdev='/dev/input/event4'/></input>`,
			want: model.Device{ID: "input-passthrough-/dev/input/event4", Kind: model.KindInput, Type: "passthrough", Bus: "virtio", Source: "/dev/input/event4"},
		},
		{
			name: "an emulated TPM",
			xml:  `<tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>`,
			want: model.Device{ID: "tpm-0", Kind: model.KindTPM, Model: "tpm-crb", Backend: "emulator", Version: "2.0"},
		},
		{
			name: "the host's TPM",
			xml:  `<tpm model='tpm-tis'><backend type='passthrough'><device path='/dev/tpm0'/></backend></tpm>`,
			want: model.Device{ID: "tpm-0", Kind: model.KindTPM, Model: "tpm-tis", Backend: "passthrough", Source: "/dev/tpm0"},
		},
		{
			name: "random numbers",
			xml:  `<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>`,
			want: model.Device{ID: "rng-0", Kind: model.KindRNG, Model: "virtio", Backend: "random", Source: "/dev/urandom"},
		},
		{
			name: "random numbers from a daemon",
			xml:  `<rng model='virtio'><backend model='egd' type='udp'><source mode='bind' service='1234'/></backend></rng>`,
			want: model.Device{ID: "rng-0", Kind: model.KindRNG, Model: "virtio", Backend: "egd"},
		},
		{
			name: "a watchdog",
			xml:  `<watchdog model='itco' action='reset'/>`,
			want: model.Device{ID: "watchdog-0", Kind: model.KindWatchdog, Model: "itco", Action: "reset"},
		},
		{
			name: "a socket to the host",
			xml:  `<vsock model='virtio'><cid auto='yes' address='3'/></vsock>`,
			want: model.Device{ID: "vsock-0", Kind: model.KindVsock, Model: "virtio", CID: 3},
		},
		{
			name: "USB redirection",
			xml:  `<redirdev bus='usb' type='tcp'><source mode='connect' host='localhost' service='4000'/></redirdev>`,
			want: model.Device{ID: "usb-redirect-0", Kind: model.KindUSBRedir, Type: "tcp", Bus: "usb", Source: "localhost:4000"},
		},
		{
			name: "a smartcard reader",
			xml:  `<smartcard mode='passthrough' type='spicevmc'><address type='ccid' controller='0' slot='0'/></smartcard>`,
			want: model.Device{ID: "smartcard-0", Kind: model.KindSmartcard, Type: "passthrough", Backend: "spicevmc", Address: "ccid:0:0"},
		},
		{
			name: "a memory module",
			xml:  `<memory model='dimm'><target><size unit='KiB'>65536</size><node>0</node></target><address type='dimm' slot='0' base='0x1'/></memory>`,
			want: model.Device{ID: "memory-0", Kind: model.KindMemory, Model: "dimm", Capacity: 64 << 20, Address: "dimm:0"},
		},
		{
			name: "a memory module in persistent memory",
			xml:  `<memory model='nvdimm'><source><path>/dev/dax0</path></source><target><size unit='GiB'>1</size></target></memory>`,
			want: model.Device{ID: "memory-0", Kind: model.KindMemory, Model: "nvdimm", Capacity: 1 << 30, Source: "/dev/dax0"},
		},
		{
			name: "shared memory, which has no kind of its own",
			xml:  `<shmem name='shm0'><model type='ivshmem-plain'/><size unit='M'>4</size></shmem>`,
			want: model.Device{ID: "other-shmem-shm0", Kind: model.KindOther, Type: "shmem", Name: "shm0", Model: "ivshmem-plain"},
		},
		{
			name: "a device of tomorrow",
			xml:  `<teleporter model='mk2'/>`,
			want: model.Device{ID: "other-0", Kind: model.KindOther, Type: "teleporter", Model: "mk2"},
		},
	} {
		tt.run(t)
	}
}

func TestIdsAreUniqueEvenWhenNamesAreNot(t *testing.T) {
	t.Parallel()
	vm := parsedDevices(t, `<filesystem><target dir='a'/></filesystem><filesystem><target dir='a'/></filesystem>
		<filesystem><target dir='a-2'/></filesystem><filesystem><target dir='a'/></filesystem>`)
	want := []string{"share-a", "share-a-2", "share-a-2-2", "share-a-3"}
	for i, d := range vm.Shares {
		if d.ID != want[i] {
			t.Errorf("device %d is %q, want %q", i, d.ID, want[i])
		}
	}
}

func TestWhatIsNoDeviceIsNotListed(t *testing.T) {
	t.Parallel()
	vm := parsedDevices(t, `<emulator>/usr/bin/qemu</emulator><audio id='1' type='none'/><redirfilter/>
		<x:disk xmlns:x='urn:x'/>`)
	if all := allDevices(vm); len(all) != 0 {
		t.Errorf("got %+v", all)
	}
}
