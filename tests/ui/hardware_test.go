//go:build display

package ui_test

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/model"
)

// volume makes a volume in the pool "default" that is gone after the test, and
// waits until the service knows it.
func volume(t *testing.T, s *client.Client, name string) {
	t.Helper()
	if out, err := exec.Command("virsh", "vol-create-as", "default", name, "1G", "--format", "qcow2").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Cleanup(func() { _ = exec.Command("virsh", "vol-delete", name, "default").Run() })
	awaitThat(t, "volume "+name, func() bool {
		for _, pool := range s.Pools() {
			if slices.ContainsFunc(s.Volumes(pool.Path()), func(v *model.StorageVolume) bool { return v.Name == name }) {
				return true
			}
		}
		return false
	})
}

// asItWas puts tiny's stored configuration back after the test.
func asItWas(t *testing.T, s *client.Client) {
	t.Helper()
	xml, err := s.GetXML(t.Context(), tiny, client.Inactive())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.SetXML(context.Background(), tiny, xml); err != nil {
			t.Error(err)
		}
	})
}

// drive is tiny's drive with this name, or nil.
func drive(s *client.Client, target string) *model.Device {
	for _, d := range s.VM(tiny).Disks {
		if d.Target == target {
			return d
		}
	}
	return nil
}

// click presses a button as soon as it can be pressed.
func (a application) click(t *testing.T, name string) {
	t.Helper()
	button := a.await(t, "button", name)
	awaitThat(t, name+" that can be pressed", func() bool { return button.is(sensitive) })
	button.act(t)
}

// atHardware opens the client at tiny's hardware.
func atHardware(t *testing.T) application {
	t.Helper()
	app := open(t)
	app.await(t, "list item", "A tiny guest")
	app.do(t, "open", string(tiny))
	app.do(t, "show", "hardware")
	app.await(t, "button", "Add Device…")
	return app
}

func TestADiskIsMadeAddedAndRemoved(t *testing.T) {
	s := service(t)
	asItWas(t, s)
	app := atHardware(t)
	app.click(t, "Add Device…")
	app.haveNames(t, "the kinds of devices", 19)
	app.click(t, "Disk")
	app.await(t, "label", "Takes effect when the virtual machine is started")
	app.haveNames(t, "the dialog for a new disk", 8)
	app.await(t, "text box", "Name").write(t, "new & larger.qcow2")
	app.click(t, "Add")
	t.Cleanup(func() { _ = exec.Command("virsh", "vol-delete", "new & larger.qcow2", "default").Run() })
	awaitThat(t, "disk", func() bool { d := drive(s, "vdb"); return d != nil && d.Capacity == 20<<30 })

	app.click(t, "Disk · vdb · virtio · 20 GiB")
	app.haveNames(t, "the dialog of a disk", 6)
	app.click(t, "Remove…")
	app.await(t, "label", "Remove “Disk · vdb” From “A tiny guest”?")
	app.click(t, "Remove")
	awaitThat(t, "VM without the disk", func() bool { return drive(s, "vdb") == nil })
}

func TestAPortOfTheHostIsForwardedToAGuest(t *testing.T) {
	s := service(t)
	asItWas(t, s)
	app := atHardware(t)
	app.click(t, "Add Device…")
	app.click(t, "Network card")
	app.await(t, "combo box", "Connected To")
	app.pick(t, "Connected To", "The user's own network")
	app.await(t, "spin button", "Port of the Guest")
	app.await(t, "spin button", "Port of the Host").set(t, 2222)
	app.click(t, "Forward This Port")
	app.await(t, "label", "Host 2222 → Guest 22")
	app.haveNames(t, "the dialog for a new network card", 8)
	app.click(t, "Forward This Port")
	app.await(t, "label", "The tcp port 2222 of the host is forwarded twice.")
	app.await(t, "label", "Takes effect when the virtual machine is started")
	app.click(t, "Add")
	want := []model.PortForward{{Protocol: "tcp", HostPort: 2222, GuestPort: 22}}
	awaitThat(t, "card that forwards the port", func() bool {
		return slices.ContainsFunc(s.VM(tiny).Interfaces, func(d *model.Device) bool { return slices.Equal(d.PortForwards, want) })
	})
}

func TestANetworkCardIsUnplugged(t *testing.T) {
	s := service(t)
	asItWas(t, s)
	app := atHardware(t)
	app.click(t, "Network card · virtio")
	app.turnOn(t, "Cable Unplugged")
	app.await(t, "label", "Takes effect when the virtual machine is started")
	app.click(t, "Apply")
	awaitThat(t, "card without its cable", func() bool { return s.VM(tiny).Interfaces[0].LinkDown })
}

func TestAMediumIsEjected(t *testing.T) {
	s := service(t)
	asItWas(t, s)
	volume(t, s, "medium.qcow2")
	if _, _, err := s.AddDevice(t.Context(), tiny, map[string]any{"kind": "cdrom", "pool": "default", "volume": "medium.qcow2"}); err != nil {
		t.Fatal(err)
	}
	app := atHardware(t)
	app.click(t, "Eject the Medium of sda")
	awaitThat(t, "empty drive", func() bool { d := drive(s, "sda"); return d != nil && d.Source == "" })
}

func TestALostUpdateIsToldAndTheFormShowsWhatThereIs(t *testing.T) {
	s := service(t)
	asItWas(t, s)
	app := atHardware(t)
	app.click(t, "Network card · virtio")
	app.turnOn(t, "Cable Unplugged")
	app.await(t, "label", "Takes effect when the virtual machine is started")
	if err := s.SetDescription(t.Context(), tiny, fmt.Sprint("changed ", s.VM(tiny).ConfigVersion)); err != nil {
		t.Fatal(err)
	}
	app.click(t, "Apply")
	app.await(t, "label", "“A tiny guest” Was Not Changed")
	app.click(t, "Close")
	if s.VM(tiny).Interfaces[0].LinkDown {
		t.Error("the card was changed")
	}
	app.turnOn(t, "Cable Unplugged")
	app.click(t, "Apply")
	awaitThat(t, "card without its cable", func() bool { return s.VM(tiny).Interfaces[0].LinkDown })
}

func TestTheDefinitionIsReadAndEdited(t *testing.T) {
	s := service(t)
	asItWas(t, s)
	app := atHardware(t)
	app.click(t, "Definition")
	view := app.await(t, "text box", "Definition")
	awaitThat(t, "definition", func() bool { return strings.Contains(view.content(), "<domain") })
	app.haveNames(t, "the dialog with the definition", 3)
	app.click(t, "Edit")
	app.await(t, "button", "Apply")
	view.write(t, strings.Replace(view.content(), "<title>A tiny guest</title>", "<title>Edited &amp; checked</title>", 1))
	app.click(t, "Apply")
	awaitThat(t, "title", func() bool { return s.VM(tiny).Title == "Edited & checked" })
}

func TestADefinitionThatIsWrittenIsNotLostToAnotherChange(t *testing.T) {
	s := service(t)
	asItWas(t, s)
	app := atHardware(t)
	app.click(t, "Definition")
	app.await(t, "text box", "Definition")
	app.click(t, "Edit")
	app.await(t, "button", "Apply")
	view := app.await(t, "text box", "Definition")
	awaitThat(t, "definition", func() bool { return strings.Contains(view.content(), "<domain") })
	mine := strings.Replace(view.content(), "<title>A tiny guest</title>", "<title>Mine</title>", 1)
	view.write(t, mine)
	if err := s.SetDescription(t.Context(), tiny, fmt.Sprint("changed ", s.VM(tiny).ConfigVersion)); err != nil {
		t.Fatal(err)
	}
	app.click(t, "Apply")
	app.await(t, "label", "“A tiny guest” Was Not Changed")
	app.click(t, "Cancel")
	awaitThat(t, "question that is answered", func() bool {
		_, asked := app.find("label", "“A tiny guest” Was Not Changed")
		return !asked
	})
	if view.content() != mine {
		t.Error("what was written is gone")
	}
	app.press(t, "Escape")
	app.await(t, "label", "Discard What You Have Written?")
	app.click(t, "Cancel")
	app.click(t, "Apply")
	app.click(t, "Load It")
	awaitThat(t, "definition of now", func() bool { return strings.Contains(view.content(), "<description>changed ") })
	app.click(t, "Apply")
	awaitThat(t, "dialog that is closed", func() bool {
		_, open := app.find("button", "Apply")
		return !open
	})
}

func TestTheBootOrderIsMovedByKeyboard(t *testing.T) {
	s := service(t)
	asItWas(t, s)
	app := atHardware(t)
	app.click(t, "Boot order")
	app.await(t, "button", "Apply")
	first, second := s.VM(tiny).Disks[0], s.VM(tiny).Interfaces[0]
	app.moveUntil(t, "Tab", "the first device", func(n node) bool { return n.role() == "list item" && n.labelled("Disk · "+first.Target) })
	app.press(t, "alt+Down")
	app.tabOnto(t, "button", "Apply")
	app.press(t, "space")
	awaitThat(t, "order that was moved", func() bool {
		order := s.VM(tiny).BootOrder
		return slices.Index(order, first.ID) > slices.Index(order, second.ID)
	})
}

func TestAMediumIsChosen(t *testing.T) {
	s := service(t)
	asItWas(t, s)
	volume(t, s, "medium.qcow2")
	if _, _, err := s.AddDevice(t.Context(), tiny, map[string]any{"kind": "cdrom"}); err != nil {
		t.Fatal(err)
	}
	app := atHardware(t)
	app.click(t, "CD drive · sda · sata")
	app.pick(t, "Medium", "medium.qcow2 · 1 GiB")
	app.await(t, "label", "Takes effect when the virtual machine is started")
	app.click(t, "Apply")
	awaitThat(t, "drive with its medium", func() bool {
		d := drive(s, "sda")
		return d != nil && strings.HasSuffix(d.Source, "/medium.qcow2")
	})
}

func TestADiskIsResized(t *testing.T) {
	s := service(t)
	asItWas(t, s)
	volume(t, s, "grows.qcow2")
	if _, _, err := s.AddDevice(t.Context(), tiny, map[string]any{"kind": "disk", "pool": "default", "volume": "grows.qcow2"}); err != nil {
		t.Fatal(err)
	}
	app := atHardware(t)
	app.click(t, "Disk · vdb · virtio · 1 GiB")
	app.await(t, "spin button", "Size in GiB").set(t, 2.5)
	app.click(t, "Apply")
	awaitThat(t, "larger disk", func() bool { d := drive(s, "vdb"); return d != nil && d.Capacity == 5<<29 })
}

func TestTheMachineIsChanged(t *testing.T) {
	s := service(t)
	asItWas(t, s)
	app := atHardware(t)
	app.click(t, "Machine type")
	app.await(t, "spin button", "Cores of a Socket, 0 for any").set(t, 1)
	app.await(t, "spin button", "Sockets, 0 for any").set(t, 1)
	app.await(t, "spin button", "Threads of a Core, 0 for any").set(t, 1)
	app.turnOn(t, "Memory Can Be Shared, as Folders Need")
	app.await(t, "label", "Takes effect when the virtual machine is started")
	app.click(t, "Apply")
	awaitThat(t, "machine that was changed", func() bool {
		vm := s.VM(tiny)
		return vm.SharedMemory && vm.CPUSockets == 1 && vm.CPUCores == 1 && vm.CPUThreads == 1
	})
}
