package model

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// Limits of networks.
const (
	MaxNetworkName      = 230 // bytes
	MaxNetworkAddresses = 16
	MaxDHCPRanges       = 64
	MaxDHCPHosts        = 4096
	MaxDNSHosts         = 4096
	MaxDNSNames         = 64
	MaxVLANs            = 4094
	maxForwarders       = 16
	minMTU              = 68    // bytes, of IPv4
	maxMTU              = 65535 // bytes
)

// filePath is what dnsmasq's configuration can carry without quoting.
var filePath = regexp.MustCompile(`^[A-Za-z0-9/._+:~@%=-]*$`)

// ValidateNetworkName says why a network cannot have this name. libvirt keeps a
// network in files of its name, as it does VMs, and writes the name into the
// configuration of dnsmasq, where quotes and the like mean something else.
func ValidateNetworkName(name string) error {
	switch {
	case name == "":
		return invalid("The name of a network cannot be empty.")
	case len(name) > MaxNetworkName:
		return invalid("The name of the network is too long: %d bytes are allowed.", MaxNetworkName)
	case strings.HasPrefix(name, "."):
		return invalid("The name of a network cannot begin with a dot.")
	case strings.ContainsAny(name, "/\\\"#,"):
		return invalid("The name of a network cannot contain a slash, a backslash, a double quote, a comma or #.")
	case strings.TrimSpace(name) != name:
		return invalid("The name of a network cannot begin or end with a space.")
	}
	return validateName("name of a network", name)
}

// ValidateNetworkSetup says what is wrong with a setup by itself, whatever host
// it is for. It looks at the given keys and what they have to do with others.
func ValidateNetworkSetup(s *NetworkSetup, given Keys) error {
	for _, check := range []struct {
		run  func() error
		keys string
	}{
		{func() error { return ValidateNetworkName(s.Name) }, "name"},
		{s.validateMode, "mode bridge host-device macvtap-mode nat-ipv6 mtu vlans"},
		{s.validateLink, "mode bridge host-device macvtap-mode nat-ipv6 mtu vlans"},
		{s.validateManaged, "mode addresses dhcp-ranges dhcp-hosts dns-hosts dns-forwarders domain tftp-root boot-file"},
		{s.validateAddresses, "addresses"},
		{s.validateRanges, "addresses dhcp-ranges"},
		{s.validateDHCPHosts, "addresses dhcp-hosts"},
		{s.validateOneDHCP, "addresses dhcp-ranges dhcp-hosts"},
		{s.validateDNSHosts, "dns-hosts"},
		{s.validateNames, "domain dns-forwarders"},
		{s.validateBoot, "addresses dhcp-ranges dhcp-hosts tftp-root boot-file"},
	} {
		if !given.Any(strings.Fields(check.keys)...) {
			continue
		}
		if err := check.run(); err != nil {
			return err
		}
	}
	return nil
}

func (s *NetworkSetup) validateMode() error {
	switch {
	case s.Managed(), s.Mode == NetworkBridge, s.Mode == NetworkMacvtap:
		return nil
	default:
		return invalid("The mode of a network must be nat, routed, open, isolated, bridge or macvtap, not “%s”.", Printable(s.Mode))
	}
}

// validateLink looks at what connects a network with the host.
func (s *NetworkSetup) validateLink() error {
	for _, name := range []string{s.Bridge, s.HostDevice} {
		switch {
		case len(name) > 15:
			return invalid("“%s” is too long for the name of a network interface: 15 bytes are allowed.", Printable(name))
		case name != "" && (!interfaces.MatchString(name) || name == "." || name == ".."):
			return invalid("“%s” cannot be the name of a network interface.", Printable(name))
		}
	}
	switch {
	case s.Mode == NetworkBridge && s.Bridge == "":
		return invalid("A network of the mode “bridge” needs the name of a bridge that the host has.")
	case s.Mode == NetworkMacvtap && s.HostDevice == "":
		return invalid("A network of the mode “macvtap” needs an interface of the host, as host-device.")
	case s.Mode == NetworkMacvtap && s.Bridge != "":
		return invalid("A network of the mode “macvtap” has no bridge.")
	case s.HostDevice != "" && !slices.Contains([]string{NetworkNAT, NetworkRouted, NetworkMacvtap}, s.Mode):
		return invalid("A network of the mode “%s” goes through no interface of its own. Leave host-device out.", s.Mode)
	case s.MacvtapMode != "" && s.Mode != NetworkMacvtap:
		return invalid("Only a network of the mode “macvtap” has a macvtap-mode.")
	case s.MacvtapMode != "" && !slices.Contains([]string{"bridge", "vepa", "private", "passthrough"}, s.MacvtapMode):
		return invalid("The macvtap-mode must be bridge, vepa, private or passthrough.")
	case s.NATIPv6 != nil && *s.NATIPv6 && s.Mode != NetworkNAT:
		return invalid("Only a network of the mode “nat” translates addresses.")
	}
	return s.validateFrames()
}

func (s *NetworkSetup) validateFrames() error {
	switch {
	case s.MTU != 0 && (s.MTU < minMTU || s.MTU > maxMTU):
		return invalid("The MTU must be between %d and %d bytes.", minMTU, maxMTU)
	case s.MTU != 0 && !s.Managed():
		return invalid("A network of the mode “%s” has the MTU of the host's interface. Leave mtu out.", s.Mode)
	case len(s.VLANs) > 0 && s.Managed():
		return invalid("A network of the mode “%s” has no VLANs. They need the mode bridge or macvtap.", s.Mode)
	}
	seen := map[uint32]bool{}
	for _, id := range s.VLANs {
		switch {
		case id < 1 || id > MaxVLANs:
			return invalid("A VLAN has a number from 1 to %d.", MaxVLANs)
		case seen[id]:
			return invalid("The VLAN %d is given twice.", id)
		}
		seen[id] = true
	}
	return nil
}

// validateManaged refuses what only networks have that libvirt runs.
func (s *NetworkSetup) validateManaged() error {
	if s.Managed() {
		return nil
	}
	for _, part := range []struct {
		there bool
		what  string
	}{
		{len(s.Addresses) > 0, "addresses"},
		{len(s.DHCPRanges) > 0, "dhcp-ranges"},
		{len(s.DHCPHosts) > 0, "dhcp-hosts"},
		{len(s.DNSHosts) > 0, "dns-hosts"},
		{len(s.DNSForwarders) > 0, "dns-forwarders"},
		{s.Domain != "", "domain"},
		{s.TFTPRoot != "", "tftp-root"},
		{s.BootFile != "", "boot-file"},
	} {
		if part.there {
			return invalid("In a network of the mode “%s” others give out addresses and names. Leave %s out.", s.Mode, part.what)
		}
	}
	return nil
}

// validateNames looks at the domain and at the servers that are asked for names.
func (s *NetworkSetup) validateNames() error {
	if err := ValidateHostName(s.Domain); err != nil {
		return invalid("The domain can have only letters, digits and dashes, and dots between them.")
	}
	if len(s.DNSForwarders) > maxForwarders {
		return invalid("There are too many DNS servers: %d are allowed.", maxForwarders)
	}
	for _, server := range s.DNSForwarders {
		if _, err := netip.ParseAddr(server); err != nil {
			return invalid("“%s” is not the IP address of a DNS server.", Printable(server))
		}
	}
	return nil
}

// validateBoot looks at what a guest boots over the network.
func (s *NetworkSetup) validateBoot() error {
	switch {
	case s.TFTPRoot != "" && !strings.HasPrefix(s.TFTPRoot, "/"):
		return invalid("The folder for TFTP must be an absolute path.")
	case len(s.TFTPRoot) > maxDeviceValue || len(s.BootFile) > maxWord:
		return invalid("The path is too long.")
	case !filePath.MatchString(s.TFTPRoot) || !filePath.MatchString(s.BootFile):
		return invalid("A path for booting can have only letters, digits and / . _ + : ~ @ %% = - .")
	case s.TFTPRoot != "" && !slices.ContainsFunc(s.Addresses, func(a NetworkAddress) bool { return a.is4() }):
		return invalid("Booting over the network needs an IPv4 address.")
	case s.BootFile != "" && !s.leases4():
		return invalid("A boot file is told with the address of a guest, so the network needs a DHCP range.")
	}
	return nil
}

// leases4 says whether IPv4 addresses are given to guests.
func (s *NetworkSetup) leases4() bool {
	is4 := func(address string) bool { return !strings.Contains(address, ":") }
	return slices.ContainsFunc(s.DHCPRanges, func(r DHCPRange) bool { return is4(r.Start) }) ||
		slices.ContainsFunc(s.DHCPHosts, func(h DHCPHost) bool { return is4(h.Address) })
}
