package objects_test

import (
	"context"
	"slices"
	"testing"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/dbus"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/testutil/fakehv"
)

const getInfo = "VM.Guest.GetInfo"

func withAgent(state model.AgentState) *model.VM {
	vm := running(1, "web")
	vm.GuestAgent = state
	return vm
}

func TestTheGuestsInterfaceComesAndGoesWithItsAgent(t *testing.T) {
	t.Parallel()
	w := newWorld(t).withHost(withAgent(model.AgentDisconnected))
	signals := make(chan *dbus.Signal, 64)
	w.conn.Signal(signals)
	if err := w.conn.AddMatchSignal(dbus.WithMatchSender(w.name), dbus.WithMatchInterface("org.freedesktop.DBus.ObjectManager")); err != nil {
		t.Fatal(err)
	}
	next := func(name string) []any {
		t.Helper()
		for {
			select {
			case s := <-signals:
				if s.Name == "org.freedesktop.DBus.ObjectManager."+name {
					return s.Body
				}
			case <-w.ctx.Done():
				t.Fatalf("no %s", name)
			}
		}
	}
	const unknown = "org.freedesktop.DBus.Error.UnknownInterface"
	if got := errorName(w.call(vmPath, getInfo, none()).Err); got != unknown {
		t.Errorf("without an agent: %s", got)
	}
	w.hv.Put(withAgent(model.AgentConnected))
	added := next("InterfacesAdded")
	ifaces := added[1].(map[string]map[string]dbus.Variant)
	if _, there := ifaces[api.GuestInterface]; !there || len(ifaces) != 1 || added[0] != dbus.ObjectPath(vmPath) {
		t.Errorf("added %v", added)
	}
	var info map[string]dbus.Variant
	if err := w.call(vmPath, getInfo, none()).Store(&info); err != nil || info["hostname"].Value() != "web" || info["users"].Signature().String() != "aa{sv}" {
		t.Errorf("the guest says %v, %v", info, err)
	}
	w.hv.Put(withAgent(model.AgentDisconnected))
	if removed := next("InterfacesRemoved"); !slices.Equal(removed[1].([]string), []string{api.GuestInterface}) {
		t.Errorf("removed %v", removed)
	}
	if got := errorName(w.call(vmPath, getInfo, none()).Err); got != unknown {
		t.Errorf("after its agent has gone: %s", got)
	}
	if calls := w.hv.Calls(); slices.Index(calls, "guest-info "+fakehv.UUID(1)) < 0 || countOf(calls, "guest-info "+fakehv.UUID(1)) != 1 {
		t.Errorf("the guest was asked %v", calls)
	}
}

func countOf(list []string, what string) (n int) {
	for _, s := range list {
		if s == what {
			n++
		}
	}
	return n
}

func TestAGuestThatDoesNotAnswerIsSaidSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t).withHost(withAgent(model.AgentConnected))
	w.hv.Hook("guest-info", func(context.Context, string) error { return context.DeadlineExceeded })
	if err := w.call(vmPath, getInfo, none()).Err; errorName(err) != errs.GuestAgentUnavailable.DBusName() {
		t.Errorf("got %v", err)
	}
}

func TestAGuestsFileSystemsAreFrozenAsAJob(t *testing.T) {
	t.Parallel()
	w := newWorld(t).withHost(withAgent(model.AgentConnected))
	for method, operation := range map[string]string{"FreezeFilesystems": "freeze", "ThawFilesystems": "thaw", "TrimFilesystems": "trim"} {
		if err := w.call(vmPath, "VM.Guest."+method, opts("wait", true)).Err; err != nil {
			t.Errorf("%s: %v", method, err)
		}
		if countOf(w.hv.Calls(), operation+" "+fakehv.UUID(1)) != 1 {
			t.Errorf("%s did not reach the guest", method)
		}
	}
}
