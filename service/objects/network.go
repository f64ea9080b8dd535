package objects

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/wire"
	"org.kvmmanager/service/create"
	"org.kvmmanager/service/inventory"
)

const optForce = "force"

func networkMethods() map[string]*method {
	manage := func(message string, run runFunc, options ...string) *method {
		return &method{action: actionNetwork, message: message, options: declare(options...), run: run}
	}
	change := ask("Authentication is required to change a virtual network.")
	configure := manage(change, (*request).configureNetwork, optDryRun, "b", optForce, "b")
	configure.also = networkAction
	return map[string]*method{
		"AddDHCPHost":    manage(change, (*request).addDHCPHost),
		"Configure":      configure,
		"GetLeases":      reads((*request).getLeases),
		"RemoveDHCPHost": manage(change, (*request).removeDHCPHost),
		"Delete":         manage(ask("Authentication is required to delete a virtual network."), (*request).deleteNetwork, optForce, "b"),
		"SetAutostart":   manage(change, (*request).setNetworkAutostart),
		"Start":          manage(ask("Authentication is required to start a virtual network."), (*request).startNetwork),
		"Stop":           manage(ask("Authentication is required to stop a virtual network."), (*request).stopNetwork, optForce, "b"),
	}
}

// createNetwork is Host.CreateNetwork.
func (r *request) createNetwork(ctx context.Context) ([]any, error) {
	setup := model.NetworkSetup{}
	if err := decodeSpec(r.Args[0].(map[string]dbus.Variant), &setup); err != nil {
		return nil, err
	}
	conn, err := r.conn()
	if err != nil {
		return nil, err
	}
	unlock, err := r.lockNetworks(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	create.NormalizeNetwork(&setup)
	if err := r.checkRanges(&setup); err != nil {
		return nil, err
	}
	if err := create.Network(&setup, r.host.Networks()); err != nil {
		return nil, err
	}
	uuid, err := conn.CreateNetwork(ctx, setup)
	if err != nil {
		return nil, err
	}
	r.announceNetwork(ctx, uuid)
	return []any{wire.ObjectPath(model.NetworkPath(uuid))}, nil
}

// deleteNetwork removes a network that no VM has an interface in.
func (r *request) deleteNetwork(ctx context.Context) ([]any, error) {
	users := r.networkUsers(func(*model.VM) bool { return true })
	force := r.options.flag(optForce)
	if len(users) > 0 && !force {
		return nil, errs.New(errs.DeviceInUse, "The network “%s” is used by %s. Connect them elsewhere before you delete it.", r.network.Name, someOf(users))
	}
	return nil, r.changeNetwork(ctx, func(conn inventory.Conn, ctx context.Context, uuid string) error {
		return conn.DeleteNetwork(ctx, uuid, force)
	})
}

func (r *request) setNetworkAutostart(ctx context.Context) ([]any, error) {
	on := r.Args[0].(bool)
	if !r.network.Persistent {
		return nil, errs.New(errs.InvalidState, "The network “%s” has no stored configuration, so it cannot start by itself.", r.network.Name)
	}
	return nil, r.changeNetwork(ctx, func(conn inventory.Conn, ctx context.Context, uuid string) error {
		return conn.SetNetworkAutostart(ctx, uuid, on)
	})
}

func (r *request) startNetwork(ctx context.Context) ([]any, error) {
	if r.network.Active {
		return nil, errs.New(errs.InvalidState, "The network “%s” is active already.", r.network.Name)
	}
	return nil, r.changeNetwork(ctx, inventory.Conn.StartNetwork)
}

// stopNetwork stops a network that no running VM has an interface in.
func (r *request) stopNetwork(ctx context.Context) ([]any, error) {
	if !r.network.Active {
		return nil, errs.New(errs.InvalidState, "The network “%s” is not active.", r.network.Name)
	}
	users := r.networkUsers(func(vm *model.VM) bool { return vm.State.Active() })
	if len(users) > 0 && !r.options.flag(optForce) {
		return nil, errs.New(errs.DeviceInUse, "The network “%s” is used by %s. Turn them off before you stop it.", r.network.Name, someOf(users))
	}
	return nil, r.changeNetwork(ctx, inventory.Conn.StopNetwork)
}

// changeNetwork does one change of a network, one at a time per host, and
// announces it.
func (r *request) changeNetwork(ctx context.Context, do func(inventory.Conn, context.Context, string) error) error {
	conn, err := r.conn()
	if err != nil {
		return err
	}
	unlock, err := r.lockNetworks(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	err = do(conn, ctx, r.network.UUID)
	r.announceNetwork(context.WithoutCancel(ctx), r.network.UUID)
	return err
}

// announceNetwork shows what became of a network. The outcome is the call's,
// whether that can be read or not.
func (r *request) announceNetwork(ctx context.Context, uuid string) {
	if err := r.host.RefreshNetwork(ctx, uuid); err != nil {
		r.service.log.Debug("cannot read a network after a change", "network_uuid", uuid, "error", err)
	}
}

// lockNetworks keeps networks from being made with each other's addresses.
func (r *request) lockNetworks(ctx context.Context) (unlock func(), err error) {
	return r.service.locks.lock(ctx, "networks:"+r.host.ID())
}

// networkUsers is the names of the VMs with an interface in the network.
func (r *request) networkUsers(which func(*model.VM) bool) []string {
	var names []string
	for _, path := range r.network.VMs {
		if _, vm := r.service.inventory.VM(path); vm != nil && which(vm) {
			names = append(names, vm.Name)
		}
	}
	return names
}

// someOf names a few in a sentence.
func someOf(names []string) string {
	const most = 3
	quoted := make([]string, 0, most)
	for _, name := range names[:min(len(names), most)] {
		quoted = append(quoted, "“"+name+"”")
	}
	if more := len(names) - most; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(quoted, ", "), more)
	}
	return strings.Join(quoted, ", ")
}

// checkRanges refuses addresses that belong to others, unless the caller insists,
// which takes a right of its own.
func (r *request) checkRanges(setup *model.NetworkSetup) error {
	if r.options.flag(optForce) {
		return nil
	}
	return invalid(setup.CheckNetworkRanges())
}

// networkAction asks for the right to use what of the host the setup names: a
// path, or an interface; and for that to manage the host if the caller insists.
func networkAction(r *request) string {
	var actions []string
	setup, _ := r.Args[0].(map[string]dbus.Variant)
	given := func(key string) bool {
		value, given := setup[key]
		return given && value.Value() != ""
	}
	if given("tftp-root") {
		actions = append(actions, actionHostPath)
	}
	mode, changesMode := setup["mode"].Value().(string)
	if !changesMode && r.network != nil {
		mode = r.network.Mode
	}
	// A managed network has a bridge of its own, if it still is one at its next start.
	ownBridge := (&model.NetworkSetup{Mode: mode}).Managed() || mode == "" && r.network == nil
	if r.network != nil && !changesMode && slices.Contains(r.network.PendingChanges, "Mode") {
		ownBridge = false
	}
	if given("host-device") || !ownBridge && (changesMode || given("bridge")) {
		actions = append(actions, actionHostDevice)
	}
	if r.options.flag(optForce) {
		actions = append(actions, actionHost)
	}
	return strings.Join(actions, " ")
}

// isNetworkBridge says whether a bridge is that of an active network, in which
// everybody may put an interface by the network's name. That of one that is not
// active may be another one that the host has.
func (r *request) isNetworkBridge(name string) bool {
	return slices.ContainsFunc(r.host.Networks(), func(n *model.Network) bool {
		return n.Active && n.Bridge == name && n.Mode != model.NetworkMacvtap
	})
}
