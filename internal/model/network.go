package model

// Network is one virtual network of a host.
type Network struct {
	UUID       string
	Name       string
	Host       Path
	Mode       string // nat, routed, open, isolated, bridge, macvtap, …
	Bridge     string
	Active     bool
	Persistent bool
	Autostart  bool
	Domain     string // DNS domain
	Addresses  []NetworkAddress
	DHCPRanges []DHCPRange
	DHCPHosts  []DHCPHost
	VMs        []Path // VMs with an interface in it, ordered by path
}

// Path is the network's object path.
func (n *Network) Path() Path { return NetworkPath(n.UUID) }

// NetworkAddress is an address of the host inside a network.
type NetworkAddress struct {
	Address string `wire:"address"`
	Prefix  uint32 `wire:"prefix"`
	Family  string `wire:"family"` // ipv4, ipv6
}

// DHCPRange is a range of addresses that a network leases.
type DHCPRange struct {
	Start string `wire:"start"`
	End   string `wire:"end"`
}

// DHCPHost is a fixed lease.
type DHCPHost struct {
	MAC     string `wire:"mac"`
	Name    string `wire:"name"`
	Address string `wire:"address"`
	ID      string `wire:"id"` // DHCPv6 client id
}
