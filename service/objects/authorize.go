package objects

import (
	"context"
	"errors"
	"strings"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/polkit"
	"org.kvmmanager/service/inventory"
)

const (
	gettextDomain       = "kvm-manager"
	interactionRequired = "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired"
)

// authorize asks for every action that the call needs, and writes the audit
// record of a refusal.
func (r *request) authorize(ctx context.Context, actions []string) error {
	for _, action := range actions {
		if err := r.authorizeOne(ctx, action); err != nil {
			r.auditRefusal(action, err)
			return err
		}
	}
	return nil
}

// withStorage does what may use images of other VMs. Which those are, only the
// hypervisor knows for sure: if it says that the right to manage storage is missing,
// the caller is asked for that, and the work done again.
func (r *request) withStorage(ctx context.Context, do func(storage bool) error) error {
	err := do(r.granted[actionStorage])
	if !errors.Is(err, inventory.ErrNeedsStorage) || r.granted[actionStorage] {
		return err
	}
	if err := r.authorize(ctx, []string{actionStorage}); err != nil {
		return err
	}
	return do(true)
}

// actions are the actions that this call needs, with its arguments.
func (r *request) actions() []string {
	var actions []string
	if r.method.action != open {
		actions = append(actions, r.method.action)
	}
	if r.method.also != nil {
		actions = append(actions, strings.Fields(r.method.also(r))...)
	}
	return actions
}

func (r *request) authorizeOne(ctx context.Context, action string) error {
	result, err := r.check(ctx, action)
	switch {
	case err != nil:
		return err
	case result.Authorized:
		if r.granted == nil {
			r.granted = map[string]bool{}
		}
		r.granted[action] = true
		return nil
	case result.Dismissed:
		return errs.New(errs.AuthenticationDismissed, "The authentication was dismissed.")
	case result.Challenge && !r.Interactive:
		return dbus.NewError(interactionRequired,
			[]any{"This needs a password. Allow interactive authorization, or ask the administrator for a polkit rule for " + action + "."})
	default:
		return errs.New(errs.NotAuthorized, "You are not allowed to do this (polkit action %s).", action)
	}
}

// check asks polkit, and has it ask the person only if that takes a password: a
// dialog, or one that waits for its turn, goes away with the program that caused it.
func (r *request) check(ctx context.Context, action string) (polkit.Result, error) {
	result, err := r.service.authority.Check(ctx, r.caller(), action, r.details(action), false)
	if err != nil || !result.Challenge || !r.Interactive {
		return result, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop, err := r.service.watcher.Watch(ctx, r.Sender, cancel)
	if err != nil {
		return polkit.Result{}, err
	}
	defer stop()
	done, err := r.service.dialogs.turn(ctx, r.UID)
	if err != nil {
		return polkit.Result{}, err
	}
	defer done()
	return r.service.authority.Check(ctx, r.caller(), action, r.details(action), true)
}

func (r *request) caller() polkit.Caller { return polkit.Caller{Sender: r.Sender, UID: r.UID} }

// details are what a polkit rule can look at. Who makes a VM is asked about that,
// and not about what it is made of.
func (r *request) details(action string) map[string]string {
	d := map[string]string{"verb": r.Member}
	if r.host != nil {
		d["host"] = r.host.ID()
	}
	if r.vm != nil {
		d["vm.name"], d["vm.uuid"] = r.vm.Name, r.vm.UUID
	}
	if r.network != nil {
		d["network.name"], d["network.uuid"] = r.network.Name, r.network.UUID
	}
	if r.pool != nil {
		d["pool.name"], d["pool.uuid"] = r.pool.Name, r.pool.UUID
	}
	if r.storageVolume != nil {
		d["volume.name"] = r.storageVolume.Name
	}
	if name, makes := r.newName(); makes {
		if r.vm != nil {
			d["source.name"], d["source.uuid"] = r.vm.Name, r.vm.UUID
		}
		if r.vm == nil || action == actionCreate {
			d["vm.name"] = name
			delete(d, "vm.uuid")
		}
	}
	for key, value := range d {
		d[key] = model.Clean(value) // of names that other programs gave
	}
	if message := r.message(action); message != "" {
		d["polkit.message"], d["polkit.gettext_domain"] = message, gettextDomain
	}
	return d
}

// message returns what polkit's dialog says; empty for the action's own message.
func (r *request) message(action string) string {
	switch {
	case action == actionRead:
		return readMessage
	case r.method != nil:
		return r.method.message
	default:
		return ""
	}
}
