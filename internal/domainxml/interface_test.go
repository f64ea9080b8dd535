package domainxml

import (
	"testing"

	"org.kvmmanager/internal/model"
)

func TestInterfaces(t *testing.T) {
	t.Parallel()
	for _, tt := range []deviceTest{
		{
			name: "in a virtual network, live",
			xml: `<interface type='network'><mac address='52:54:00:AA:00:01'/><source network='default' portid='0b0a' bridge='virbr0'/>
				<target dev='vnet1'/><model type='virtio'/><mtu size='1400'/><link state='down'/></interface>`,
			want: model.Device{
				ID: "interface-52:54:00:aa:00:01", Kind: model.KindInterface, Type: "network", MAC: "52:54:00:aa:00:01",
				NetworkName: "default", Bridge: "virbr0", Target: "vnet1", Model: "virtio", MTU: 1400, LinkDown: true,
			},
		},
		{
			name: "in a network that is a bridge of the host, live",
			xml:  `<interface type='bridge'><mac address='52:54:00:aa:00:02'/><source network='lan' portid='0b0a' bridge='br0'/></interface>`,
			want: model.Device{
				ID: "interface-52:54:00:aa:00:02", Kind: model.KindInterface, Type: "network", MAC: "52:54:00:aa:00:02",
				NetworkName: "lan", Bridge: "br0",
			},
		},
		{
			name: "macvtap",
			xml:  `<interface type='direct'><mac address='52:54:00:aa:00:03'/><source dev='eth0' mode='vepa'/></interface>`,
			want: model.Device{
				ID: "interface-52:54:00:aa:00:03", Kind: model.KindInterface, Type: "direct", MAC: "52:54:00:aa:00:03",
				HostDevice: "eth0", Mode: "vepa",
			},
		},
		{
			name: "a virtual function of the host",
			xml: `<interface type='hostdev'><mac address='52:54:00:aa:00:04'/><source>
				<address type='pci' domain='0x0000' bus='0x81' slot='0x10' function='0x2'/></source></interface>`,
			want: model.Device{
				ID: "interface-52:54:00:aa:00:04", Kind: model.KindInterface, Type: "hostdev", MAC: "52:54:00:aa:00:04",
				Source: "pci:0000:81:10.2",
			},
		},
		{
			name: "a socket",
			xml:  `<interface type='udp'><mac address='52:54:00:aa:00:05'/><source address='127.0.0.1' port='11115'/></interface>`,
			want: model.Device{
				ID: "interface-52:54:00:aa:00:05", Kind: model.KindInterface, Type: "udp", MAC: "52:54:00:aa:00:05",
				Source: "127.0.0.1:11115",
			},
		},
		{
			name: "user networking that forwards ports",
			xml: `<interface type='user'><mac address='52:54:00:aa:00:06'/><backend type='passt'/>
				<portForward proto='tcp' address='2001:db8::1'><range start='2222' to='22'/><range start='5000' end='5009'/><range start='5004' exclude='yes'/></portForward>
				<portForward proto='udp'><range start='5300' end='5300' to='53'/></portForward><portForward proto='udp'/></interface>`,
			want: model.Device{
				ID: "interface-52:54:00:aa:00:06", Kind: model.KindInterface, Type: "user", MAC: "52:54:00:aa:00:06",
				PortForwards: []model.PortForward{
					{Protocol: "tcp", Address: "2001:db8::1", HostPort: 2222, GuestPort: 22},
					{Protocol: "tcp", Address: "2001:db8::1", HostPort: 5000, HostPortEnd: 5009, GuestPort: 5000},
					{Protocol: "udp", HostPort: 5300, GuestPort: 53},
				},
			},
		},
		{
			name: "an empty element",
			xml:  `<interface/>`,
			want: model.Device{ID: "interface-0", Kind: model.KindInterface},
		},
	} {
		tt.run(t)
	}
}
