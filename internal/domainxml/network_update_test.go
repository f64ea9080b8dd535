package domainxml

import (
	"reflect"
	"testing"

	"org.kvmmanager/internal/model"
)

// liveLab is what runs, and a setup of it that each test changes.
func liveLab() (*model.Network, model.NetworkSetup) {
	n := &model.Network{
		Mode: "nat", DNS: true, Domain: "a.test",
		Addresses:  []model.NetworkAddress{{Address: "fd00::1", Prefix: 64, Family: "ipv6"}, {Address: "10.1.2.1", Prefix: 24, Family: "ipv4"}},
		DHCPRanges: []model.DHCPRange{{Start: "10.1.2.100", End: "10.1.2.199"}},
		DHCPHosts:  []model.DHCPHost{{MAC: "52:54:00:00:00:01", Address: "10.1.2.10"}},
		DNSHosts:   []model.DNSHost{{Address: "10.1.2.1", Names: []string{"gate"}}},
	}
	return n, n.Setup()
}

func TestOnlySomeKeysChangeWhileANetworkRuns(t *testing.T) {
	t.Parallel()
	all := model.Keys{"domain": true, "mtu": true, "dhcp-ranges": true, "dhcp-hosts": true, "dns-hosts": true}
	for name, test := range map[string]struct {
		change     func(*model.NetworkSetup, *model.Network)
		now, later []string
	}{
		"nothing":             {func(*model.NetworkSetup, *model.Network) {}, []string{"dhcp-hosts", "dhcp-ranges", "dns-hosts", "domain", "mtu"}, nil},
		"a domain and an MTU": {func(s *model.NetworkSetup, _ *model.Network) { s.Domain, s.MTU = "b.test", 1400 }, []string{"dhcp-hosts", "dhcp-ranges", "dns-hosts"}, []string{"domain", "mtu"}},
		"a range":             {func(s *model.NetworkSetup, _ *model.Network) { s.DHCPRanges = nil }, []string{"dhcp-hosts", "dhcp-ranges", "dns-hosts", "domain", "mtu"}, nil},
		"a range of later": {func(s *model.NetworkSetup, _ *model.Network) {
			s.DHCPRanges[0] = model.DHCPRange{Start: "10.9.0.2", End: "10.9.0.3"}
		}, []string{"dhcp-hosts", "dns-hosts", "domain", "mtu"}, []string{"dhcp-ranges"}},
		"no DNS":               {func(s *model.NetworkSetup, n *model.Network) { n.DNS, s.DNSHosts = false, nil }, []string{"dhcp-hosts", "dhcp-ranges", "domain", "mtu"}, []string{"dns-hosts"}},
		"a network of another": {func(s *model.NetworkSetup, n *model.Network) { n.Mode, s.DHCPHosts = "bridge", nil }, []string{"dhcp-ranges", "dns-hosts", "domain", "mtu"}, []string{"dhcp-hosts"}},
		"a fixed lease of later": {func(s *model.NetworkSetup, _ *model.Network) {
			s.DHCPHosts = []model.DHCPHost{{MAC: "52:54:00:00:00:01", Address: "10.9.0.3"}}
		}, []string{"dhcp-ranges", "dns-hosts", "domain", "mtu"}, []string{"dhcp-hosts"}},
	} {
		live, want := liveLab()
		want.DHCPRanges = append([]model.DHCPRange{}, want.DHCPRanges...)
		test.change(&want, live)
		now, later := SplitNetworkChange(live, &want, all)
		if !reflect.DeepEqual(now, test.now) || !reflect.DeepEqual(later, test.later) {
			t.Errorf("%s: now %v, later %v", name, now, later)
		}
	}
}

func TestAChangeOfARunningNetworkIsStepsOfEscapedXML(t *testing.T) {
	t.Parallel()
	live, want := liveLab()
	want.DHCPRanges = []model.DHCPRange{{Start: "10.1.2.50", End: "10.1.2.59"}}
	want.DHCPHosts = append(want.DHCPHosts[:1:1], model.DHCPHost{ID: "00:01", Name: `a<"&'`, Address: "fd00::9"})
	want.DNSHosts = []model.DNSHost{{Address: "10.1.2.1", Names: []string{"gate", "<b>"}}}
	got, err := NetworkUpdates(live, &want, []string{"dhcp-ranges", "dhcp-hosts", "dns-hosts", "domain"})
	if err != nil {
		t.Fatal(err)
	}
	if steps := []NetworkUpdate{
		{DHCPRangeSection, false, 1, `<range start="10.1.2.100" end="10.1.2.199"></range>`},
		{DNSHostSection, false, -1, `<host ip="10.1.2.1"><hostname>gate</hostname></host>`},
		{DHCPRangeSection, true, 1, `<range start="10.1.2.50" end="10.1.2.59"></range>`},
		{DHCPHostSection, true, 0, `<host id="00:01" name="a&lt;&#34;&amp;&#39;" ip="fd00::9"></host>`},
		{DNSHostSection, true, -1, `<host ip="10.1.2.1"><hostname>gate</hostname><hostname>&lt;b&gt;</hostname></host>`},
	}; !reflect.DeepEqual(got, steps) {
		t.Errorf("got  %+v\nwant %+v", got, steps)
	}
	if got, err := NetworkUpdates(live, &want, []string{"domain"}); err != nil || got != nil {
		t.Errorf("got %+v, %v", got, err)
	}
}
