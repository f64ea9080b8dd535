package build

import (
	"libvirt.org/go/libvirtxml"

	"org.kvmmanager/internal/model"
)

// Passt is the program that forwards ports: QEMU's own user networking has no way
// for that in libvirt.
const Passt = "passt"

// forwardPorts has an interface of user networking lead ports of the host to the
// guest.
func forwardPorts(nic *libvirtxml.DomainInterface, d *Device) error {
	if len(d.PortForwards) == 0 {
		return nil
	}
	if nic.Source == nil || nic.Source.User == nil {
		return invalid("Only an interface of the type “user” forwards ports.")
	}
	if err := model.ValidatePortForwards(d.PortForwards); err != nil {
		return invalid("%s", err)
	}
	model.NormalizePortForwards(d.PortForwards)
	nic.Backend = &libvirtxml.DomainInterfaceBackend{Type: Passt}
	for _, f := range d.PortForwards {
		nic.PortForward = append(nic.PortForward, libvirtxml.DomainInterfaceSourcePortForward{
			Proto: f.Protocol, Address: f.Address,
			Ranges: []libvirtxml.DomainInterfaceSourcePortForwardRange{{Start: uint(f.HostPort), End: uint(f.HostPortEnd), To: uint(f.GuestPort)}},
		})
	}
	return nil
}
