package model

import "net/netip"

// Limits of the ports that an interface can forward.
const (
	MaxPortForwards = 64
	// MinHostPort is the first port that a program without special rights can
	// listen on, and what forwards ports has none.
	MinHostPort = 1024
	maxPort     = 65535
)

// PortForward is a port of the host, or a range of them, that leads to the guest.
type PortForward struct {
	Protocol    string `wire:"protocol"` // tcp, udp
	Address     string `wire:"address"`  // of the host; empty: all of them
	HostPort    uint32 `wire:"host-port"`
	HostPortEnd uint32 `wire:"host-port-end"` // of a range; 0: only one port
	GuestPort   uint32 `wire:"guest-port"`    // the first; 0: the host's
}

// last is the last port of the host.
func (f *PortForward) last() uint32 { return max(f.HostPort, f.HostPortEnd) }

// ValidatePortForwards says why an interface cannot forward these ports, whatever
// the host is.
func ValidatePortForwards(list []PortForward) error {
	if len(list) > MaxPortForwards {
		return invalid("There are too many forwarded ports: %d entries are allowed.", MaxPortForwards)
	}
	for i := range list {
		if err := list[i].validate(); err != nil {
			return err
		}
		for k := range i {
			if port := list[i].collides(&list[k]); port != 0 {
				return invalid("The %s port %d of the host is forwarded twice.", list[i].Protocol, port)
			}
		}
	}
	return nil
}

func (f *PortForward) validate() error {
	if f.Protocol != "tcp" && f.Protocol != "udp" {
		return invalid("The protocol of a forwarded port must be tcp or udp.")
	}
	if f.Address != "" {
		if ip, err := netip.ParseAddr(f.Address); err != nil || ip.Zone() != "" || ip.IsMulticast() {
			return invalid("“%s” cannot be an address of the host. Give an IP address, or none for all.", Printable(f.Address))
		}
	}
	switch {
	case f.HostPort == 0 || f.last() > maxPort:
		return invalid("A port of the host must be a number from %d to %d.", MinHostPort, maxPort)
	case f.HostPort < MinHostPort:
		return invalid("The host's ports below %d belong to the host itself. Forward a higher one, such as %d.", MinHostPort, f.HostPort+8000)
	case f.HostPortEnd != 0 && f.HostPortEnd < f.HostPort:
		return invalid("A range of ports must end after it begins.")
	case f.GuestPort+f.last()-f.HostPort > maxPort || f.GuestPort > maxPort:
		return invalid("A port of the guest must be a number from 1 to %d, also the last one of a range.", maxPort)
	}
	return nil
}

// collides is the first port of the host that both forward; 0 if there is none.
func (f *PortForward) collides(other *PortForward) uint32 {
	first := max(f.HostPort, other.HostPort)
	if f.Protocol != other.Protocol || first > min(f.last(), other.last()) || !sameAddress(f.Address, other.Address) {
		return 0
	}
	return first
}

// sameAddress says whether there is an address of the host that both mean.
func sameAddress(a, b string) bool {
	if a == "" || b == "" {
		return true
	}
	one, _ := netip.ParseAddr(a) // valid by now
	two, _ := netip.ParseAddr(b)
	one, two = one.Unmap(), two.Unmap()
	return one == two || one.Is4() == two.Is4() && (one.IsUnspecified() || two.IsUnspecified())
}

// NormalizePortForwards gives them the form in which they are read again.
func NormalizePortForwards(list []PortForward) {
	for i := range list {
		f := &list[i]
		if f.GuestPort == 0 {
			f.GuestPort = f.HostPort
		}
		if f.HostPortEnd == f.HostPort {
			f.HostPortEnd = 0
		}
		if ip, err := netip.ParseAddr(f.Address); err == nil {
			f.Address = ip.String()
		}
	}
}
