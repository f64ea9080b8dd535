//go:build display

package ui_test

import (
	"slices"
	"testing"
	"time"

	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/testutil/fakehv"
	"org.kvmmanager/service/inventory"
)

// mostTabs is more than there is to tab through in a window.
const mostTabs = 40

// keyboard is what has the focus below a node; false if nothing there has.
func (n node) keyboard() (found node, ok bool) {
	n.each(func(c node) bool {
		if c.is(focused) {
			found, ok = c, true
		}
		return !ok
	})
	return found, ok
}

// move presses a key that moves the focus, waits until it has moved, or does not
// any more, and returns what has it then.
func (a application) move(t *testing.T, from node, key string) node {
	t.Helper()
	a.press(t, key)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(3 * time.Second); from.Path != "" && from.is(focused) && time.Now().Before(deadline); {
		<-tick.C
	}
	now, _ := a.keyboard()
	return now
}

// moveUntil presses a key until the focus is where it is wanted.
func (a application) moveUntil(t *testing.T, key, what string, there func(node) bool) {
	t.Helper()
	now, _ := a.keyboard()
	for range mostTabs {
		if now.Path != "" && there(now) {
			return
		}
		now = a.move(t, now, key)
	}
	t.Fatalf("the focus does not get to %s", what)
}

// arrow moves the focus down to the row that is wanted, or up to it.
func (a application) arrow(t *testing.T, what string, there func(node) bool) {
	t.Helper()
	for _, key := range []string{"Down", "Up"} {
		for range mostTabs {
			now, ok := a.keyboard()
			if ok && there(now) {
				return
			}
			if next := a.move(t, now, key); next.Path == now.Path { // the end
				break
			}
		}
	}
	t.Fatalf("the focus does not get to %s", what)
}

// tabOnto moves the focus onto something with a role and a name.
func (a application) tabOnto(t *testing.T, role, name string) {
	t.Helper()
	a.moveUntil(t, "Tab", role+" "+name, func(n node) bool { return n.name() == name && n.role() == role })
}

// arrowTo moves the focus to a row of a list.
func (a application) arrowTo(t *testing.T, list, row string) {
	t.Helper()
	a.moveUntil(t, "Tab", list, func(node) bool {
		n, ok := a.find("list", list)
		if ok {
			_, ok = n.keyboard()
		}
		return ok
	})
	a.arrow(t, row+" in "+list, func(n node) bool { return n.name() == row && n.role() == "list item" })
}

// pick chooses an item of a combo row, by keyboard.
func (a application) pick(t *testing.T, combo, item string) {
	t.Helper()
	a.await(t, "combo box", combo)
	a.tabOnto(t, "combo box", combo)
	a.press(t, "space")
	awaitThat(t, "items of "+combo, a.opened)
	a.arrow(t, item+" of "+combo, func(n node) bool { return n.labelled(item) })
	a.press(t, "Return")
	awaitThat(t, combo+" that is "+item, func() bool {
		row, ok := a.find("combo box", combo)
		return ok && row.labelled(item) && !a.opened()
	})
}

// opened is whether the items of a combo row are shown.
func (a application) opened() bool {
	n, ok := a.keyboard()
	return ok && n.role() == "list item" && n.name() == ""
}

// labelled is whether a label with this text is shown in a node.
func (n node) labelled(text string) bool {
	_, ok := n.find("label", text)
	return ok
}

func TestTheListsOfAHostAreReachedByKeyboard(t *testing.T) {
	world, _, app := fake(t, 2)
	for i, name := range []string{"lan", "wan"} {
		world.HV.PutNetwork(&model.Network{UUID: fakehv.UUID(10 + i), Name: name, Mode: "nat", Persistent: true})
		world.HV.PutPool(&model.StoragePool{UUID: fakehv.UUID(20 + i), Name: name + " pool", Kind: "dir", State: model.PoolRunning, Active: true, Persistent: true})
	}
	for _, name := range []string{"a.qcow2", "b.qcow2", "c.qcow2"} {
		world.HV.PutVolume(fakehv.UUID(20), inventory.VolumeInfo{Name: name, Capacity: 1 << 30, Format: "qcow2"}, nil)
	}
	app.do(t, "open", localHost)
	app.do(t, "show", "networks")
	app.await(t, "list item", "wan")
	app.arrowTo(t, "Networks", "lan")
	app.tabOnto(t, "button", "Start")
	app.press(t, "space")
	awaitThat(t, "first network that starts", func() bool { return slices.Contains(world.HV.Calls(), "start-network "+fakehv.UUID(10)) })
	app.arrowTo(t, "Networks", "wan")
	app.tabOnto(t, "button", "Start")
	app.press(t, "space")
	awaitThat(t, "second network that starts", func() bool { return slices.Contains(world.HV.Calls(), "start-network "+fakehv.UUID(11)) })

	app.do(t, "show", "storage")
	app.await(t, "list item", "wan pool")
	app.arrowTo(t, "Storage pools", "wan pool")
	app.await(t, "label", "No Volumes")
	app.arrowTo(t, "Storage pools", "lan pool")
	app.await(t, "list item", "b.qcow2")
	app.arrowTo(t, "Volumes", "b.qcow2")
	app.press(t, "Return")
	app.await(t, "dialog", "b.qcow2")
	app.tabOnto(t, "button", "Clone…")
	app.press(t, "space")
	app.await(t, "label", "Clone “b.qcow2”")
}
