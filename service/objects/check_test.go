package objects_test

import (
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/testutil/fakehv"
)

func TestWhyAVMWillNotStart(t *testing.T) {
	t.Parallel()
	vm := fakehv.VM(1, "web")
	vm.Interfaces = []*model.Device{{ID: "interface-a", Kind: model.KindInterface, Type: "network", NetworkName: "lan"}}
	w := newWorld(t)
	network := &model.Network{UUID: fakehv.UUID(9), Name: "lan", Persistent: true}
	w.hv.PutNetwork(network)
	w.withHost(vm)
	w.hv.PutStartChecks(vm.UUID,
		model.StartCheck{ID: "memory", Status: model.CheckWarning, Message: "Little is left.", Hint: "Turn something off."},
		model.StartCheck{ID: "start", Status: model.CheckError, Message: "The last start failed."})
	var checks []map[string]dbus.Variant
	if err := w.call(vmPath, "VM.CheckStart", none()).Store(&checks); err != nil {
		t.Fatal(err)
	}
	if len(checks) != 2 || checks[1]["id"].Value() != "memory" {
		t.Fatalf("found %v", checks)
	}
	if first := checks[0]; first["id"].Value() != "network" || first["fix"].Value() != "start-network" || first["object"].Value() != dbus.ObjectPath(network.Path()) {
		t.Errorf("found %v", first)
	}
	network.Active = true
	w.hv.PutNetwork(network)
	w.await("the last words", func() bool {
		err := w.call(vmPath, "VM.CheckStart", none()).Store(&checks)
		return err == nil && len(checks) == 2 && checks[1]["id"].Value() == "start"
	})
	w.hv.Put(running(1, "web"))
	w.await("a VM that runs", func() bool {
		return errorName(w.call(vmPath, "VM.CheckStart", none()).Err) == errs.InvalidState.DBusName()
	})
}

// await asks until something is so that came about behind the service's back.
func (w *world) await(what string, is func() bool) {
	w.t.Helper()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for !is() {
		select {
		case <-again.C:
		case <-w.ctx.Done():
			w.t.Fatalf("not so: %s", what)
		}
	}
}
