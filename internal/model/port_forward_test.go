package model

import (
	"reflect"
	"testing"
)

func TestValidatePortForwards(t *testing.T) {
	t.Parallel()
	tcp := func(host, end, guest uint32) PortForward {
		return PortForward{Protocol: "tcp", HostPort: host, HostPortEnd: end, GuestPort: guest}
	}
	at := func(address string, f PortForward) PortForward {
		f.Address = address
		return f
	}
	for _, tt := range []struct {
		name  string
		list  []PortForward
		wrong string
	}{
		{"none", nil, ""},
		{"one", []PortForward{tcp(2222, 0, 22)}, ""},
		{"the same port", []PortForward{tcp(8080, 0, 0)}, ""},
		{"the last port", []PortForward{tcp(65535, 65535, 65535)}, ""},
		{"the first that is allowed", []PortForward{tcp(1024, 0, 1)}, ""},
		{"a range beside another", []PortForward{tcp(5000, 5010, 80), tcp(5011, 5020, 80)}, ""},
		{"both protocols", []PortForward{tcp(5000, 0, 0), {Protocol: "udp", HostPort: 5000}}, ""},
		{"two addresses", []PortForward{at("192.0.2.1", tcp(5000, 0, 0)), at("192.0.2.2", tcp(5000, 0, 0))}, ""},
		{"two families", []PortForward{at("0.0.0.0", tcp(5000, 0, 0)), at("::", tcp(5000, 0, 0))}, ""},
		{"no protocol", []PortForward{{HostPort: 5000}}, "tcp or udp"},
		{"another protocol", []PortForward{{Protocol: "sctp", HostPort: 5000}}, "tcp or udp"},
		{"no port", []PortForward{tcp(0, 0, 22)}, "number from 1024"},
		{"a port of the host's own", []PortForward{tcp(80, 0, 80)}, "such as 8080"},
		{"too high a port", []PortForward{tcp(65536, 0, 1)}, "number from 1024"},
		{"too high an end", []PortForward{tcp(5000, 65536, 1)}, "number from 1024"},
		{"too high a port of the guest", []PortForward{tcp(5000, 0, 65536)}, "guest"},
		{"a huge port of the guest", []PortForward{tcp(5000, 0, 1<<32-1)}, "guest"},
		{"a range that leaves the guest's", []PortForward{tcp(5000, 5010, 65530)}, "last one"},
		{"a range backwards", []PortForward{tcp(5000, 4000, 1)}, "after it begins"},
		{"a name for an address", []PortForward{at("localhost", tcp(5000, 0, 0))}, "“localhost”"},
		{"a zone", []PortForward{at("fe80::1%eth0", tcp(5000, 0, 0))}, "address"},
		{"twice", []PortForward{tcp(5000, 0, 1), tcp(5000, 0, 2)}, "tcp port 5000 of the host is forwarded twice"},
		{"ranges that overlap", []PortForward{tcp(5000, 5010, 1), tcp(4990, 5005, 2)}, "port 5000"},
		{"all addresses and one", []PortForward{tcp(5000, 0, 1), at("192.0.2.1", tcp(5000, 0, 2))}, "twice"},
		{"all of a family and one", []PortForward{at("0.0.0.0", tcp(5000, 0, 1)), at("192.0.2.1", tcp(5000, 0, 2))}, "twice"},
		{"an address in two forms", []PortForward{at("::ffff:192.0.2.1", tcp(5000, 0, 1)), at("192.0.2.1", tcp(5000, 0, 2))}, "twice"},
		{"too many", make([]PortForward, MaxPortForwards+1), "too many"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			check(t, ValidatePortForwards(tt.list), tt.wrong)
		})
	}
}

func TestForwardedPortsHaveOneForm(t *testing.T) {
	t.Parallel()
	list := []PortForward{{Protocol: "tcp", HostPort: 5000, HostPortEnd: 5000, Address: "2001:DB8::0:1"}, {Protocol: "udp", HostPort: 5000, GuestPort: 53}}
	want := []PortForward{{Protocol: "tcp", HostPort: 5000, GuestPort: 5000, Address: "2001:db8::1"}, {Protocol: "udp", HostPort: 5000, GuestPort: 53}}
	if NormalizePortForwards(list); !reflect.DeepEqual(list, want) {
		t.Errorf("they are %v", list)
	}
}
