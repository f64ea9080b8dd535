package model

import (
	"strings"
	"testing"
)

// lab is a setup that is right, and that each test spoils in one way.
func lab() *NetworkSetup {
	return &NetworkSetup{
		Name: "lab", Mode: NetworkNAT,
		Addresses:  []NetworkAddress{{Address: "10.1.2.1", Prefix: 24, Family: "ipv4"}, {Address: "fd00::1", Prefix: 64}},
		DHCPRanges: []DHCPRange{{Start: "10.1.2.100", End: "10.1.2.199"}, {Start: "fd00::100", End: "fd00::1ff"}},
		DHCPHosts: []DHCPHost{
			{MAC: "52:54:00:00:00:01", Name: "one", Address: "10.1.2.10"}, {ID: "00:01:02", Name: "two", Address: "fd00::10"},
		},
		DNSHosts: []DNSHost{{Address: "10.1.2.1", Names: []string{"gate", "_srv.lab.test"}}}, DNSForwarders: []string{"9.9.9.9"},
		Domain: "lab.test", TFTPRoot: "/srv/tftp", BootFile: "pxelinux.0", MTU: 1400,
	}
}

func TestANetworkThatIsRightIsTaken(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]*NetworkSetup{
		"everything": lab(),
		"isolated":   {Name: "a & b < c > 'd' שלום 💻", Mode: NetworkIsolated},
		"bridge":     {Name: "n", Mode: NetworkBridge, Bridge: "br0", VLANs: []uint32{1, 4094}},
		"macvtap":    {Name: "n", Mode: NetworkMacvtap, HostDevice: "eth0.7", MacvtapMode: "vepa"},
		"routed":     {Name: "n", Mode: NetworkRouted, HostDevice: "eth0", Addresses: []NetworkAddress{{Address: "10.0.0.2", Prefix: 30}}},
		"long":       {Name: strings.Repeat("n", MaxNetworkName), Mode: NetworkOpen},
	} {
		if err := ValidateNetworkSetup(s, nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestANetworkThatMakesNoSenseIsRefusedWithASentence(t *testing.T) {
	t.Parallel()
	host := func(h DHCPHost) func(*NetworkSetup) {
		return func(s *NetworkSetup) { s.DHCPHosts = append(s.DHCPHosts, h) }
	}
	lease := func(start, end string) func(*NetworkSetup) {
		return func(s *NetworkSetup) { s.DHCPRanges = append(s.DHCPRanges, DHCPRange{Start: start, End: end}) }
	}
	address := func(address string, prefix uint32) func(*NetworkSetup) {
		return func(s *NetworkSetup) {
			s.Addresses = append(s.Addresses, NetworkAddress{Address: address, Prefix: prefix})
		}
	}
	dns := func(address string, names ...string) func(*NetworkSetup) {
		return func(s *NetworkSetup) { s.DNSHosts = append(s.DNSHosts, DNSHost{Address: address, Names: names}) }
	}
	for name, test := range map[string]struct {
		spoil func(*NetworkSetup)
		says  string
	}{
		"no name":                 {func(s *NetworkSetup) { s.Name = "" }, "cannot be empty"},
		"a long name":             {func(s *NetworkSetup) { s.Name = strings.Repeat("é", 128) }, "too long"},
		"a slash":                 {func(s *NetworkSetup) { s.Name = "../x" }, "dot"},
		"a slash inside":          {func(s *NetworkSetup) { s.Name = "a/b" }, "slash"},
		"a quote":                 {func(s *NetworkSetup) { s.Name = `a"b` }, "double quote"},
		"a newline":               {func(s *NetworkSetup) { s.Name = "a\nb" }, "control character"},
		"a space around":          {func(s *NetworkSetup) { s.Name = "a " }, "space"},
		"no text":                 {func(s *NetworkSetup) { s.Name = "a\xff" }, "UTF-8"},
		"another mode":            {func(s *NetworkSetup) { s.Mode = "hostdev" }, "must be nat, routed"},
		"a bridge's long name":    {func(s *NetworkSetup) { s.Bridge = "a-name-too-long0" }, "15 bytes"},
		"a bridge's strange name": {func(s *NetworkSetup) { s.Bridge = "a b" }, "cannot be the name"},
		"a bridge's hostile name": {func(s *NetworkSetup) { s.Bridge = ".." }, "cannot be the name"},
		"a mode of macvtap":       {func(s *NetworkSetup) { s.MacvtapMode = "vepa" }, "macvtap-mode"},
		"a tiny MTU":              {func(s *NetworkSetup) { s.MTU = 67 }, "between 68"},
		"VLANs of nat":            {func(s *NetworkSetup) { s.VLANs = []uint32{1} }, "no VLANs"},
		"no address":              {address("10.1.2.300", 24), "not an IP address"},
		"an address with a zone":  {address("fe80::1%eth0", 64), "not an IP address"},
		"a loopback":              {address("127.0.0.1", 8), "cannot be the host's"},
		"a prefix too long":       {address("10.9.0.1", 31), "between 1 and 30"},
		"a network's own address": {address("10.9.0.0", 24), "first or last"},
		"a broadcast address":     {address("10.9.0.255", 24), "first or last"},
		"overlapping subnets":     {address("10.1.0.1", 16), "overlap"},
		"another family":          {func(s *NetworkSetup) { s.Addresses[0].Family = "ipv6" }, "family"},
		"a range outside":         {lease("10.1.3.5", "10.1.3.6"), "in no subnet"},
		"a range beyond":          {lease("10.1.2.200", "10.1.3.6"), "beyond the subnet 10.1.2.0/24"},
		"a range backwards":       {lease("10.1.2.6", "10.1.2.5"), "ends before"},
		"a range over another":    {lease("10.1.2.150", "10.1.2.220"), "overlap"},
		"a range with broadcast":  {lease("10.1.2.250", "10.1.2.255"), "first or last"},
		"a range of nothing":      {lease("", "x"), "not an IP address"},
		"a range in two families": {lease("10.1.2.5", "fd00::5"), "beyond"},
		"a huge range":            {func(s *NetworkSetup) { address("10.8.0.1", 14)(s); lease("10.8.0.2", "10.9.0.1")(s) }, "too large"},
		"leases in two subnets":   {func(s *NetworkSetup) { address("10.8.0.1", 24)(s); lease("10.8.0.2", "10.8.0.3")(s) }, "one subnet of each family"},
		"IPv6 leases in a /48":    {func(s *NetworkSetup) { s.Addresses[1].Prefix = 48 }, "64 bits or more"},
		"a MAC address twice":     {host(DHCPHost{MAC: "52:54:00:00:00:01", Address: "10.1.2.11"}), "same MAC address"},
		"an address twice":        {host(DHCPHost{MAC: "52:54:00:00:00:02", Address: "10.1.2.10"}), "same address"},
		"a name twice":            {host(DHCPHost{MAC: "52:54:00:00:00:02", Name: "ONE", Address: "10.1.2.11"}), "same name"},
		"a multicast MAC address": {host(DHCPHost{MAC: "01:54:00:00:00:02", Address: "10.1.2.11"}), "MAC address must"},
		"no MAC address":          {host(DHCPHost{MAC: "x", Address: "10.1.2.11"}), "MAC address must"},
		"nobody":                  {host(DHCPHost{Address: "10.1.2.11"}), "Give mac"},
		"no fixed address":        {host(DHCPHost{MAC: "52:54:00:00:00:02"}), "needs an address"},
		"IPv6 by MAC address":     {host(DHCPHost{MAC: "52:54:00:00:00:02", Address: "fd00::11"}), "Give name or id"},
		"the host's own":          {host(DHCPHost{MAC: "52:54:00:00:00:02", Address: "10.1.2.1"}), "host's own"},
		"a fixed address outside": {host(DHCPHost{MAC: "52:54:00:00:00:02", Address: "10.1.3.1"}), "in no subnet"},
		"a hostile host name":     {host(DHCPHost{MAC: "52:54:00:00:00:02", Name: "a,b", Address: "10.1.2.11"}), "host name"},
		"a hostile client id":     {host(DHCPHost{ID: "00:01,x", Address: "fd00::12"}), "client id"},
		"a DNS entry of nothing":  {dns("10.1.2.9"), "no name"},
		"a DNS entry of no host":  {dns("x", "a"), "not an IP address"},
		"a hostile DNS name":      {dns("10.1.2.9", "a b"), "cannot be a name in the DNS"},
		"an empty DNS name":       {dns("10.1.2.9", ""), "cannot be a name in the DNS"},
		"a DNS name twice":        {dns("10.1.2.9", "GATE"), "twice"},
		"a hostile domain":        {func(s *NetworkSetup) { s.Domain = "lab,x" }, "domain"},
		"no DNS server":           {func(s *NetworkSetup) { s.DNSForwarders = []string{"dns.example"} }, "not the IP address of a DNS server"},
		"a relative folder":       {func(s *NetworkSetup) { s.TFTPRoot = "srv" }, "absolute"},
		"a hostile folder":        {func(s *NetworkSetup) { s.TFTPRoot = "/srv/a,b" }, "can have only"},
		"a hostile boot file":     {func(s *NetworkSetup) { s.BootFile = "a b" }, "can have only"},
		"booting without leases":  {func(s *NetworkSetup) { s.DHCPRanges, s.DHCPHosts = nil, nil }, "needs a DHCP range"},
		"booting without IPv4":    {func(s *NetworkSetup) { s.Addresses, s.DHCPRanges, s.DHCPHosts, s.BootFile = nil, nil, nil, "" }, "needs an IPv4 address"},
		"addresses of a bridge":   {func(s *NetworkSetup) { s.Mode, s.Bridge, s.MTU = NetworkBridge, "br0", 0 }, "Leave addresses out"},
		"an isolated way out":     {func(s *NetworkSetup) { s.Mode, s.HostDevice = NetworkIsolated, "eth0" }, "Leave host-device out"},
		"a bridge without a name": {func(s *NetworkSetup) { *s = NetworkSetup{Name: "n", Mode: NetworkBridge} }, "needs the name of a bridge"},
		"macvtap on nothing":      {func(s *NetworkSetup) { *s = NetworkSetup{Name: "n", Mode: NetworkMacvtap} }, "needs an interface"},
		"macvtap with a bridge": {func(s *NetworkSetup) {
			*s = NetworkSetup{Name: "n", Mode: NetworkMacvtap, HostDevice: "e", Bridge: "b"}
		}, "has no bridge"},
		"a VLAN twice": {func(s *NetworkSetup) {
			*s = NetworkSetup{Name: "n", Mode: NetworkBridge, Bridge: "b", VLANs: []uint32{5, 5}}
		}, "twice"},
		"a VLAN too large": {func(s *NetworkSetup) {
			*s = NetworkSetup{Name: "n", Mode: NetworkBridge, Bridge: "b", VLANs: []uint32{4095}}
		}, "from 1 to 4094"},
		"the MTU of others":        {func(s *NetworkSetup) { *s = NetworkSetup{Name: "n", Mode: NetworkBridge, Bridge: "b", MTU: 1500} }, "Leave mtu out"},
		"translation when routing": {func(s *NetworkSetup) { on := true; s.Mode, s.NATIPv6 = NetworkRouted, &on }, "“nat” translates"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := lab()
			test.spoil(s)
			err := ValidateNetworkSetup(s, nil)
			if err == nil || !strings.Contains(err.Error(), test.says) || !strings.HasSuffix(err.Error(), ".") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAChangeIsJudgedByWhatItChanges(t *testing.T) {
	t.Parallel()
	s := lab()
	s.Name, s.DHCPHosts[0].ID = `made by "others"`, "odd"
	if err := ValidateNetworkSetup(s, Keys{"dns-hosts": true}); err != nil {
		t.Error(err)
	}
	if err := ValidateNetworkSetup(s, Keys{"dhcp-hosts": true}); err == nil {
		t.Error("a client id that makes no sense is taken")
	}
	changed := *s
	changed.Take(&NetworkSetup{Domain: "other.test", MTU: 9000}, Keys{"domain": true})
	if changed.Domain != "other.test" || changed.MTU != s.MTU || changed.Name != s.Name {
		t.Errorf("got %+v", changed)
	}
}
