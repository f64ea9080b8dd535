package objects_test

import (
	"testing"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/testutil/fakehv"
	"org.kvmmanager/internal/testutil/polkittest"
)

// TestAnInterfaceOfTheHostIsARight: macvtap and a bridge of the host's own are the
// same, wherever they are given, and insisting on addresses is another right.
func TestAnInterfaceOfTheHostIsARight(t *testing.T) {
	t.Parallel()
	w := newWorld(t, polkittest.Rule{Action: "org.kvmmanager.host-device.assign", Answer: polkittest.No},
		polkittest.Rule{Action: "org.kvmmanager.host.manage", Answer: polkittest.No}, polkittest.Rule{Answer: polkittest.Yes})
	off := fakehv.VM(1, "off")
	w.hv.PutNetwork(&model.Network{UUID: fakehv.UUID(101), Name: "inactive", Mode: "isolated", Bridge: "br-off", Persistent: true})
	w.hv.PutNetwork(&model.Network{UUID: fakehv.UUID(102), Name: "bridged", Mode: "bridge", Bridge: "br-lan", Persistent: true, Active: true})
	w.hv.PutNetwork(&model.Network{UUID: fakehv.UUID(103), Name: "changing", Mode: "nat", Bridge: "virbr3", Persistent: true, Active: true, PendingChanges: []string{"Mode"}})
	w.withNetwork(off)
	list := func(nic map[string]dbus.Variant) []map[string]dbus.Variant { return []map[string]dbus.Variant{nic} }
	create := func(nic map[string]dbus.Variant) *dbus.Call {
		return w.call(localPath, "Host.CreateVM", opts("name", "fresh", "disks", []map[string]dbus.Variant{}, "networks", list(nic)), none())
	}
	add := func(device map[string]dbus.Variant) *dbus.Call {
		device["kind"] = dbus.MakeVariant("interface")
		return w.call(off.Path(), "VM.AddDevice", device, opts("dry-run", true))
	}
	network := func(uuid int) model.Path { return model.NetworkPath(fakehv.UUID(uuid)) }
	for name, test := range map[string]struct {
		call    *dbus.Call
		refused bool
	}{
		"a VM on a bridge":                        {create(opts("bridge", "br0")), true},
		"a VM by macvtap":                         {create(opts("host-device", "eth0")), true},
		"a VM on the bridge of a network":         {create(opts("bridge", "virbr0")), false},
		"a VM on the bridge of a bridged network": {create(opts("bridge", "br-lan")), false},
		"a VM on a bridge of an inactive network": {create(opts("bridge", "br-off")), true},
		"a device on a bridge":                    {add(opts("bridge", "br0")), true},
		"a device by macvtap":                     {add(opts("host-device", "eth0")), true},
		"a device on the bridge of a network":     {add(opts("bridge", "virbr0")), false},
		"an update":                               {w.call(off.Path(), "VM.UpdateDevice", "interface-1", opts("bridge", "br0"), opts("dry-run", true)), true},
		"an update to a network's":                {w.call(off.Path(), "VM.UpdateDevice", "interface-1", opts("bridge", "virbr0"), opts("dry-run", true)), false},
		"a bridged network":                       {w.call(localPath, "Host.CreateNetwork", opts("name", "a", "mode", "bridge", "bridge", "br0"), none()), true},
		"a macvtap network":                       {w.call(localPath, "Host.CreateNetwork", opts("name", "a", "mode", "macvtap", "host-device", "eth0"), none()), true},
		"a network through an interface":          {w.call(localPath, "Host.CreateNetwork", opts("name", "a", "host-device", "eth0"), none()), true},
		"a network with a bridge of its own":      {w.call(localPath, "Host.CreateNetwork", opts("name", "own", "bridge", "virbr9"), none()), false},
		"a network that becomes bridged":          {w.call(lanPath, "Network.Configure", opts("mode", "bridge", "bridge", "br0"), none()), true},
		"a bridged network of another bridge":     {w.call(network(102), "Network.Configure", opts("bridge", "br0"), none()), true},
		"one that will be another":                {w.call(network(103), "Network.Configure", opts("bridge", "br0"), none()), true},
		"the domain of a network":                 {w.call(lanPath, "Network.Configure", opts("domain", "lab.test"), none()), false},
		"insisting on addresses":                  {w.call(localPath, "Host.CreateNetwork", opts("name", "b"), opts("force", true)), true},
		"insisting on a change":                   {w.call(lanPath, "Network.Configure", opts("domain", "lab.test"), opts("force", true)), true},
	} {
		if got := errorName(test.call.Err) == errs.NotAuthorized.DBusName(); got != test.refused {
			t.Errorf("%s: %v", name, test.call.Err)
		}
	}
}

func TestPublicAddressesTakeForce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, polkittest.Rule{Answer: polkittest.Yes}).withNetwork()
	public := []map[string]dbus.Variant{opts("address", "8.8.8.8", "prefix", uint32(24))}
	for name, call := range map[string]*dbus.Call{
		"a new network": w.call(localPath, "Host.CreateNetwork", opts("name", "a", "addresses", public), none()),
		"a change":      w.call(lanPath, "Network.Configure", opts("addresses", public, "dhcp-ranges", []map[string]dbus.Variant{}), none()),
	} {
		if errorName(call.Err) != errs.InvalidArgument.DBusName() {
			t.Errorf("%s: %v", name, call.Err)
		}
	}
	if err := w.call(localPath, "Host.CreateNetwork", opts("name", "a", "addresses", public), opts("force", true)).Err; err != nil {
		t.Errorf("insisting: %v", err)
	}
}
