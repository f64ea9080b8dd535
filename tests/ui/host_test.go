//go:build display

package ui_test

import (
	"slices"
	"testing"

	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/testutil/fakehv"
)

const localHost = "/org/kvmmanager/hosts/local"

func TestAHostsPageIsReachedByKeyboard(t *testing.T) {
	world, _, app := fake(t, 1)
	world.HV.PutNetwork(&model.Network{UUID: fakehv.UUID(1), Name: "lan", Mode: "nat", Persistent: true})
	world.HV.PutPool(&model.StoragePool{UUID: fakehv.UUID(2), Name: "images", Kind: "dir", State: model.PoolInactive, Persistent: true})
	app.await(t, "list item", "This Computer")
	app.tabTo(t, "list item")
	app.press(t, "Home", "Return")
	app.await(t, "label", "Connected")
	app.await(t, "label", "libvirt answers.")
	app.do(t, "show", "networks")
	app.await(t, "list item", "lan")
	app.await(t, "label", "Inactive · NAT")
	app.await(t, "button", "Start").act(t)
	app.await(t, "label", "Active · NAT")
	if calls := world.HV.Calls(); !slices.Contains(calls, "start-network "+fakehv.UUID(1)) {
		t.Errorf("the network was not started: %v", calls)
	}
	app.do(t, "show", "storage")
	app.await(t, "label", "Inactive · Folder")
}

func TestEverythingOnAHostsPageHasAName(t *testing.T) {
	service(t)
	app := open(t)
	app.await(t, "list item", "This Computer")
	app.do(t, "open", localHost)
	app.await(t, "label", "Connected")
	for _, tab := range []string{"overview", "networks", "storage"} {
		app.do(t, "show", tab)
		app.haveNames(t, "the tab "+tab, 8)
	}
}
