package domainxml

import (
	"testing"

	"org.kvmmanager/internal/model"
)

func TestNetworkModes(t *testing.T) {
	t.Parallel()
	for xml, want := range map[string]string{
		"":                         "isolated",
		"<forward/>":               "nat",
		"<forward mode='nat'/>":    "nat",
		"<forward mode='route'/>":  "routed",
		"<forward mode='open'/>":   "open",
		"<forward mode='bridge'/>": "macvtap",
		"<forward mode='bridge'/><bridge name='br0'/>": "bridge",
		"<forward mode='private'/>":                    "macvtap",
		"<forward mode='vepa'/>":                       "macvtap",
		"<forward mode='passthrough'/>":                "macvtap",
		"<forward mode='hostdev'/>":                    "hostdev",
	} {
		n, err := ParseNetwork("<network>" + xml + "</network>")
		if err != nil {
			t.Fatal(err)
		}
		if n.Mode != want {
			t.Errorf("%s is %q, want %q", xml, n.Mode, want)
		}
	}
}

func TestNetworkAddresses(t *testing.T) {
	t.Parallel()
	for xml, want := range map[string]model.NetworkAddress{
		"<ip address='10.0.0.1' netmask='255.255.252.0'/>":  {Address: "10.0.0.1", Prefix: 22, Family: "ipv4"},
		"<ip address='10.0.0.1' prefix='20'/>":              {Address: "10.0.0.1", Prefix: 20, Family: "ipv4"},
		"<ip address='10.0.0.1'/>":                          {Address: "10.0.0.1", Prefix: 8, Family: "ipv4"},
		"<ip address='172.16.0.1'/>":                        {Address: "172.16.0.1", Prefix: 16, Family: "ipv4"},
		"<ip address='192.168.0.1'/>":                       {Address: "192.168.0.1", Prefix: 24, Family: "ipv4"},
		"<ip family='ipv6' address='fd00::1'/>":             {Address: "fd00::1", Prefix: 64, Family: "ipv6"},
		"<ip family='ipv6' address='fd00::1' prefix='48'/>": {Address: "fd00::1", Prefix: 48, Family: "ipv6"},
	} {
		n, err := ParseNetwork("<network>" + xml + "</network>")
		if err != nil {
			t.Fatal(err)
		}
		if len(n.Addresses) != 1 || n.Addresses[0] != want {
			t.Errorf("%s is %+v, want %+v", xml, n.Addresses, want)
		}
	}
}

func TestAnAddressThatIsNoneIsLeftOut(t *testing.T) {
	t.Parallel()
	n, err := ParseNetwork("<network><ip address='x'><dhcp><range start='10.0.0.1' end='10.0.0.2'/></dhcp></ip><ip/></network>")
	if err != nil {
		t.Fatal(err)
	}
	if len(n.Addresses) != 0 || len(n.DHCPRanges) != 1 {
		t.Errorf("got %+v", n)
	}
}

func TestOtherDocumentsAreRefused(t *testing.T) {
	t.Parallel()
	if _, err := ParseNetwork("<pool/>"); err == nil {
		t.Error("a pool is read as a network")
	}
	if _, err := ParsePool("<network/>"); err == nil {
		t.Error("a network is read as a pool")
	}
	if _, err := ParseHost("<domain/>"); err == nil {
		t.Error("a domain is read as capabilities")
	}
	if _, err := ParseCapabilities("<domain/>", ""); err == nil {
		t.Error("a domain is read as capabilities")
	}
	if _, err := ParseCapabilities("<capabilities/>", "<domain/>"); err == nil {
		t.Error("a domain is read as domain capabilities")
	}
}

func TestANodeDeviceTellsItsInterface(t *testing.T) {
	t.Parallel()
	for xml, want := range map[string]string{
		"<device><name>net_br0_52</name><capability type='net'><interface>br0</interface></capability></device>": "br0",
		"<device><capability type='pci'/></device>":                                                              "",
		"<domain/>": "",
	} {
		if got := InterfaceOfDevice(xml); got != want {
			t.Errorf("%s is %q", xml, got)
		}
	}
}
