//go:build display

package ui_test

import (
	"context"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/testutil/fakehv"
)

func TestANewVMCanBeAskedFor(t *testing.T) {
	_, _, app := fake(t, 1)
	app.await(t, "button", "New Virtual Machine").act(t)
	next := app.await(t, "button", "Next")
	if next.is(sensitive) {
		t.Error("one can go on without a name and a file")
	}
	app.await(t, "button", "Choose File…")
	app.each(func(n node) bool {
		// The item that a combo box shows is part of it, and named by the box.
		if role := n.role(); role != "list item" && slices.Contains(roles, role) && n.name() == "" {
			t.Errorf("a %s has no name: %s", n.role(), n.Path)
		}
		return true
	})
}

// TestTheAddressOfAMediumIsLookedAt chooses the last source, with the keyboard.
func TestTheAddressOfAMediumIsLookedAt(t *testing.T) {
	_, _, app := fake(t, 1)
	app.await(t, "button", "New Virtual Machine").act(t)
	next := app.await(t, "button", "Next")
	app.await(t, "text box", "Name").write(t, "web")
	app.tabTo(t, "combo box")
	app.press(t, "space", "End", "Return")
	address := app.await(t, "text box", "Address, such as https://example.org/debian.iso")
	address.write(t, "https://example.org/debian/")
	app.await(t, "label", "The address is that of a folder. Give that of an ISO image: from a folder with a kernel nothing can be installed.")
	if next.is(sensitive) {
		t.Error("one can go on with a folder")
	}
	address.write(t, "https://example.org/debian.iso")
	awaitThat(t, "one can go on", func() bool { return next.is(sensitive) })
	next.act(t)
	app.await(t, "button", "Review").act(t)
	app.await(t, "label", "https://example.org/debian.iso")
}

func TestWithoutVMsOneIsOffered(t *testing.T) {
	_, _, app := fake(t, 0)
	app.await(t, "button", "New Virtual Machine…").act(t)
	app.await(t, "button", "Next")
}

// gone deletes a VM after the test, with its disks.
func gone(t *testing.T, s *client.Client, name string) {
	t.Helper()
	t.Cleanup(func() {
		awaitThat(t, "VM "+name+" that is deleted", func() bool {
			vm := vmCalled(s, name)
			if vm == nil {
				return true
			}
			// Both fail as long as the job goes on that makes and starts it.
			_, _ = s.PowerOff(context.Background(), vm.Path(), client.Wait()) // which fails if it is off
			_, err := s.Delete(context.Background(), vm.Path(), client.Wait(), client.DeleteStorage("*"))
			return err == nil
		})
	})
}

// vmCalled is the VM of the real host with a name, or nil.
func vmCalled(s *client.Client, name string) *model.VM {
	for _, vm := range s.VMs() {
		if vm.Host == localHost && vm.Name == name {
			return vm
		}
	}
	return nil
}

func TestANewVMIsMadeThroughAllSteps(t *testing.T) {
	s := service(t)
	const name = "ui & <new>"
	gone(t, s, name)
	app := open(t)
	app.await(t, "list item", "A tiny guest")
	app.await(t, "button", "New Virtual Machine").act(t)
	app.await(t, "text box", "Name").write(t, name)
	app.pick(t, "Start From", "Empty disk")
	app.click(t, "Next")
	app.await(t, "spin button", "Disk in GiB").set(t, 3)
	app.await(t, "spin button", "Memory in MiB").set(t, 256)
	app.haveNames(t, "the second step", 8)
	app.click(t, "Back")
	app.await(t, "button", "Next")
	app.click(t, "Next") // what was chosen is still there
	app.tabOnto(t, "list item", "Advanced")
	app.press(t, "space")
	app.await(t, "combo box", "Machine Type")
	app.haveNames(t, "the advanced choices", 14)
	app.pick(t, "Disk Format", "raw")
	app.pick(t, "Network", "None")
	app.click(t, "Review")
	app.await(t, "label", "3 GiB")
	app.await(t, "label", "256 MiB")
	app.haveNames(t, "the third step", 5)
	app.click(t, "Create")
	app.await(t, "list item", name)
	vm := vmCalled(s, name)
	if vm == nil || vm.Memory != 256<<20 || len(vm.Interfaces) != 0 || len(vm.Disks) == 0 || vm.Disks[0].Capacity != 3<<30 || vm.Disks[0].Format != "raw" {
		t.Fatalf("made was %+v", vm)
	}
}

func TestANewVMIsMadeOfAnImageThatIsHandedOver(t *testing.T) {
	s := service(t)
	const name = "ui & image"
	gone(t, s, name)
	image := filepath.Join(t.TempDir(), "handed & over.qcow2")
	if out, err := exec.Command("virsh", "vol-download", "--pool", "default", "tiny.qcow2", image).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	app := open(t)
	app.await(t, "list item", "A tiny guest")
	app.await(t, "button", "New Virtual Machine").act(t)
	app.await(t, "text box", "Name").write(t, name)
	app.pick(t, "Start From", "Disk image")
	app.click(t, "Choose File…")
	app.chooseFile(t, "Choose File", image)
	app.await(t, "label", "handed & over.qcow2")
	app.click(t, "Next")
	app.await(t, "spin button", "Memory in MiB").set(t, 128)
	app.click(t, "Review")
	app.await(t, "button", "Create")
	app.click(t, "Create")
	app.await(t, "list item", name)
	awaitThat(t, "VM that runs", func() bool { vm := vmCalled(s, name); return vm != nil && vm.State == model.VMRunning })
	if vm := vmCalled(s, name); len(vm.Disks) == 0 || vm.Disks[0].Source == "" || vm.Disks[0].Source == image {
		t.Errorf("made was %+v", vm)
	}
}

func TestANewVMIsMadeByKeyboard(t *testing.T) {
	s := service(t)
	const name = "by-keyboard"
	gone(t, s, name)
	app := open(t)
	app.await(t, "list item", "A tiny guest")
	app.press(t, "ctrl+n")
	app.await(t, "button", "Next")
	app.xdotool(t, "type", "--delay", "40", name)
	awaitThat(t, "name that was typed", func() bool {
		box, ok := app.find("text box", "Name")
		return ok && box.content() == name
	})
	app.pick(t, "Start From", "Network boot")
	app.tabOnto(t, "button", "Next")
	app.press(t, "space")
	app.await(t, "button", "Review")
	app.tabOnto(t, "button", "Review")
	app.press(t, "space")
	app.await(t, "button", "Create")
	app.tabOnto(t, "button", "Create")
	app.press(t, "space")
	app.await(t, "list item", name)
	if vm := vmCalled(s, name); vm == nil || len(vm.BootOrder) == 0 {
		t.Errorf("made was %+v", vm)
	}
}

func TestANewVMIsNotKeptFromItsNetworkInSilence(t *testing.T) {
	world, _, app := fake(t, 1)
	world.HV.PutPool(&model.StoragePool{UUID: fakehv.UUID(2), Name: "images", Kind: "dir", State: model.PoolRunning, Active: true, Capacity: 1 << 40, Available: 1 << 40})
	world.HV.PutNetwork(&model.Network{UUID: fakehv.UUID(3), Name: "default", Mode: "nat", Persistent: true})
	app.await(t, "button", "New Virtual Machine").act(t)
	app.await(t, "text box", "Name").write(t, "new")
	app.pick(t, "Start From", "Empty disk")
	app.click(t, "Next")
	app.await(t, "button", "Review")
	app.click(t, "Review")
	app.await(t, "list item", "Network")
	app.await(t, "label", "default")
	app.await(t, "list item", "The network “default” is not active.")
}
