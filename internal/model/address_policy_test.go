package model

import (
	"net/netip"
	"testing"
)

func TestNoMediumIsReadFromTheHostItself(t *testing.T) {
	t.Parallel()
	for _, host := range []string{
		"127.0.0.1", "127.1.2.3", "0.0.0.0", "0.1.2.3", "169.254.169.254", "169.254.0.1", "224.0.0.1", "255.255.255.255", "240.0.0.1",
		"100.100.100.200", "168.63.129.16", "192.0.0.192",
		"[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[fe80::1]", "[fe80::1%25lo]", "[fec0::1]", "[ff02::1]", "[fd00:ec2::254]", "[fd20:ce::254]",
		"[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[::ffff:0:127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::a9fe:a9fe]", "[2002:7f00:1::]",
		"[::ffff:169.254.169.254]",
		"localhost", "LocalHost", "a.localhost", "localhost.localdomain", "a.b.localdomain", "ip6-localhost", "localhost.", "127.0.0.1.",
		"metadata.google.internal", "metadata", "instance-data",
		"2130706433", "0x7f000001", "0x7f.1", "127.1", "127.0.1", "0177.0.0.1", "017700000001", "0x7f.0x0.0x0.0x1", "127.0.0.0x1", "1.0x", "a.1", "127.0.0.01",
		"127。0。0。1", "①②⑦.0.0.1", "loc%61lhost", "%6cocalhost", "127.0.0.1%00", "a_b", "_gateway",
	} {
		if a, err := ParseMediumAddress("http://" + host + "/x.iso"); err == nil {
			t.Errorf("%s is taken as %+v", host, a)
		}
	}
	for _, host := range []string{
		"192.0.2.1", "10.0.0.1", "192.168.122.1", "172.16.0.1", "8.8.8.8", "[2001:db8::1]", "[fd00::1]", "[::ffff:192.0.2.1]", "[64:ff9b::8.8.8.8]",
		"example.org", "mirror.example.org", "a1", "1a", "localhost.example.org", "mylocalhost", "xn--bcher-kva.example", "0xg.example",
	} {
		if _, err := ParseMediumAddress("http://" + host + "/x.iso"); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
	for address, own := range map[string]bool{
		"http://box/x.iso": true, "http://BOX.example.org/x.iso": true, "http://box.example.org:8080/x.iso": true,
		"http://other.example.org/x.iso": false, "http://box.example.com/x.iso": false, "": false,
	} {
		if err := CheckOwnName(address, "box.example.org"); (err != nil) != own {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestANetworkTakesNoAddressesOfOthers(t *testing.T) {
	t.Parallel()
	for text, fine := range map[string]bool{
		"10.0.0.1/16": true, "10.255.1.1/24": true, "172.31.0.1/16": true, "192.168.0.1/16": true, "100.64.1.1/24": true, "198.18.1.1/16": true,
		"192.0.2.1/24": true, "203.0.113.1/28": true, "fd00::1/64": true, "fd12:3456::1/48": true, "2001:db8::1/64": true, "3fff::1/64": true,
		"1.0.0.1/1": false, "8.8.8.8/24": false, "10.0.0.1/8": false, "10.0.0.1/15": false, "172.15.0.1/16": false, "172.32.0.1/16": false,
		"192.167.1.1/24": false, "192.169.1.1/24": false, "192.0.2.1/23": false, "203.0.113.1/16": false, "100.128.0.1/16": false, "198.20.0.1/16": false,
		"fd00::1/32": false, "2000::1/3": false, "2606:4700::1/64": false, "2001:db8::1/32": false, "2001:db9::1/64": false, "64:ff9b::1/96": false,
		"2002:c0a8:101::1/64": false, "::2/64": false,
	} {
		p := netip.MustParsePrefix(text)
		setup := NetworkSetup{Addresses: []NetworkAddress{{Address: "fd99::1", Prefix: 64}, {Address: p.Addr().String(), Prefix: uint32(p.Bits())}}}
		if err := setup.CheckNetworkRanges(); (err == nil) != fine {
			t.Errorf("%s: %v", text, err)
		}
	}
}
