package objects_test

import (
	"testing"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/testutil/fakehv"
	"org.kvmmanager/internal/testutil/polkittest"
	"org.kvmmanager/service/inventory"
)

func TestAPathOfTheHostNeedsARightOfItsOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, polkittest.Rule{Action: "org.kvmmanager.host-path.use", Answer: polkittest.No}, polkittest.Rule{Answer: polkittest.Yes})
	vm := fakehv.VM(1, "web")
	vm.Devices = []*model.Device{{ID: "cdrom-sda", Kind: model.KindCDROM}}
	w.withHost(vm)
	for name, test := range map[string]struct {
		method string
		args   []any
		want   string
	}{
		"a disk on a path":    {"VM.AddDevice", []any{opts("kind", "disk", "source", "/etc/shadow"), none()}, errs.NotAuthorized.DBusName()},
		"a disk on a volume":  {"VM.AddDevice", []any{opts("kind", "disk", "pool", "default", "volume", "a"), none()}, ""},
		"a medium on a path":  {"VM.UpdateDevice", []any{"cdrom-sda", opts("source", "/etc/shadow"), none()}, errs.NotAuthorized.DBusName()},
		"no medium":           {"VM.UpdateDevice", []any{"cdrom-sda", opts("source", ""), none()}, ""},
		"an unknown key":      {"VM.AddDevice", []any{opts("kind", "disk", "colour", "red"), none()}, errs.InvalidArgument.DBusName()},
		"a wrong type":        {"VM.AddDevice", []any{opts("kind", uint32(1)), none()}, errs.InvalidArgument.DBusName()},
		"a source of numbers": {"VM.AddDevice", []any{opts("kind", "disk", "source", uint32(1)), none()}, errs.NotAuthorized.DBusName()},
		"an odd size":         {"VM.ResizeDisk", []any{"disk-vda", uint64(513), none()}, errs.InvalidArgument.DBusName()},
	} {
		if got := errorName(w.call(vmPath, test.method, test.args...).Err); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func TestPortsOfTheHostNeedARightOfTheirOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, polkittest.Rule{Action: "org.kvmmanager.network.manage", Answer: polkittest.No}, polkittest.Rule{Answer: polkittest.Yes})
	vm := fakehv.VM(1, "web")
	vm.Devices = []*model.Device{{ID: "interface-0", Kind: model.KindInterface}}
	w.withHost(vm)
	ports := []map[string]dbus.Variant{opts("protocol", "tcp", "host-port", uint32(2222), "guest-port", uint32(22))}
	denied := errs.NotAuthorized.DBusName()
	for name, test := range map[string]struct {
		path   model.Path
		method string
		args   []any
		want   string
	}{
		"a new interface":       {vmPath, "VM.AddDevice", []any{opts("kind", "interface", "type", "user", "port-forwards", ports), none()}, denied},
		"one without ports":     {vmPath, "VM.AddDevice", []any{opts("kind", "interface", "type", "user"), none()}, ""},
		"an interface":          {vmPath, "VM.UpdateDevice", []any{"interface-0", opts("port-forwards", ports), none()}, denied},
		"no ports any more":     {vmPath, "VM.UpdateDevice", []any{"interface-0", opts("port-forwards", ports[:0]), none()}, ""},
		"a new VM":              {localHost, "Host.CreateVM", []any{opts("name", "a", "networks", []map[string]dbus.Variant{opts("user", true, "port-forwards", ports)}), none()}, denied},
		"a new VM with a path":  {localHost, "Host.CreateVM", []any{opts("name", "a", "source", opts("kind", "iso", "path", "/a"), "networks", []map[string]dbus.Variant{opts("user", true, "port-forwards", ports)}), none()}, denied},
		"an unknown key inside": {vmPath, "VM.UpdateDevice", []any{"interface-0", opts("port-forwards", []map[string]dbus.Variant{opts("port", uint32(1))}), none()}, denied},
	} {
		if got := errorName(w.call(test.path, test.method, test.args...).Err); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func TestAnothersDiskNeedsTheRightToReadIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, polkittest.Rule{Action: "org.kvmmanager.storage.manage", Answer: polkittest.No}, polkittest.Rule{Answer: polkittest.Yes})
	w.hv.PutPool(&model.StoragePool{UUID: poolUUID, Name: "default", Kind: "dir", Target: "/fake/" + poolUUID, State: model.PoolRunning, Active: true, Available: 100 << 30})
	for _, name := range []string{"its.qcow2", "mine.qcow2", "free.qcow2", "template.qcow2", "cd.iso", "by-name.qcow2", "hidden.qcow2"} {
		w.hv.PutVolume(poolUUID, inventory.VolumeInfo{Name: name, Format: "qcow2", Capacity: 1 << 30}, nil)
	}
	place := "/fake/" + poolUUID + "/"
	on := func(names ...string) (disks []*model.Device) {
		for _, name := range names {
			disks = append(disks, &model.Device{ID: "disk-" + name, Kind: model.KindDisk, Source: place + name})
		}
		return disks
	}
	mine, other, template := fakehv.VM(1, "mine"), fakehv.VM(2, "other"), fakehv.VM(3, "template")
	mine.Disks, other.Disks, template.Disks = on("mine.qcow2"), on("its.qcow2", "too-new.qcow2"), on("template.qcow2")
	other.Disks = append(other.Disks, &model.Device{ID: "cdrom-sda", Kind: model.KindCDROM, Source: place + "cd.iso", ReadOnly: true},
		&model.Device{ID: "disk-vdb", Kind: model.KindDisk, Pool: "default", Volume: "by-name.qcow2"})
	template.Template = true
	w.hv.SetOfAnother("hidden.qcow2") // which only the hypervisor knows
	w.withHost(mine, other, template)
	w.read()
	for name, denied := range map[string]bool{
		"its.qcow2": true, "by-name.qcow2": true, "too-new.qcow2": true, "hidden.qcow2": true,
		"mine.qcow2": false, "free.qcow2": false, "template.qcow2": false, "cd.iso": false,
	} {
		for what, call := range map[string]func() error{
			"a new disk": func() error {
				return w.call(vmPath, "VM.AddDevice", opts("kind", "disk", "pool", "default", "volume", name), none()).Err
			},
			"a medium": func() error {
				return w.call(vmPath, "VM.UpdateDevice", "cdrom-sda", opts("pool", "default", "volume", name), none()).Err
			},
		} {
			if got := errorName(call()); (got == errs.NotAuthorized.DBusName()) != denied {
				t.Errorf("%s on %s: %q", what, name, got)
			}
		}
		denied = denied || name == "mine.qcow2"         // a new VM is another one
		for _, spec := range []map[string]dbus.Variant{ // the copy first: the other one has the disk then
			opts("name", "a-"+name, "source", opts("kind", "image", "volume", volumePath(name), "copy", true)),
			opts("name", "b-"+name, "disks", []map[string]dbus.Variant{opts("volume", volumePath(name))}),
		} {
			if got := errorName(w.call(localHost, "Host.CreateVM", spec, none()).Err); (got == errs.NotAuthorized.DBusName()) != denied {
				t.Errorf("a new VM %v on %s: %q", spec, name, got)
			}
		}
	}
}

func TestAnInterfaceOfTheHostNeedsARightOfItsOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, polkittest.Rule{Action: "org.kvmmanager.host-device.assign", Answer: polkittest.No}, polkittest.Rule{Answer: polkittest.Yes})
	vm := fakehv.VM(1, "web")
	vm.Devices = []*model.Device{{ID: "interface-0", Kind: model.KindInterface}}
	w.withHost(vm)
	denied := errs.NotAuthorized.DBusName()
	for name, test := range map[string]struct {
		path   model.Path
		method string
		args   []any
		want   string
	}{
		"a new interface":        {vmPath, "VM.AddDevice", []any{opts("kind", "interface", "host-device", "eth0", "mode", "passthrough"), none()}, denied},
		"only to try it":         {vmPath, "VM.AddDevice", []any{opts("kind", "interface", "host-device", "eth0"), opts("dry-run", true)}, denied},
		"a name of a wrong type": {vmPath, "VM.AddDevice", []any{opts("kind", "interface", "host-device", uint32(1)), none()}, denied},
		"one in a network":       {vmPath, "VM.AddDevice", []any{opts("kind", "interface", "network-name", "default", "host-device", ""), none()}, ""},
		"one on a bridge":        {vmPath, "VM.AddDevice", []any{opts("kind", "interface", "bridge", "br0"), none()}, denied},
		"an interface":           {vmPath, "VM.UpdateDevice", []any{"interface-0", opts("host-device", "eth0"), none()}, denied},
		"a new VM":               {localHost, "Host.CreateVM", []any{opts("name", "a", "networks", []map[string]dbus.Variant{opts("host-device", "eth0")}), none()}, denied},
		"a path as well":         {vmPath, "VM.AddDevice", []any{opts("kind", "interface", "source", "/a", "host-device", "eth0"), none()}, denied},
	} {
		if got := errorName(w.call(test.path, test.method, test.args...).Err); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func TestADryRunChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.withHost(running(1, "web"))
	before := w.property(vmPath, vmIface, "ConfigVersion")
	var id string
	var did map[string]any
	if err := w.call(vmPath, "VM.AddDevice", opts("kind", "rng"), opts("dry-run", true)).Store(&id, &did); err != nil {
		t.Fatal(err)
	}
	if did["now"] != true || did["next-boot"] != true {
		t.Errorf("got %v", did)
	}
	if after := w.property(vmPath, vmIface, "ConfigVersion"); after != before {
		t.Error("it has changed")
	}
}
