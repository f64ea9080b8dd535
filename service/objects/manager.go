package objects

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/bus"
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
		"GetObjects":         {action: actionRead, options: declare(optLimit, "u"), run: (*request).getObjects},
		"GetWholeProperties": {action: actionRead, run: (*request).getWholeProperties},
		"GetPermissions":     {action: open, run: (*request).getPermissions},
		"GetPermissionsOf": {
			action: open, options: declare(optActions, "as"), run: (*request).getPermissionsOf,
		},
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

const (
	optLimit = "limit"
	// maxPart is how many objects one answer of GetObjects has, and maxPartSize how
	// many bytes before the last of them.
	maxPart     = 1000
	maxPartSize = 4 << 20
)

// getObjects reads the list of all objects in parts.
func (r *request) getObjects(context.Context) ([]any, error) {
	most := maxPart
	if n := r.options.number(optLimit); n > 0 && n < maxPart {
		most = int(n)
	}
	return []any{bus.Part{After: r.Args[0].(dbus.ObjectPath), Most: most, Bytes: maxPartSize}}, nil
}

// getWholeProperties reads what is cut in the properties of an object.
func (r *request) getWholeProperties(context.Context) ([]any, error) {
	props, ok := r.service.tree.Properties(r.Args[0].(dbus.ObjectPath), r.text(1))
	whole, is := props.(wire.Props)
	if !ok || !is {
		return nil, errs.New(errs.NotFound, "There is no such object, or it has no such interface.")
	}
	return []any{whole.Whole()}, nil
}

// getPermissions tells a user interface what to offer.
func (r *request) getPermissions(ctx context.Context) ([]any, error) {
	words, err := r.permissionsOf(ctx, model.Path(r.Args[0].(dbus.ObjectPath)), nil)
	if err != nil {
		return nil, err
	}
	return []any{words}, nil
}

const (
	optActions = "actions"
	// maxPermissionObjects is how many objects GetPermissionsOf takes.
	maxPermissionObjects = 512
	// permissionsAtOnce is how many of them are asked about side by side. The
	// user's share of questions to polkit bounds them as well.
	permissionsAtOnce = 4
)

// getPermissionsOf answers for many objects. Those that have gone meanwhile are
// left out.
func (r *request) getPermissionsOf(ctx context.Context) ([]any, error) {
	paths := r.Args[0].([]dbus.ObjectPath)
	if len(paths) > maxPermissionObjects {
		return nil, errs.New(errs.InvalidArgument, "There are more than %d objects. Ask for them in several calls.", maxPermissionObjects)
	}
	only := r.options.list(optActions)
	for _, action := range only {
		if !slices.Contains(allActions(), action) {
			return nil, errs.New(errs.InvalidArgument, "There is no action “%s”.", model.Printable(action))
		}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var (
		mu     sync.Mutex // guards all
		all    = make(map[dbus.ObjectPath]map[string]string, len(paths))
		group  sync.WaitGroup
		places = make(chan struct{}, permissionsAtOnce)
	)
	for _, path := range paths {
		places <- struct{}{}
		group.Add(1)
		go func() {
			defer func() { <-places; group.Done() }()
			words, err := r.permissionsOf(ctx, model.Path(path), only)
			switch {
			case errs.Is(err, errs.NotFound) || err == nil && len(words) == 0:
			case err != nil:
				cancel(err) // the first one counts, and ends the others
			default:
				mu.Lock()
				defer mu.Unlock()
				all[path] = words
			}
		}()
	}
	group.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	return []any{all}, nil
}

// allActions is every action that GetPermissions can tell of.
func allActions() []string {
	return slices.Concat(vmActions, networkActions, poolActions, hostActions, []string{actionCancel})
}

// permissionsOf returns what the caller may do with an object, by action; only has
// the actions that count, nil means all. Properties of the object are read for the
// details of the questions.
func (r *request) permissionsOf(ctx context.Context, path model.Path, only []string) (map[string]string, error) {
	call := *r.Call
	call.Member = "GetPermissions" // what rules know
	about := &request{Call: &call, service: r.service, method: r.method}
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
		about.job, actions = job, []string{actionCancel}
	} else {
		return nil, errs.New(errs.NotFound, "There is no such object.")
	}
	if only != nil {
		actions = slices.DeleteFunc(slices.Clone(actions), func(action string) bool { return !slices.Contains(only, action) })
	}
	if about.job != nil && len(actions) > 0 && cancelAction(about) == open {
		return map[string]string{actionCancel: string(polkit.Yes)}, nil
	}
	permissions, err := r.service.authority.Permissions(ctx, r.caller(), actions, about.details(open))
	if err != nil {
		return nil, err
	}
	words := make(map[string]string, len(permissions))
	for action, p := range permissions {
		words[action] = string(p)
	}
	return words, nil
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
