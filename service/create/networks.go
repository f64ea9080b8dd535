package create

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/osinfo"
)

// resolveNetworks chooses the network interfaces.
func (p *Planner) resolveNetworks(_ context.Context, plan *Plan, _ *Source) error {
	s := &plan.Spec
	if s.Networks == nil {
		if p.defaultNetwork() != nil {
			s.Networks = []model.NetworkSpec{{}}
		} else {
			s.Networks = []model.NetworkSpec{}
			plan.warn("network", "Create a network.", "There is no virtual network, so the VM will have no network interface.")
		}
	}
	for i := range s.Networks {
		if err := p.resolveNetwork(plan, &s.Networks[i]); err != nil {
			return err
		}
	}
	if s.Source.Kind == model.SourcePXE && len(s.Networks) == 0 {
		plan.fail("network", errs.InvalidArgument, "Add a network interface.", "To boot from the network the VM needs a network interface.")
	}
	return nil
}

func (p *Planner) resolveNetwork(plan *Plan, spec *model.NetworkSpec) error {
	if spec.Model == "" {
		spec.Model = "e1000e"
		if plan.virtio(func(s *osinfo.System) bool { return s.VirtioNetwork }) {
			spec.Model = "virtio"
		}
	}
	if spec.MAC == "" {
		mac, err := newMAC()
		if err != nil {
			return err
		}
		spec.MAC = mac
	}
	d := &model.Device{ID: "interface-" + spec.MAC, Kind: model.KindInterface, Model: spec.Model, MAC: spec.MAC}
	switch {
	case spec.User:
		p.userNetwork(plan, d, spec)
	case spec.Bridge != "":
		d.Type, d.Bridge = "bridge", spec.Bridge
	case spec.HostDevice != "":
		d.Type, d.HostDevice, d.Mode = "direct", spec.HostDevice, "bridge"
	default:
		n, err := p.network(plan, spec.Network)
		if n == nil {
			return err
		}
		spec.Network = n.Path()
		d.Type, d.NetworkName, d.Network = "network", n.Name, n.Path()
	}
	plan.vm.Interfaces = append(plan.vm.Interfaces, d)
	return nil
}

// userNetwork connects an interface through the host's own addresses. passt does
// that where ports lead to the guest.
func (p *Planner) userNetwork(plan *Plan, d *model.Device, spec *model.NetworkSpec) {
	model.NormalizePortForwards(spec.PortForwards)
	d.Type, d.PortForwards = "user", spec.PortForwards
	if backends := p.Capabilities.InterfaceBackends; len(d.PortForwards) > 0 && backends != nil && !slices.Contains(backends, "passt") {
		plan.failOnce("network", errs.NotSupported, "Install passt.", "This host cannot forward ports to its guests.")
	}
}

// network is the one with this path, or for the empty path the default one.
func (p *Planner) network(plan *Plan, path model.Path) (*model.Network, error) {
	n := p.defaultNetwork()
	if path != "" {
		networks := p.Host.Networks()
		i := slices.IndexFunc(networks, func(n *model.Network) bool { return n.Path() == path })
		if i < 0 {
			return nil, errs.New(errs.NotFound, "There is no such network on this host.")
		}
		n = networks[i]
	}
	switch {
	case n == nil:
		plan.failOnce("network", errs.NotFound, "Create a network.", "There is no virtual network.")
		return nil, nil
	case n.Active:
	case plan.Spec.Start != nil && !*plan.Spec.Start, plan.Spec.Start == nil && plan.Spec.Source.Kind == model.SourceNone:
		plan.warn("network", "Start the network.", "The network “%s” is not active.", n.Name)
	default:
		plan.failOnce("network", errs.InvalidState, "Start the network.", "The network “%s” is not active.", n.Name)
	}
	return n, nil
}

// defaultNetwork is the one with the name, or else the first that is active.
func (p *Planner) defaultNetwork() *model.Network {
	networks := p.Host.Networks()
	i := slices.IndexFunc(networks, func(n *model.Network) bool { return n.Name == "default" })
	if i < 0 {
		i = slices.IndexFunc(networks, func(n *model.Network) bool { return n.Active })
	}
	if i < 0 {
		return nil
	}
	return networks[i]
}

// newMAC makes a random address in QEMU's range.
func newMAC() (string, error) {
	var b [3]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", fmt.Errorf("cannot make a MAC address: %w", err)
	}
	return fmt.Sprintf("52:54:00:%02x:%02x:%02x", b[0], b[1], b[2]), nil
}
