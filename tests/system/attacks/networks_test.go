//go:build system

package attacks

import (
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
)

// hostLinks is the host's interfaces, addresses and routes.
func hostLinks(t *testing.T) string {
	t.Helper()
	return strings.Join([]string{
		run(t, "ip", "-o", "link", "show"), run(t, "ip", "-o", "-4", "address", "show"), run(t, "ip", "-4", "route", "show"), run(t, "ip", "-6", "route", "show"),
		virsh(t, "net-list", "--all", "--name"),
	}, "\n")
}

// address is a list of one address.
func address(addr string, prefix uint32) []map[string]dbus.Variant {
	return []map[string]dbus.Variant{with("address", addr, "prefix", prefix)}
}

// TestANetworkTakesNobodysAddresses: who may manage networks cannot have the host
// look for other addresses in them.
func TestANetworkTakesNobodysAddresses(t *testing.T) {
	neta, root := as(t, "neta"), as(t, "root")
	before := hostLinks(t)
	for _, a := range []struct {
		addr   string
		prefix uint32
	}{
		{"1.0.0.1", 1},
		{"8.8.8.8", 24},
		{"10.0.0.1", 8},
		{"10.0.0.1", 12},
		{"172.16.0.1", 12},
		{"192.168.0.1", 15},
		{"172.32.0.1", 24},
		{"192.0.0.1", 8},
		{"169.254.169.1", 24},
		{"127.0.0.5", 24},
		{"224.0.0.1", 24},
		{"0.0.0.1", 24},
		{"255.255.255.1", 24},
		{"100.0.0.1", 10},
		{"2000::1", 3},
		{"2606:4700:4700::1", 64},
		{"fd00::1", 8},
		{"fc00::1", 7},
		{"fe80::1", 64},
		{"::1", 64},
		{"64:ff9b::1", 96},
		{"2002:808:808::1", 64},
		{"::ffff:8.8.8.1", 120},
	} {
		spec := with("name", "evil", "mode", "isolated", "addresses", address(a.addr, a.prefix), "dhcp-ranges", []map[string]dbus.Variant{})
		neta.Refused("InvalidArgument", local, "Host.CreateNetwork", spec, none())
		neta.Refused(needsPassword, local, "Host.CreateNetwork", spec, with("force", true))
	}
	if after := hostLinks(t); after != before {
		t.Fatalf("the host has\n%s\nand had\n%s", after, before)
	}

	t.Log("a private one is changed into a public one")
	removeNetwork(t, "neta-own")
	own := neta.Must(local, "Host.CreateNetwork", with("name", "neta-own", "mode", "isolated", "addresses", address("10.91.7.1", 24)), none())[0].(dbus.ObjectPath)
	public := with("addresses", address("8.8.8.8", 24), "dhcp-ranges", []map[string]dbus.Variant{})
	neta.Refused("InvalidArgument", own, "Network.Configure", public, none())
	neta.Refused(needsPassword, own, "Network.Configure", public, with("force", true))
	neta.Must(own, "Network.Configure", with("addresses", address("fd91:7::1", 64), "dhcp-ranges", []map[string]dbus.Variant{}), none())
	root.Must(own, "Network.Configure", public, with("force", true))
	if xml := virsh(t, "net-dumpxml", "--inactive", "neta-own"); !strings.Contains(xml, "8.8.8.8") {
		t.Errorf("who may manage the host cannot insist: %s", xml)
	}
}

// removeNetwork removes a network in the end.
func removeNetwork(t *testing.T, name string) {
	t.Helper()
	t.Cleanup(func() {
		_, _ = tryVirsh("net-destroy", name)
		if out, err := tryVirsh("net-undefine", name); err != nil && !strings.Contains(out, "failed to get network") {
			t.Errorf("the network %s stays: %s", name, out)
		}
	})
}

// TestABridgeOfTheHostIsARight: an interface of the host's is one, be it by macvtap,
// by a bridge or by a network that is on one.
func TestABridgeOfTheHostIsARight(t *testing.T) {
	mallory, neta, root := as(t, "mallory"), as(t, "neta"), as(t, "root")
	run(t, "ip", "link", "add", "br-lan", "type", "bridge")
	t.Cleanup(func() { run(t, "ip", "link", "delete", "br-lan") })
	vm := vmOf(mallory, "dev-bridge", nil)
	nic := func(pairs ...any) map[string]dbus.Variant {
		return with(append([]any{"kind", "interface"}, pairs...)...)
	}
	before := hostLinks(t)
	refusedToMallory := func() {
		t.Helper()
		for _, device := range []map[string]dbus.Variant{nic("bridge", "br-lan"), nic("host-device", "br-lan"), nic("type", "bridge", "bridge", "br-lan")} {
			mallory.Refused(needsPassword, vm, "VM.AddDevice", device, none())
		}
		for _, where := range []map[string]dbus.Variant{with("bridge", "br-lan"), with("host-device", "br-lan")} {
			spec := with("name", "dev-bridge-2", "disks", []map[string]dbus.Variant{}, "networks", []map[string]dbus.Variant{where}, "start", false)
			mallory.Refused(needsPassword, local, "Host.CreateVM", spec, wait())
		}
	}
	refusedToMallory()
	id := mallory.Must(vm, "VM.AddDevice", nic("bridge", "virbr0"), none())[0]
	mallory.Refused(needsPassword, vm, "VM.UpdateDevice", id, with("bridge", "br-lan"), none())

	t.Log("networks")
	for _, spec := range []map[string]dbus.Variant{
		with("name", "evil", "mode", "bridge", "bridge", "br-lan"), with("name", "evil", "mode", "macvtap", "host-device", "br-lan"),
		with("name", "evil", "mode", "nat", "host-device", "br-lan"), with("name", "evil", "mode", "bridge", "bridge", "virbr0"),
	} {
		neta.Refused(needsPassword, local, "Host.CreateNetwork", spec, none())
	}
	removeNetwork(t, "neta-bridge")
	own := neta.Must(local, "Host.CreateNetwork", with("name", "neta-bridge", "mode", "isolated", "addresses", address("10.92.7.1", 24), "start", false), none())[0].(dbus.ObjectPath)
	neta.Refused(needsPassword, own, "Network.Configure", with("mode", "bridge", "bridge", "br-lan", "addresses", []map[string]dbus.Variant{}, "dhcp-ranges", []map[string]dbus.Variant{}), none())
	neta.Refused("AlreadyExists", own, "Network.Configure", with("bridge", "br-lan"), none())
	for _, name := range []string{"all", "default", "lo", ".", "..", "../../x", "virbr%d", "br lan", "-x", "a,b", "veryveryverylongname"} {
		neta.Refused("InvalidArgument", local, "Host.CreateNetwork", with("name", "evil", "mode", "isolated", "bridge", name), none())
	}
	refusedToMallory()

	t.Log("what is not made by a network is not one of it")
	virsh(t, "net-define", writeFile(t, "<network><name>sleeping</name><bridge name='br-lan'/></network>"))
	removeNetwork(t, "sleeping")
	refusedToMallory()

	if after := hostLinks(t); strings.Split(after, "\n")[0] != strings.Split(before, "\n")[0] {
		t.Errorf("the host has\n%s\nand had\n%s", after, before)
	}
	root.Must(vm, "VM.AddDevice", nic("bridge", "br-lan"), none())
}

// TestNoMediumComesFromTheHostItself: QEMU reads media as its own user in the
// host's network, where services listen for the host only.
func TestNoMediumComesFromTheHostItself(t *testing.T) {
	mallory := as(t, "mallory")
	hostname := run(t, "hostname")
	for _, host := range []string{
		"127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0", "0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[fe80::1]", "[fe80::1%25eth0]",
		"localhost", "LOCALHOST", "localhost.", "a.localhost", "localhost.localdomain", "ip6-localhost", "169.254.169.254", "[fd00:ec2::254]", "metadata.google.internal", "224.0.0.1", "255.255.255.255",
		hostname, strings.ToUpper(hostname),
	} {
		for _, scheme := range []string{"http://", "https://"} {
			source := with("kind", "url", "url", scheme+host+":631/x.iso")
			for _, method := range []string{"Host.CreateVM", "Host.PlanVM"} {
				options := none()
				if method == "Host.CreateVM" {
					options = wait()
				}
				mallory.Refused("InvalidArgument", local, method, with("name", "dev-url", "start", false, "source", source), options)
			}
		}
	}
	vm := vmOf(mallory, "dev-url-device", nil)
	for _, device := range []map[string]dbus.Variant{
		with("kind", "cdrom", "source", "http://127.0.0.1/x.iso"), with("kind", "cdrom", "source", "http://192.0.2.1/x.iso"), with("kind", "cdrom", "type", "network", "source", "http://localhost/x.iso"),
	} {
		if err := mallory.Call(vm, "VM.AddDevice", device, none()).Err; err == nil {
			t.Errorf("%v is added", device)
		}
	}
}
