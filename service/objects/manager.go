package objects

import (
	"context"
	"time"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/polkit"
	"org.kvmmanager/internal/wire"
)

func managerMethods() map[string]*method {
	return map[string]*method{
		"AddHost": {
			action: actionHost, message: ask("Authentication is required to connect to another virtualization host."),
			run: (*request).addHost,
		},
		"GetPermissions": {action: open, run: (*request).getPermissions},
		"RemoveHost": {
			action: actionHost, message: ask("Authentication is required to remove a virtualization host."),
			run: (*request).removeHost,
		},
		"SubscribeStatistics":   reads((*request).subscribeStatistics),
		"UnsubscribeStatistics": {action: open, run: (*request).unsubscribeStatistics},
	}
}

func (r *request) addHost(context.Context) ([]any, error) {
	host, err := r.service.hosts.Add(r.text(0), r.text(1))
	if err != nil {
		return nil, err
	}
	return []any{wire.ObjectPath(model.HostPath(host.ID()))}, nil
}

// getPermissions tells a user interface what to offer. It reads properties of
// the object for the details only.
func (r *request) getPermissions(ctx context.Context) ([]any, error) {
	path := model.Path(r.Args[0].(dbus.ObjectPath))
	about := &request{Call: r.Call, service: r.service, method: r.method}
	var actions []string
	if host := r.service.inventory.Host(path); host != nil {
		about.host, actions = host, hostActions
	} else if host, vm := r.service.vmOrOwner(path); vm != nil {
		about.host, about.vm, actions = host, vm, vmActions
	} else if host, network := r.service.inventory.Network(path); network != nil {
		about.host, about.network, actions = host, network, networkActions
	} else if host, pool := r.service.inventory.Pool(path); pool != nil {
		about.host, about.pool, actions = host, pool, poolActions
	} else if host, pool, volume := r.service.inventory.Volume(path); volume != nil {
		about.host, about.pool, about.storageVolume, actions = host, pool, volume, poolActions
	} else if path == model.Root {
		actions = []string{actionRead, actionHost}
	} else if job := r.service.jobs.Find(path); job != nil {
		if about.job = job; cancelAction(about) == open {
			return []any{map[string]string{actionCancel: string(polkit.Yes)}}, nil
		}
		actions = []string{actionCancel}
	} else {
		return nil, errs.New(errs.NotFound, "There is no such object.")
	}
	permissions, err := r.service.authority.Permissions(ctx, r.caller(), actions, about.details(open))
	if err != nil {
		return nil, err
	}
	words := make(map[string]string, len(permissions))
	for action, p := range permissions {
		words[action] = string(p)
	}
	return []any{words}, nil
}

func (r *request) removeHost(context.Context) ([]any, error) {
	host := r.service.inventory.Host(model.Path(r.Args[0].(dbus.ObjectPath)))
	if host == nil {
		return nil, errs.New(errs.NotFound, "There is no such host.")
	}
	if r.service.jobs.Any(func(job *model.Job) bool { return r.service.concerns(job, host) }) {
		return nil, errs.New(errs.Busy, "Operations are under way on “%s”. Wait until they have ended.", host.ID())
	}
	return nil, r.service.hosts.Remove(host.ID())
}

func (r *request) subscribeStatistics(ctx context.Context) ([]any, error) {
	return nil, r.service.statistics.subscribe(ctx, r.Sender, r.UID, time.Duration(r.number(0))*time.Millisecond)
}

func (r *request) unsubscribeStatistics(context.Context) ([]any, error) {
	r.service.statistics.unsubscribe(r.Sender)
	return nil, nil
}
