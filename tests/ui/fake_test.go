//go:build display

package ui_test

import (
	"context"
	"fmt"
	"testing"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/testutil/fakehv"
	"org.kvmmanager/internal/testutil/polkittest"
	"org.kvmmanager/internal/testutil/servicetest"
)

// fake is a service with real objects on a bus of its own, whose hypervisor
// does what a test wants, and a client of it.
func fake(t *testing.T, vms int) (*servicetest.World, *servicetest.Service, application) {
	t.Helper()
	world := servicetest.New(t, nil)
	for i := range vms {
		world.HV.Put(fakehv.VM(i, fmt.Sprintf("vm-%d", i)))
	}
	service := serve(t, world)
	app := open(t, "DBUS_SYSTEM_BUS_ADDRESS="+world.Bus.Address)
	if vms > 0 {
		app.await(t, "list item", "vm-0")
	}
	return world, service, app
}

func serve(t *testing.T, world *servicetest.World) *servicetest.Service {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return world.Serve(t.Context()).WithHost(ctx).OwnName()
}

func vm(n int) string { return string(model.VMPath(fakehv.UUID(n))) }

func TestASlowAnswerLeavesTheWindowAlive(t *testing.T) {
	world, _, app := fake(t, 2)
	goOn := make(chan struct{})
	world.HV.Hook("start", func(ctx context.Context, _ string) error {
		select {
		case <-goOn:
		case <-ctx.Done():
		}
		return ctx.Err()
	})
	app.do(t, "open", vm(0))
	app.await(t, "button", "Start").act(t)
	app.await(t, "toggle button", "Work Under Way")
	app.do(t, "open", vm(1))
	app.await(t, "label", "vm-1")
	app.do(t, "open", vm(0))
	close(goOn)
	app.await(t, "button", "Shut Down")
}

func TestAFailureIsSaidInTheServicesWords(t *testing.T) {
	world, _, app := fake(t, 1)
	const sentence = "The network “lan” of “vm-0” is not active."
	world.HV.Hook("start", func(context.Context, string) error {
		return errs.New(errs.InvalidState, "%s", sentence)
	})
	app.do(t, "open", vm(0))
	app.await(t, "button", "Start").act(t)
	app.await(t, "label", "“vm-0” Did Not Start")
	app.await(t, "label", sentence)
	app.await(t, "button", "Close").act(t)
	world.HV.Hook("start", nil)
	app.await(t, "button", "Start").act(t)
	app.await(t, "button", "Shut Down")
}

func TestWhatIsNotAllowedCannotBePressed(t *testing.T) {
	world, _, app := fake(t, 1)
	app.do(t, "open", vm(0))
	start := app.await(t, "button", "Start")
	awaitThat(t, "button that can be pressed", func() bool { return start.is(sensitive) })
	world.Polkit.Add(polkittest.Rule{Action: "org.kvmmanager.vm.control", Answer: polkittest.No})
	world.Polkit.EmitChanged()
	awaitThat(t, "button that cannot be pressed", func() bool { return !start.is(sensitive) })
}

func TestTheServiceGoesAndComesBack(t *testing.T) {
	world, service, app := fake(t, 1)
	const stopped = "The service has stopped. What is shown may be old."
	service.Stop()
	app.await(t, "label", stopped)
	world.HV.Put(fakehv.VM(1, "new"))
	serve(t, world)
	app.await(t, "list item", "new")
	awaitThat(t, "window without trouble", func() bool {
		_, shown := app.find("label", stopped)
		return !shown
	})
}

func TestAThousandVMs(t *testing.T) {
	const many = 1000
	world, _, app := fake(t, many)
	app.do(t, "search", "vm-77")
	app.await(t, "list item", "vm-777")
	for n := range many {
		vm := fakehv.VM(n, fmt.Sprintf("vm-%d", n))
		vm.State, vm.ID, vm.Title = model.VMRunning, int32(n+1), fmt.Sprintf("Running vm-%d", n)
		world.HV.Put(vm)
	}
	app.await(t, "list item", "Running vm-777")
	app.do(t, "search", "")
	app.await(t, "list item", "Running vm-1")
}

func TestAServiceThatIsNotThere(t *testing.T) {
	world := servicetest.New(t, nil)
	app := open(t, "DBUS_SYSTEM_BUS_ADDRESS="+world.Bus.Address)
	app.await(t, "label", "The Service Is Not Installed")
	serve(t, world)
	app.await(t, "label", "No Virtual Machines")
}

func TestAllHostsAreShown(t *testing.T) {
	world, service, app := fake(t, 1)
	if _, err := service.Inventory().Add("second", "fake:///other"); err != nil {
		t.Fatal(err)
	}
	service.HostsChanged()
	app.await(t, "list item", "This Computer")
	world.HV.GoDown(errs.New(errs.Disconnected, "libvirt does not answer."))
	app.await(t, "button", "Connect Again")
	app.await(t, "label", "libvirt does not answer.")
	world.HV.ComeUp()
	awaitThat(t, "host that is connected", func() bool {
		_, shown := app.find("button", "Connect Again")
		return !shown
	})
}
