package domainxml

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"org.kvmmanager/internal/model"
)

func yes() *bool { on := true; return &on }
func no() *bool  { return new(bool) }

// setups is one network of each mode, and one with everything.
var setups = map[string]*model.NetworkSetup{
	"nat": {
		Name: "lab & <co> 'x'", Mode: "nat", Bridge: "virbr7", HostDevice: "eth0", NATIPv6: yes(), MTU: 1400, Domain: "lab.test",
		Addresses:  []model.NetworkAddress{{Address: "10.1.2.1", Prefix: 24}, {Address: "fd00::1", Prefix: 64}},
		DHCPRanges: []model.DHCPRange{{Start: "10.1.2.100", End: "10.1.2.199"}, {Start: "fd00::100", End: "fd00::1ff"}},
		DHCPHosts: []model.DHCPHost{
			{MAC: "52:54:00:00:00:01", Name: "one", Address: "10.1.2.10"}, {ID: "00:01:02", Name: "two", Address: "fd00::10"},
		},
		DNSHosts: []model.DNSHost{{Address: "10.1.2.1", Names: []string{"gate", "gate.lab.test"}}}, DNSForwarders: []string{"9.9.9.9"},
		TFTPRoot: "/srv/tftp", BootFile: "pxelinux.0",
	},
	"routed":   {Name: "n", Mode: "routed", Addresses: []model.NetworkAddress{{Address: "10.1.2.1", Prefix: 30}}},
	"open":     {Name: "n", Mode: "open", Addresses: []model.NetworkAddress{{Address: "fd00::1", Prefix: 64}}, DNS: no()},
	"isolated": {Name: "n", Mode: "isolated"},
	"bridge":   {Name: "n", Mode: "bridge", Bridge: "br0", VLANs: []uint32{7}},
	"trunk":    {Name: "n", Mode: "bridge", Bridge: "br0", VLANs: []uint32{7, 8}},
	"macvtap":  {Name: "n", Mode: "macvtap", HostDevice: "eth0"},
	"vepa":     {Name: "n", Mode: "macvtap", HostDevice: "eth0", MacvtapMode: "vepa"},
}

func TestEachModeIsWrittenAsItsGoldenFileSays(t *testing.T) {
	t.Parallel()
	for name, setup := range setups {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := model.ValidateNetworkSetup(setup, nil); err != nil {
				t.Fatal(err)
			}
			got, err := NewNetwork(setup)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", "network-new", name+".xml")
			if *update {
				if err := os.WriteFile(path, []byte(got+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if want := read(t, "network-new/"+name+".xml"); strings.TrimSpace(want) != got {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestWhatIsWrittenIsReadAgain(t *testing.T) {
	t.Parallel()
	for name, setup := range setups {
		doc, err := NewNetwork(setup)
		if err != nil {
			t.Fatal(err)
		}
		n, err := ParseNetwork(doc)
		if err != nil {
			t.Fatal(err)
		}
		want := *setup
		managed := want.Managed()
		got := n.Setup()
		// What is left out has its default.
		if want.NATIPv6 == nil {
			want.NATIPv6 = no()
		}
		if want.DNS == nil {
			want.DNS = &managed
		}
		if want.Mode == model.NetworkMacvtap && want.MacvtapMode == "" {
			want.MacvtapMode = "bridge"
		}
		for i := range got.Addresses {
			got.Addresses[i].Family = ""
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v\nwant %+v", name, got, want)
		}
	}
}

// others is what this program does not show of a network.
const others = `<network xmlns:dnsmasq='http://libvirt.org/schemas/network/dnsmasq/1.0'>
  <name>n</name>
  <uuid>46573309-ef7c-4881-9d18-0436622f8b5f</uuid>
  <metadata><mine:x xmlns:mine="http://example.org/">kept</mine:x></metadata>
  <forward mode='nat'><nat><port start='1024' end='65535'/></nat></forward>
  <bridge name='virbr1' stp='on' delay='0'/>
  <mac address='52:54:00:92:ef:de'/>
  <domain name='a.test' localOnly='yes'/>
  <dns>
    <forwarder domain='corp.test' addr='10.9.9.9'/>
    <txt name='t' value='v'/>
    <host ip='10.1.2.1'><hostname>gate</hostname></host>
  </dns>
  <bandwidth><inbound average='1000'/></bandwidth>
  <ip address='10.1.2.1' netmask='255.255.255.0' localPtr='yes'>
    <dhcp>
      <range start='10.1.2.100' end='10.1.2.199'><lease expiry='1' unit='hours'/></range>
      <host mac='52:54:00:00:00:01' ip='10.1.2.10'><lease expiry='0'/></host>
      <bootp file='a' server='10.1.2.9'/>
    </dhcp>
  </ip>
  <portgroup name='p' default='yes'/>
  <dnsmasq:options><dnsmasq:option value='x=y'/></dnsmasq:options>
</network>`

func TestAChangeKeepsWhatItSaysNothingOf(t *testing.T) {
	t.Parallel()
	n, err := ParseNetwork(others)
	if err != nil {
		t.Fatal(err)
	}
	setup := n.Setup()
	setup.Take(&model.NetworkSetup{
		Domain: "b.test", DNSForwarders: []string{"9.9.9.9"}, NATIPv6: yes(), BootFile: "b",
		DHCPRanges: []model.DHCPRange{{Start: "10.1.2.100", End: "10.1.2.199"}, {Start: "10.1.2.50", End: "10.1.2.59"}},
	}, model.Keys{"domain": true, "dns-forwarders": true, "dhcp-ranges": true, "nat-ipv6": true, "boot-file": true})
	got, err := ChangeNetwork(others, &setup, model.Keys{"domain": true, "dns-forwarders": true, "dhcp-ranges": true, "nat-ipv6": true, "boot-file": true})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"kept</mine:x>", `<port start="1024" end="65535">`, `<nat ipv6="yes">`, `stp="on"`, `<mac address="52:54:00:92:ef:de">`,
		`<domain name="b.test" localOnly="yes">`, `domain="corp.test"`, `<txt name="t" value="v">`, `addr="9.9.9.9"`, `<hostname>gate<`,
		`average="1000"`, `localPtr="yes"`, `netmask="255.255.255.0"`, `expiry="1" unit="hours"`, `start="10.1.2.50"`, `expiry="0"`,
		`<bootp file="b" server="10.1.2.9">`, `<portgroup name="p"`, `value="x=y"`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("it has no %s", want)
		}
	}
	if t.Failed() {
		t.Log(got)
	}
}

// TestUnknownPartsOfANetworkSurvive every change there is, wherever they are.
func TestUnknownPartsOfANetworkSurvive(t *testing.T) {
	t.Parallel()
	doc := others
	unknown := []string{`<title>A title</title>`, `<description>Two
lines &amp; more</description>`, `fresh="bridge"`, `fresh="forward"`, `fresh="domain"`, `fresh="dns"`, `fresh="ip"`, `fresh="dhcp"`, `fresh="range"`, `fresh="host"`, `fresh="tag"`, `<new in="dhcp">`, `<vlan><tag id="3">`}
	for old, now := range map[string]string{
		"<uuid>": "<title>A title</title><description>Two\nlines &amp; more</description><uuid>", "<bridge ": "<bridge fresh='bridge' ", "<forward ": "<forward fresh='forward' ",
		"<domain ": "<domain fresh='domain' ", "<dns>": "<dns fresh='dns'>", "<ip ": "<ip fresh='ip' ", "<dhcp>": "<dhcp fresh='dhcp'><new in='dhcp'/>",
		"<range ": "<range fresh='range' ", "<host mac": "<host fresh='host' mac", "<bandwidth>": "<vlan><tag id='7' fresh='tag'/></vlan><bandwidth>",
		"<portgroup name='p' default='yes'/>": "<portgroup name='p' default='yes'><vlan><tag id='3'/></vlan></portgroup>",
	} {
		if !strings.Contains(doc, old) {
			t.Fatal(old)
		}
		doc = strings.Replace(doc, old, now, 1)
	}
	n, err := ParseNetwork(doc)
	if err != nil {
		t.Fatal(err)
	}
	setup := n.Setup()
	setup.MTU, setup.DNSForwarders, setup.TFTPRoot, setup.Domain = 1400, []string{"9.9.9.9"}, "/srv", "c.test"
	setup.DHCPHosts = append(setup.DHCPHosts, model.DHCPHost{MAC: "52:54:00:00:00:09", Address: "10.1.2.11"})
	setup.VLANs = []uint32{7, 8}
	setup.DNSHosts = append(setup.DNSHosts, model.DNSHost{Address: "10.1.2.1", Names: []string{"second"}})
	got, err := ChangeNetwork(doc, &setup, nil)
	if err != nil {
		t.Fatal(err)
	}
	got = strings.ReplaceAll(got, "&#xA;", "\n")
	for _, want := range append(unknown, `<mtu size="1400">`, `<hostname>second<`, `<hostname>gate<`, `<tag id="8">`, `52:54:00:00:00:09`) {
		if !strings.Contains(got, want) {
			t.Errorf("it has no %s", want)
		}
	}
	if t.Failed() {
		t.Log(got)
	}
}

func TestAnEmptyChangeOfRealDocumentsChangesNothing(t *testing.T) {
	t.Parallel()
	for _, name := range documents(t, "network") {
		doc := read(t, "network/"+name+".xml")
		n, err := ParseNetwork(doc)
		if err != nil {
			t.Fatal(err)
		}
		setup := n.Setup()
		if setup.Mode == "hostdev" {
			continue
		}
		changed, err := ChangeNetwork(doc, &setup, nil)
		if err != nil {
			t.Fatal(name, err)
		}
		after, err := ParseNetwork(changed)
		if err != nil || !reflect.DeepEqual(n, after) {
			t.Errorf("%s: got %+v\nwant %+v (%v)", name, after, n, err)
		}
	}
}

func TestPendingChangesOfANetworkAreNamed(t *testing.T) {
	t.Parallel()
	live, err := ParseNetwork(others)
	if err != nil {
		t.Fatal(err)
	}
	stored := *live
	if got := PendingNetworkChanges(live, &stored); got != nil {
		t.Errorf("got %v", got)
	}
	stored.MTU, stored.DNS, stored.DHCPRanges = 1400, false, nil
	if got := PendingNetworkChanges(live, &stored); !reflect.DeepEqual(got, []string{"MTU", "DNS", "DHCPRanges"}) {
		t.Errorf("got %v", got)
	}
}
