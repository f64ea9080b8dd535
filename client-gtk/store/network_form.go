package store

import (
	"net/netip"
	"strings"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

// NetworkModes is what the dialog for a network offers, in its order.
var NetworkModes = []string{
	model.NetworkNAT, model.NetworkRouted, model.NetworkOpen, model.NetworkIsolated, model.NetworkBridge, model.NetworkMacvtap,
}

// NetworkForm is a network as a person writes it down.
type NetworkForm struct {
	Name, Mode string
	IPv4, IPv6 string // subnets, such as 192.168.100.0/24; empty: chosen, or none
	DHCP       bool   // guests get addresses
	First      string // of those; empty: all of the subnet
	Last       string
	Link       string // the bridge or the interface of the host
	Domain     string
	Autostart  bool
}

// Managed is whether libvirt gives guests of a network of this mode addresses.
func (f NetworkForm) Managed() bool {
	setup := model.NetworkSetup{Mode: f.Mode}
	return setup.Managed()
}

// Setup is the network to be made. The error is a sentence for people.
func (f NetworkForm) Setup() (model.NetworkSetup, error) {
	s := model.NetworkSetup{Name: f.Name, Mode: f.Mode, Autostart: f.Autostart}
	if !f.Managed() {
		if f.Mode == model.NetworkBridge {
			s.Bridge = f.Link
		} else {
			s.HostDevice = f.Link
		}
		return s, sentence(model.ValidateNetworkSetup(&s, nil))
	}
	s.Domain = f.Domain
	if err := f.addresses(&s); err != nil {
		return s, err
	}
	switch {
	case !f.DHCP:
		s.DHCPRanges = []model.DHCPRange{}
	case f.First != "" || f.Last != "":
		s.DHCPRanges = []model.DHCPRange{{Start: f.First, End: f.Last}}
	}
	if s.Addresses == nil { // the service chooses what the ranges are in
		return s, sentence(model.ValidateNetworkName(s.Name))
	}
	return s, sentence(model.ValidateNetworkSetup(&s, nil))
}

// addresses puts the host's addresses into a setup: the first of a subnet,
// unless another one is written down.
func (f NetworkForm) addresses(s *model.NetworkSetup) error {
	for _, text := range []string{f.IPv4, f.IPv6} {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			return errs.New(errs.InvalidArgument, "“%s” is not a subnet. Write one as 192.168.100.0/24 or fd00:1::/64.", text)
		}
		address := prefix.Addr()
		if address == prefix.Masked().Addr() {
			address = address.Next()
		}
		s.Addresses = append(s.Addresses, model.NetworkAddress{Address: address.String(), Prefix: uint32(prefix.Bits())})
	}
	if s.Addresses == nil && !f.DHCP && f.Mode == model.NetworkIsolated {
		s.Addresses = []model.NetworkAddress{} // a cable between guests
	}
	return nil
}
