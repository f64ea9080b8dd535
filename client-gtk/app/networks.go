package app

import (
	"context"

	"org.kvmmanager/client-gtk/i18n"
	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/model"
)

// ConfigureNetwork implements ui.HostService.
func (a *App) ConfigureNetwork(n *model.Network, changes map[string]any, dryRun bool, then func(client.NetworkApplied, error)) {
	how := []client.Option{client.Interactive()}
	if dryRun {
		how = []client.Option{client.DryRun(), client.Wanted()}
	}
	call(a, func(ctx context.Context, c *client.Client) (client.NetworkApplied, error) {
		return c.ConfigureNetwork(ctx, n.Path(), changes, how...)
	}, then)
}

// AddDHCPHost implements ui.HostService.
func (a *App) AddDHCPHost(n *model.Network, host model.DHCPHost, then func(error)) {
	call(a, func(ctx context.Context, c *client.Client) (struct{}, error) {
		return struct{}{}, c.AddDHCPHost(ctx, n.Path(), host, client.Interactive())
	}, func(_ struct{}, err error) { then(err) })
}

// RemoveDHCPHost implements ui.HostService.
func (a *App) RemoveDHCPHost(n *model.Network, host model.DHCPHost) {
	a.change(i18n.F("“%s” Was Not Changed", n.Name), func(ctx context.Context, c *client.Client) error {
		return c.RemoveDHCPHost(ctx, n.Path(), host, client.Interactive())
	})
}

// Leases implements ui.HostService.
func (a *App) Leases(network model.Path, then func([]model.Lease, error)) {
	call(a, func(ctx context.Context, c *client.Client) ([]model.Lease, error) { return c.GetLeases(ctx, network) }, then)
}
