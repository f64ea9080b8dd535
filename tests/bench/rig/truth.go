package rig

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/godbus/dbus/v5"
	"libvirt.org/go/libvirt"

	"org.kvmmanager/dbus"
	"org.kvmmanager/internal/model"
)

// stateNames are libvirt's states in the service's words.
var stateNames = map[libvirt.DomainState]model.VMState{
	libvirt.DOMAIN_RUNNING:     model.VMRunning,
	libvirt.DOMAIN_BLOCKED:     model.VMRunning,
	libvirt.DOMAIN_PAUSED:      model.VMPaused,
	libvirt.DOMAIN_SHUTDOWN:    model.VMShuttingDown,
	libvirt.DOMAIN_SHUTOFF:     model.VMShutOff,
	libvirt.DOMAIN_CRASHED:     model.VMCrashed,
	libvirt.DOMAIN_PMSUSPENDED: model.VMSuspended,
}

// Truth is what libvirt says of its VMs, by object path, in the names of the
// service's properties.
type Truth map[dbus.ObjectPath]map[string]string

// Truth asks libvirt itself.
func (r *Rig) Truth() (Truth, error) {
	raw, err := r.Libvirt()
	if err != nil {
		return nil, err
	}
	domains, err := raw.ListAllDomains(0)
	if err != nil {
		return nil, fmt.Errorf("cannot list VMs: %w", err)
	}
	truth := Truth{}
	for i := range domains {
		uuid, facts, err := factsOf(&domains[i])
		_ = domains[i].Free()
		if err != nil {
			return nil, err
		}
		truth[dbus.ObjectPath(model.VMPath(uuid))] = facts
	}
	return truth, nil
}

func factsOf(d *libvirt.Domain) (uuid string, facts map[string]string, err error) {
	uuid, err = d.GetUUIDString()
	if err != nil {
		return "", nil, err
	}
	name, err := d.GetName()
	if err != nil {
		return "", nil, err
	}
	state, _, err := d.GetState()
	if err != nil {
		return "", nil, err
	}
	autostart, err := d.GetAutostart()
	if err != nil {
		return "", nil, err
	}
	saved, err := d.HasManagedSaveImage(0)
	if err != nil {
		return "", nil, err
	}
	title, err := d.GetMetadata(libvirt.DOMAIN_METADATA_TITLE, "", libvirt.DOMAIN_AFFECT_CURRENT)
	var none libvirt.Error
	if errors.As(err, &none) && none.Code == libvirt.ERR_NO_DOMAIN_METADATA {
		title, err = "", nil
	}
	return uuid, map[string]string{
		"Name": name, "Title": title, "State": string(stateNames[state]),
		"Autostart": strconv.FormatBool(autostart), "HasSavedState": strconv.FormatBool(saved),
	}, err
}

// Differences lists where the service's VMs of the local host are not what
// libvirt says.
func (t Truth) Differences(all Managed) []string {
	var wrong []string
	for path, facts := range t {
		shown := all[path][api.VMInterface]
		if shown == nil {
			wrong = append(wrong, fmt.Sprintf("%s is not shown", facts["Name"]))
			continue
		}
		for name, want := range facts {
			if got := fmt.Sprint(shown[name].Value()); got != want {
				wrong = append(wrong, fmt.Sprintf("%s of %s is shown as %q, and is %q", name, facts["Name"], got, want))
			}
		}
	}
	for path, ifaces := range all {
		vm := ifaces[api.VMInterface]
		if vm != nil && vm["Host"].Value() == LocalHost && t[path] == nil {
			wrong = append(wrong, fmt.Sprintf("%v is shown, and does not exist", vm["Name"].Value()))
		}
	}
	slices.Sort(wrong)
	return wrong
}

// AwaitTruth waits until the service is back, says that it is connected, and
// shows what libvirt says; it returns how long that took.
func (r *Rig) AwaitTruth(ctx context.Context, m *Mirror) (time.Duration, error) {
	start := time.Now()
	err := Poll(ctx, func() error {
		truth, err := r.Truth()
		if err != nil {
			return err
		}
		var wrong []string
		m.Look(func(owner string, all Managed) {
			if state := all.Text(LocalHost, api.HostInterface, "State"); state != string(model.Connected) {
				wrong = append(wrong, fmt.Sprintf("the host's state is %q, the service's name %q", state, owner))
			}
			wrong = append(wrong, truth.Differences(all)...)
		})
		if len(wrong) > 0 {
			return fmt.Errorf("%d differences: %v", len(wrong), wrong[:min(len(wrong), 3)])
		}
		return nil
	})
	return time.Since(start), err
}
