package inventory

import (
	"context"

	"org.kvmmanager/internal/model"
)

// NetworkChange says when the keys of a change of a network take effect. A
// network that is off has everything at its next start.
type NetworkChange struct {
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
	// DeleteNetwork stops a network and removes its definition.
	DeleteNetwork(ctx context.Context, uuid string) error
	StartNetwork(ctx context.Context, uuid string) error
	// StopNetwork stops a network. Without a definition it is gone then.
	StopNetwork(ctx context.Context, uuid string) error
	SetNetworkAutostart(ctx context.Context, uuid string, on bool) error
}
