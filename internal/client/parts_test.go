package client_test

import (
	"fmt"
	"strings"
	"testing"

	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/testutil/fakehv"
)

// TestObjectsAreReadInParts has more VMs than one message has room for, while some
// of them change.
func TestObjectsAreReadInParts(t *testing.T) {
	t.Parallel()
	w := quietWorld(t)
	const n = 10_000
	for i := range n {
		vm := fakehv.VM(1+i, fmt.Sprint("vm", i))
		vm.Description = strings.Repeat("x", 2300)
		w.HV.Put(vm)
	}
	w.serve()
	changing := make(chan struct{})
	go func() {
		defer close(changing)
		for i := range 200 {
			vm := fakehv.VM(1+i*50, fmt.Sprint("changed", i))
			if i%3 == 0 {
				w.HV.Drop(vm.UUID)
			} else {
				w.HV.Put(vm)
			}
		}
	}()
	w.client = w.connect()
	w.ready()
	<-changing
	w.settle("mark")
	err := w.Bus.Connect(t).Object(w.service.Name, "/org/kvmmanager").Call("org.freedesktop.DBus.ObjectManager.GetManagedObjects", 0).Err
	if err == nil || !strings.Contains(err.Error(), "in parts") {
		t.Errorf("the list of all objects: %v", err)
	}
	if got, want := len(w.client.VMs()), n-67; got != want {
		t.Errorf("there are %d VMs, want %d", got, want)
	}
	for i := range 200 {
		vm := w.client.VM(model.VMPath(fakehv.UUID(1 + i*50)))
		switch {
		case i%3 == 0 && vm != nil:
			t.Errorf("%d is still there", i)
		case i%3 != 0 && (vm == nil || vm.Name != fmt.Sprint("changed", i)):
			t.Errorf("%d is %.60q", i, fmt.Sprint(vm))
		}
	}
}
