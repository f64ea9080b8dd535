package model

import "time"

// The modes of networks that this program makes; a network can have others.
const (
	NetworkNAT      = "nat"      // through the host, with its address
	NetworkRouted   = "routed"   // through the host, with addresses of their own
	NetworkOpen     = "open"     // routed, and the host's firewall is left alone
	NetworkIsolated = "isolated" // to the host and each other only
	NetworkBridge   = "bridge"   // through a bridge that the host has
	NetworkMacvtap  = "macvtap"  // directly on an interface that the host has
)

// Network is one virtual network of a host. Of an active one it is what is in
// effect, which can be otherwise than what is stored.
type Network struct {
	UUID           string
	Name           string
	Host           Path
	Mode           string // nat, routed, open, isolated, bridge, macvtap, …
	Bridge         string
	HostDevice     string // the host's interface that its packets go through
	MacvtapMode    string // bridge, vepa, private, passthrough
	NATIPv6        bool   // IPv6 goes out with the host's address, too
	MTU            uint32 // bytes; 0: the default
	VLANs          []uint32
	Active         bool
	Persistent     bool
	Autostart      bool
	DNS            bool   // it answers its guests' questions for names
	Domain         string // DNS domain
	DNSHosts       []DNSHost
	DNSForwarders  []string // addresses of servers that it asks
	Addresses      []NetworkAddress
	DHCPRanges     []DHCPRange
	DHCPHosts      []DHCPHost
	TFTPRoot       string
	BootFile       string
	PendingChanges []string // properties that the next start changes
	VMs            []Path   // VMs with an interface in it, ordered by path

	// Truncated names the properties that were cut, in what a client has read. The
	// service leaves it empty.
	Truncated []string
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

// DNSHost is an address with the names that a network gives it.
type DNSHost struct {
	Address string   `wire:"address"`
	Names   []string `wire:"names"`
}

// Lease is an address that a network has given to a guest.
type Lease struct {
	MAC       string    `wire:"mac"`
	Address   string    `wire:"address"`
	Prefix    uint32    `wire:"prefix"`
	Family    string    `wire:"family"` // ipv4, ipv6
	Name      string    `wire:"name"`   // what the guest calls itself
	ID        string    `wire:"id"`     // client id
	ExpiresAt time.Time `wire:"expires-at"`
	VM        Path      `wire:"vm"` // the VM with that MAC address, when the service knows it
}
