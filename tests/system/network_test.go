//go:build system

package system_test

import (
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
)

// makesNetwork creates a network, and removes it in the end.
func makesNetwork(c *client, name string, spec map[string]dbus.Variant) dbus.ObjectPath {
	c.t.Helper()
	spec["name"] = dbus.MakeVariant(name)
	c.t.Cleanup(func() {
		_, _ = tryVirsh("net-destroy", "--network", name)
		_, _ = tryVirsh("net-undefine", "--network", name)
	})
	return c.must(localHost, "Host.CreateNetwork", spec, none())[0].(dbus.ObjectPath)
}

type dict = map[string]dbus.Variant

func records(list ...dict) []dict { return list }

func TestANetworkOfEachModeIsMadeAndRemoved(t *testing.T) {
	root := as(t, "root")
	run(t, "ip", "link", "add", "br-test", "type", "bridge")
	run(t, "ip", "link", "add", "dummy-test", "type", "bridge")
	t.Cleanup(func() {
		run(t, "ip", "link", "delete", "br-test")
		run(t, "ip", "link", "delete", "dummy-test")
	})
	for name, test := range map[string]struct {
		spec map[string]dbus.Variant
		xml  []string
	}{
		"net-nat": {
			with("addresses", records(with("address", "10.77.1.1"), with("address", "fd00:77::1")), "domain", "test.example", "mtu", uint32(1400),
				"dns-hosts", records(with("address", "10.77.1.9", "names", []string{"nine"})), "dns-forwarders", []string{"10.77.9.9"}, "bridge", "virbr-named"),
			[]string{"<forward mode='nat'>", "<nat ipv6='yes'>", "10.77.1.2", "10.77.1.254", "fd00:77::1", "<mtu size='1400'/>", "<hostname>nine</hostname>", "virbr-named"},
		},
		"net-routed":             {with("mode", "routed", "addresses", records(with("address", "10.77.2.1")), "dhcp-ranges", records()), []string{"<forward mode='route'/>", "10.77.2.1"}},
		"net-open":               {with("mode", "open", "dns", false), []string{"<forward mode='open'/>", "<dns enable='no'/>", "192.168.100.1"}},
		"net-isolated":           {with("mode", "isolated", "addresses", records()), []string{"<bridge name='virbr"}},
		"net-bridge":             {with("mode", "bridge", "bridge", "br-test"), []string{"<forward mode='bridge'/>", "<bridge name='br-test'/>"}},
		"net-macvtap":            {with("mode", "macvtap", "host-device", "dummy-test", "macvtap-mode", "private"), []string{"<forward dev='dummy-test' mode='private'>"}},
		`n & <e> 't' é 💻`:        {with("autostart", true), []string{"n &amp; &lt;e&gt;", "<forward mode='nat'"}},
		strings.Repeat("n", 230): {none(), []string{"<forward mode='nat'"}},
	} {
		network := makesNetwork(root, name, test.spec)
		if active, got := root.get(network, "Network.Active"), root.get(network, "Network.Name"); active != true || got != name {
			t.Errorf("%s is called %v, active %v", name, got, active)
		}
		xml := virsh(t, "net-dumpxml", "--network", name)
		for _, want := range test.xml {
			if !strings.Contains(xml, want) {
				t.Errorf("%s has no %s:\n%s", name, want, xml)
			}
		}
		if pending := root.get(network, "Network.PendingChanges").([]string); len(pending) > 0 {
			t.Errorf("%s has pending changes: %v", name, pending)
		}
		root.must(network, "Network.Delete", none())
		if _, err := tryVirsh("net-info", "--network", name); err == nil {
			t.Errorf("%s is still there", name)
		}
	}
}

func TestANetworkThatCollidesLeavesNothing(t *testing.T) {
	root := as(t, "root")
	run(t, "ip", "link", "add", "dummy-test", "type", "bridge")
	t.Cleanup(func() { run(t, "ip", "link", "delete", "dummy-test") })
	run(t, "ip", "address", "add", "10.78.1.5/24", "dev", "dummy-test")
	run(t, "ip", "link", "set", "dummy-test", "up")
	before := virsh(t, "net-list", "--all")
	for want, specs := range map[string][]map[string]dbus.Variant{
		"DeviceInUse":     {with("name", "x", "addresses", records(with("address", "10.78.1.1")))},
		"AlreadyExists":   {with("name", "default"), with("name", "x", "bridge", "dummy-test"), with("name", "x", "bridge", "virbr0"), with("name", "x", "addresses", records(with("address", "192.168.122.9")))},
		"NotFound":        {with("name", "x", "mode", "bridge", "bridge", "no-such"), with("name", "x", "mode", "macvtap", "host-device", "no-such")},
		"InvalidArgument": {with("name", `a"b`), with("name", "a\nb"), with("name", strings.Repeat("x", 255)), with("name", "x", "mode", "bridge", "bridge", "br0", "mtu", uint32(1400))},
	} {
		for _, spec := range specs {
			root.refused(want, localHost, "Host.CreateNetwork", spec, none())
		}
	}
	if after := virsh(t, "net-list", "--all"); after != before {
		t.Errorf("something is left:\n%s", after)
	}
}

func TestANetworkInUseStaysUnlessForced(t *testing.T) {
	r := record(t)
	network := makesNetwork(r.client, "net-used", with("mode", "isolated", "addresses", records()))
	vm := vmXML{Name: "in-net", Devices: "<interface type='network'><source network='net-used'/></interface>"}.make(t, r.client)
	r.refused("DeviceInUse", network, "Network.Delete", none())
	r.must(vm, "VM.Start", wait())
	r.refused("DeviceInUse", network, "Network.Stop", none())
	r.must(network, "Network.Stop", with("force", true))
	if r.get(network, "Network.Active") != false {
		t.Error("it is active")
	}
	r.must(network, "Network.Start", none())
	r.must(network, "Network.SetAutostart", true, none())
	if info := virsh(t, "net-info", "net-used"); !strings.Contains(info, "Autostart:      yes") {
		t.Errorf("it does not start by itself:\n%s", info)
	}
	r.mark()
	r.must(network, "Network.Delete", with("force", true))
	r.removed(soon, network)
}

func TestANetworkThatARunningVMHasAtItsNextBootStays(t *testing.T) {
	root := as(t, "root")
	network := makesNetwork(root, "net-later", with("mode", "isolated", "addresses", records()))
	vm := vmXML{Name: "to-net"}.make(t, root)
	root.must(vm, "VM.Start", wait())
	virsh(t, "attach-interface", "to-net", "network", "net-later", "--config")
	root.refused("DeviceInUse", network, "Network.Delete", none())
	virsh(t, "detach-interface", "to-net", "network", "--config")
	root.must(network, "Network.Delete", none())
}

// inNetwork has tiny's interface in another network, until the end of the test.
func inNetwork(t *testing.T, name string) {
	t.Helper()
	useTiny(t)
	definition := virsh(t, "dumpxml", "--inactive", "tiny")
	moved := strings.Replace(definition, "network='default'", "network='"+name+"'", 1)
	if moved == definition {
		t.Fatalf("tiny is not in the default network:\n%s", definition)
	}
	define(t, moved)
}

const tinyMAC = "52:54:00:6b:6d:01"

// TestAGuestGetsTheAddressThatIsKeptForIt, and what changes while it runs.
func TestAGuestGetsTheAddressThatIsKeptForIt(t *testing.T) {
	r := record(t)
	network := makesNetwork(r.client, "net-leases", with(
		"addresses", records(with("address", "10.79.1.1")), "domain", "lab.example",
		"dhcp-ranges", records(with("start", "10.79.1.100", "end", "10.79.1.150")),
		"dhcp-hosts", records(with("mac", tinyMAC, "name", "kept", "address", "10.79.1.42"))))
	inNetwork(t, "net-leases")
	r.must(tiny, "VM.Start", wait())
	guest := openConsole(t, r.client)
	guest.expect("tiny: ready")
	lease := func(address string) dict {
		t.Helper()
		var found dict
		eventually(t, "the lease of "+address, func() bool {
			for _, l := range r.must(network, "Network.GetLeases", none())[0].([]dict) {
				if l["address"].Value() == address {
					found = l
				}
			}
			return found != nil
		})
		return found
	}
	if l := lease("10.79.1.42"); l["mac"].Value() != tinyMAC || l["vm"].Value() != tiny || l["prefix"].Value() != uint32(24) || l["expires-at"].Value() == nil {
		t.Errorf("the lease is %v", l)
	}

	t.Log("another address for it, at once and for good")
	r.must(network, "Network.RemoveDHCPHost", with("mac", tinyMAC), none())
	r.must(network, "Network.AddDHCPHost", with("mac", tinyMAC, "address", "10.79.1.43"), none())
	r.refused("AlreadyExists", network, "Network.AddDHCPHost", with("mac", tinyMAC, "address", "10.79.1.44"), none())
	r.refused("InvalidArgument", network, "Network.AddDHCPHost", with("mac", "52:54:00:00:00:99", "address", "10.79.2.44"), none())
	r.refused("NotFound", network, "Network.RemoveDHCPHost", with("address", "10.79.1.42"), none())
	for _, flags := range [][]string{nil, {"--inactive"}} {
		if xml := virsh(t, append([]string{"net-dumpxml", "net-leases"}, flags...)...); !strings.Contains(xml, "ip='10.79.1.43'") || strings.Contains(xml, "ip='10.79.1.42'") {
			t.Errorf("%v:\n%s", flags, xml)
		}
	}
	guest.run("udhcpc -n -q -i eth0 2>&1", "lease of 10.79.1.43 obtained")
	lease("10.79.1.43")

	t.Log("what can be changed at once, and what waits")
	applied := r.must(network, "Network.Configure", with(
		"dns-hosts", records(with("address", "10.79.1.77", "names", []string{"gate.lab.example"})),
		"dhcp-ranges", records(with("start", "10.79.1.200", "end", "10.79.1.210")), "mtu", uint32(1400)), none())[0].(dict)
	if !equal(applied["now"].Value(), []string{"dhcp-ranges", "dns-hosts"}) || !equal(applied["next-start"].Value(), []string{"mtu"}) {
		t.Errorf("it says %v", applied)
	}
}

func TestAChangeOfANetworkKeepsWhatOthersSet(t *testing.T) {
	root := as(t, "root")
	network := makesNetwork(root, "net-kept", with("addresses", records(with("address", "10.79.3.1")), "bridge", "virbr-first"))
	virsh(t, "net-metadata", "net-kept", "http://example.org/", "--set", "<x>kept</x>", "--key", "mine", "--config", "--live")
	for _, changes := range []map[string]dbus.Variant{
		with("domain", "a.example"), with("addresses", records(with("address", "10.79.4.1")), "dhcp-ranges", records()),
		with("mode", "isolated", "nat-ipv6", false), with("dns", false),
		with("bridge", "virbr-kept"), with("bridge", "virbr-first"), with("bridge", "virbr-kept"), // one that waits is taken back
	} {
		root.must(network, "Network.Configure", changes, none())
	}
	root.refused("AlreadyExists", network, "Network.Configure", with("addresses", records(with("address", "192.168.122.7"))), none())
	xml := virsh(t, "net-dumpxml", "--inactive", "net-kept")
	for _, want := range []string{"kept</mine:x>", "a.example", "10.79.4.1", "enable='no'", "virbr-kept"} {
		if !strings.Contains(xml, want) {
			t.Errorf("it has no %s:\n%s", want, xml)
		}
	}
	if strings.Contains(xml, "<forward") || strings.Contains(xml, "<range") || !strings.Contains(virsh(t, "net-dumpxml", "net-kept"), "10.79.3.1") {
		t.Errorf("it is\n%s", xml)
	}
	root.must(network, "Network.Stop", none())
	root.must(network, "Network.Start", none())
	if got := root.get(network, "Network.Mode"); got != "isolated" {
		t.Errorf("it is %v", got)
	}
}
