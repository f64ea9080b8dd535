package objects

import (
	"context"
	"slices"
	"strings"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/wire"
	"org.kvmmanager/service/create"
	"org.kvmmanager/service/inventory"
)

func (r *request) addDHCPHost(ctx context.Context) ([]any, error) {
	host, err := r.dhcpHost()
	if err != nil {
		return nil, err
	}
	return nil, r.changeNetwork(ctx, func(conn inventory.Conn, ctx context.Context, uuid string) error {
		return conn.AddDHCPHost(ctx, uuid, host)
	})
}

// configureNetwork answers with what applies now and what at the next start.
func (r *request) configureNetwork(ctx context.Context) ([]any, error) {
	changes, given, err := r.networkChanges()
	if err != nil {
		return nil, err
	}
	var did inventory.NetworkChanged
	err = r.changeNetwork(ctx, func(conn inventory.Conn, ctx context.Context, uuid string) error {
		others := slices.DeleteFunc(r.host.Networks(), func(n *model.Network) bool { return n.UUID == uuid })
		setup := r.network.Setup()
		setup.Take(&changes, given)
		if err := r.checkRanges(&changes); err != nil {
			return err
		}
		if err := create.NetworkConflict(&setup, others, given); err != nil {
			return err
		}
		did, err = conn.ConfigureNetwork(ctx, uuid, changes, inventory.NetworkChange{Given: given, DryRun: r.options.flag(optDryRun)})
		return err
	})
	if err != nil {
		return nil, err
	}
	return []any{wire.Dict(map[string]any{"next-start": did.NextStart, "now": did.Now})}, nil
}

// networkChanges is the first argument of Configure and its keys.
func (r *request) networkChanges() (changes model.NetworkSetup, given model.Keys, err error) {
	values := r.Args[0].(map[string]dbus.Variant)
	if err := decodeSpec(values, &changes); err != nil {
		return changes, nil, err
	}
	given = model.Keys{}
	for key := range values {
		given[key] = true
	}
	switch {
	case given["name"]:
		return changes, nil, errs.New(errs.InvalidArgument, "A network keeps its name. Make another one.")
	case given["start"], given["autostart"]:
		return changes, nil, errs.New(errs.InvalidArgument, "Use Start, Stop and SetAutostart for whether the network is active.")
	}
	create.NormalizeNetwork(&changes)
	return changes, given, nil
}

// getLeases names the VMs that have the leases, as far as they are known.
func (r *request) getLeases(ctx context.Context) ([]any, error) {
	conn, err := r.conn()
	if err != nil {
		return nil, err
	}
	leases, err := conn.Leases(ctx, r.network.UUID)
	if err != nil {
		return nil, err
	}
	owners := map[string]model.Path{}
	for _, vm := range r.host.VMs() {
		for _, d := range vm.Interfaces {
			if d.MAC != "" {
				owners[strings.ToLower(d.MAC)] = vm.Path()
			}
		}
	}
	for i := range leases {
		leases[i].VM = owners[leases[i].MAC]
	}
	return []any{wire.Records(leases)}, nil
}

func (r *request) removeDHCPHost(ctx context.Context) ([]any, error) {
	host, err := r.dhcpHost()
	if err != nil {
		return nil, err
	}
	if host == (model.DHCPHost{}) {
		return nil, errs.New(errs.InvalidArgument, "Say which entry to remove, by its mac or address.")
	}
	return nil, r.changeNetwork(ctx, func(conn inventory.Conn, ctx context.Context, uuid string) error {
		return conn.RemoveDHCPHost(ctx, uuid, host)
	})
}

// dhcpHost is the fixed lease that is the first argument.
func (r *request) dhcpHost() (model.DHCPHost, error) {
	var host model.DHCPHost
	if err := decodeSpec(r.Args[0].(map[string]dbus.Variant), &host); err != nil {
		return host, err
	}
	return create.NormalizeDHCPHost(host), nil
}
