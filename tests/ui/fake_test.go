//go:build display

package ui_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

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
	app.await(t, "toggle button", "Running Tasks")
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

func TestWhatASearchHidesCanBeOpened(t *testing.T) {
	_, _, app := fake(t, 2)
	app.do(t, "search", "vm-1")
	awaitThat(t, "list without the other VM", func() bool {
		_, shown := app.find("list item", "vm-0")
		return !shown
	})
	app.do(t, "open", vm(0))
	app.await(t, "label", "vm-0")
	app.await(t, "button", "Start")
	app.do(t, "open", localHost)
	app.await(t, "label", "libvirt answers.")
}

func TestASearchInANarrowWindowShowsTheList(t *testing.T) {
	_, _, app := fake(t, 2)
	app.xdotool(t, append(slices.Clone(findWindow), "windowsize", "--sync", "400", "700")...)
	app.do(t, "open", vm(0))
	app.await(t, "button", "Start")
	awaitThat(t, "page in place of the list", func() bool {
		_, shown := app.find("list item", "vm-1")
		return !shown
	})
	app.press(t, "ctrl+f")
	app.await(t, "list item", "vm-1")
	app.press(t, "v", "m", "minus", "0")
	awaitThat(t, "list of what is looked for", func() bool {
		_, shown := app.find("list item", "vm-1")
		return !shown
	})
	app.await(t, "list item", "vm-0")
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
	app.await(t, "label", "This Computer: libvirt does not answer.")
	world.HV.ComeUp()
	awaitThat(t, "host that is connected", func() bool {
		_, shown := app.find("button", "Connect Again")
		return !shown
	})
}

func TestAPageSaysThatItsHostIsLost(t *testing.T) {
	world, _, app := fake(t, 1)
	on := fakehv.VM(0, "vm-0")
	on.State, on.ID, on.StartedAt = model.VMRunning, 1, time.Now()
	world.HV.Put(on)
	app.do(t, "open", vm(0))
	stop := app.await(t, "button", "Shut Down")
	awaitThat(t, "button that can be pressed", func() bool { return stop.is(sensitive) })
	world.HV.GoDown(errs.New(errs.Disconnected, "libvirt does not answer."))
	app.await(t, "label", "Running · Not connected")
	awaitThat(t, "button that cannot be pressed", func() bool { return !stop.is(sensitive) })
	world.HV.ComeUp()
	awaitThat(t, "button that can be pressed again", func() bool { return stop.is(sensitive) })
}

func TestWhatLooksLikeMarkupIsShownAsItIs(t *testing.T) {
	world, _, app := fake(t, 2)
	named := fakehv.VM(0, "vm-0")
	named.Title = "R&D <b>"
	world.HV.Put(named)
	app.do(t, "open", vm(0))
	app.await(t, "button", "Start")
	x, y := app.await(t, "list item", "vm-1").middle(t)
	app.xdotool(t, "mousemove", fmt.Sprint(x), fmt.Sprint(y), "keydown", "ctrl", "click", "1", "keyup", "ctrl")
	app.await(t, "label", "R&D <b>, vm-1")
	world.HV.GoDown(errs.New(errs.Disconnected, "libvirt <does> not answer & will not."))
	app.await(t, "label", "This Computer: libvirt <does> not answer & will not.")
}

func TestAFailedStartOffersWhatHelps(t *testing.T) {
	world, _, app := fake(t, 1)
	world.HV.Hook("start", func(context.Context, string) error {
		return errs.New(errs.LibvirtFailed, "It does not work.")
	})
	world.HV.PutStartChecks(fakehv.UUID(0), model.StartCheck{
		ID: "saved-state", Status: model.CheckError, Message: "The saved state could not be restored.", Hint: "Discard it.",
		Fix: model.FixDiscardState, Object: model.VMPath(fakehv.UUID(0)),
	})
	saved := fakehv.VM(0, "vm-0")
	saved.HasSavedState = true
	world.HV.Put(saved)
	app.do(t, "open", vm(0))
	app.await(t, "button", "Start").act(t)
	app.await(t, "label", "“vm-0” Did Not Start")
	app.await(t, "list item", "The saved state could not be restored.")
	app.await(t, "button", "Discard Saved State").act(t)
	awaitThat(t, "saved state that was discarded", func() bool {
		return slices.Contains(world.HV.Calls(), "discard-saved-state "+fakehv.UUID(0))
	})
	world.HV.Hook("start", nil)
	app.await(t, "label", "“vm-0” can be started again")
}

func TestAnImageThatCannotBeReadIsCopied(t *testing.T) {
	world, _, app := fake(t, 1)
	pool := &model.StoragePool{UUID: fakehv.UUID(200), Name: "default", Kind: "dir", State: model.PoolRunning, Active: true}
	world.HV.PutPool(pool)
	locked := fakehv.VM(0, "vm-0")
	locked.Disks = []*model.Device{{ID: "disk-vda", Kind: model.KindDisk, Type: "file", Target: "vda", Source: "/home/alice/a.img"}}
	world.HV.Put(locked)
	world.HV.Hook("start", func(context.Context, string) error {
		return errs.New(errs.PermissionDenied, "The hypervisor may not read it.")
	})
	world.HV.PutStartChecks(fakehv.UUID(0), model.StartCheck{
		ID: "disk", Status: model.CheckError, Message: "The image is in a folder that the hypervisor may not enter.", Hint: "Copy it.",
		Fix: model.FixMoveDisk, Object: model.VMPath(fakehv.UUID(0)), Device: "disk-vda", Pool: pool.Path(),
	})
	app.do(t, "open", vm(0))
	app.await(t, "button", "Start").act(t)
	app.await(t, "button", "Copy Image to Storage Pool").act(t)
	app.await(t, "label", "“vm-0” can be started again")
	if !slices.Contains(world.HV.Volumes(), fakehv.UUID(200)+"/a.img") {
		t.Errorf("the volumes are %v", world.HV.Volumes())
	}
}

func TestAVMIsClonedFromItsMenu(t *testing.T) {
	_, _, app := fake(t, 1)
	app.do(t, "open", vm(0))
	app.await(t, "button", "Start")
	app.choose(t, cloneItem)
	app.await(t, "label", "Clone “vm-0”")
	app.await(t, "button", "Clone").act(t)
	app.await(t, "list item", "vm-0 clone")
}

func TestATemplateIsClonedFromItsPage(t *testing.T) {
	_, service, app := fake(t, 1)
	app.do(t, "open", vm(0))
	app.await(t, "button", "Start")
	app.choose(t, templateItem)
	app.await(t, "button", "Clone…").act(t)
	app.await(t, "label", "Linked Clone")
	app.await(t, "button", "Cancel").act(t)
	if found := service.Inventory().Host(model.HostPath("local")).FindVM("vm-0"); !found.Template {
		t.Error("it is no template")
	}
}

func TestDisksAreDeletedWithTheirVM(t *testing.T) {
	world, _, app := fake(t, 2)
	disk := func(id, source string) *model.Device {
		return &model.Device{ID: "disk-" + id, Kind: model.KindDisk, Type: "file", Target: id, Source: source}
	}
	mine, other := fakehv.VM(0, "vm-0"), fakehv.VM(1, "vm-1")
	mine.Disks = []*model.Device{disk("vda", "/p/own.qcow2"), disk("vdb", "/p/data.qcow2"), disk("vdc", "/p/common.qcow2")}
	other.Disks = []*model.Device{disk("vda", "/p/common.qcow2")}
	other.Title, mine.Title = "The other", "With disks"
	world.HV.Put(other)
	world.HV.Put(mine)
	app.await(t, "list item", "The other")
	app.await(t, "list item", "With disks")
	app.do(t, "open", vm(0))
	app.await(t, "button", "Start")
	app.choose(t, deleteItem)
	common := app.await(t, "checkbox", "vdc · common.qcow2 · “The other” uses it, too")
	if common.is(sensitive) {
		t.Error("the disk of another VM can be deleted")
	}
	if own := app.await(t, "checkbox", "vdb · data.qcow2"); !own.is(checked) || common.is(checked) {
		t.Error("not the disks are checked that nobody else uses")
	}
	app.await(t, "button", "Delete").act(t)
	app.await(t, "button", "Undo")
	awaitThat(t, "disk that was deleted", func() bool {
		calls := world.HV.Calls()
		return slices.Contains(calls, "delete-volume /p/own.qcow2") && slices.Contains(calls, "delete-volume /p/data.qcow2")
	})
	if calls := world.HV.Calls(); slices.Contains(calls, "delete-volume /p/common.qcow2") {
		t.Errorf("more was deleted: %v", calls)
	}
}

func TestWhatTheGuestSaysIsOnTheOverview(t *testing.T) {
	world, _, app := fake(t, 1)
	guest := fakehv.VM(0, "vm-0")
	guest.State, guest.ID, guest.GuestAgent = model.VMRunning, 1, model.AgentConnected
	world.HV.Put(guest)
	app.do(t, "open", vm(0))
	app.await(t, "label", "Guest")
	app.await(t, "label", "6.1.0-fake")
	app.await(t, "label", "/: 2 GiB of 8 GiB used")
	guest.GuestAgent = model.AgentDisconnected
	world.HV.Put(guest)
	awaitThat(t, "overview without the guest", func() bool {
		_, shown := app.find("label", "6.1.0-fake")
		return !shown
	})
}

func TestAVMThatIsDeletedWhileItIsFilteredOutIsShownNoLonger(t *testing.T) {
	world, _, app := fake(t, 2)
	app.do(t, "open", vm(0))
	app.await(t, "button", "Start")
	app.do(t, "search", "vm-1")
	awaitThat(t, "list without vm-0", func() bool {
		_, listed := app.find("list item", "vm-0")
		return !listed
	})
	if _, shown := app.find("button", "Start"); !shown {
		t.Error("the page went with the search")
	}
	world.HV.Drop(fakehv.UUID(0))
	app.await(t, "label", "No Virtual Machine Selected")
}

func TestWhatWasWrittenStaysUntilItIsSaved(t *testing.T) {
	world, _, app := fake(t, 1)
	world.Polkit.Add(polkittest.Rule{Action: "org.kvmmanager.vm.configure", Answer: polkittest.Dismiss})
	app.do(t, "open", vm(0))
	app.await(t, "button", "Start")
	app.choose(t, editItem)
	app.await(t, "text box", "Title").write(t, "A new title")
	app.await(t, "text box", "Name").write(t, "")
	save := app.await(t, "button", "Save")
	awaitThat(t, "name that cannot be saved", func() bool { return !save.is(sensitive) })
	app.await(t, "text box", "Name").write(t, "vm-0")
	awaitThat(t, "name that can be saved", func() bool { return save.is(sensitive) })
	save.act(t)
	awaitThat(t, "question for a password", func() bool {
		return slices.ContainsFunc(world.Polkit.Checks(), func(c polkittest.Check) bool { return c.Interactive })
	})
	awaitThat(t, "dialog that can be used again", func() bool { return save.is(sensitive) })
	if title := app.await(t, "text box", "Title").content(); title != "A new title" {
		t.Errorf("what was written is %q now", title)
	}
	world.Polkit.Add(polkittest.Rule{Action: "org.kvmmanager.vm.configure", Answer: polkittest.Authenticate})
	save.act(t)
	app.await(t, "list item", "A new title")
	awaitThat(t, "dialog that is closed", func() bool {
		_, open := app.find("button", "Save")
		return !open
	})
}

func TestTheLastVMWithATagTakesItsFilterAlong(t *testing.T) {
	world, _, app := fake(t, 2)
	tagged := fakehv.VM(0, "vm-0")
	tagged.Tags = []string{"web"}
	world.HV.Put(tagged)
	// The action is there before the tag is known, so what it filters by is, too.
	awaitThat(t, "list of the tag", func() bool {
		app.inWindow(t, "tag", "web")
		_, other := app.find("list item", "vm-1")
		return !other
	})
	world.HV.Put(fakehv.VM(0, "vm-0"))
	app.await(t, "list item", "vm-1")
}
