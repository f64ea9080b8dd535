package inventory

import (
	"context"

	"org.kvmmanager/internal/model"
)

// NetworkChange says what is to be changed of a network, and how.
type NetworkChange struct {
	Given  model.Keys // of the setup; not nil
	DryRun bool       // only say what would become of it
}

// NetworkChanged says when the keys of a change take effect. A network that is
// off has everything at its next start.
type NetworkChanged struct {
	Now       []string // in effect, and stored
	NextStart []string // stored
}

// NetworkControl is what can be done with a host's networks, which are named by their
// UUID.
type NetworkControl interface {
	// CreateNetwork makes a network of a setup that is complete, and returns its
	// UUID. Nothing is left when it fails. A name or bridge that is taken is
	// AlreadyExists, an interface of the host that is missing is NotFound, and
	// addresses that the host uses are DeviceInUse.
	CreateNetwork(ctx context.Context, setup model.NetworkSetup) (string, error)
	// DeleteNetwork stops a network and removes its definition. One that a VM has
	// an interface in at its next boot is DeviceInUse, unless it is forced.
	DeleteNetwork(ctx context.Context, uuid string, force bool) error
	StartNetwork(ctx context.Context, uuid string) error
	// StopNetwork stops a network. Without a definition it is gone then.
	StopNetwork(ctx context.Context, uuid string) error
	SetNetworkAutostart(ctx context.Context, uuid string, on bool) error
	// ConfigureNetwork changes what is given: at once where libvirt can, and at
	// the next start otherwise. It leaves the network as it was if it fails.
	ConfigureNetwork(ctx context.Context, uuid string, changes model.NetworkSetup, how NetworkChange) (NetworkChanged, error)
	// AddDHCPHost and RemoveDHCPHost change the fixed leases, at once and
	// stored. One that collides with another is AlreadyExists; one that fits
	// none, or several, is NotFound or InvalidArgument.
	AddDHCPHost(ctx context.Context, uuid string, host model.DHCPHost) error
	RemoveDHCPHost(ctx context.Context, uuid string, host model.DHCPHost) error
	// Leases is what a network's DHCP server has given to guests.
	Leases(ctx context.Context, uuid string) ([]model.Lease, error)
}
