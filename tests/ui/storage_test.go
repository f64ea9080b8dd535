//go:build display

package ui_test

import (
	"fmt"
	"testing"

	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/testutil/fakehv"
	"org.kvmmanager/service/inventory"
)

func TestAPoolIsMadeAndRemoved(t *testing.T) {
	_, _, app := fake(t, 1)
	app.do(t, "open", localHost)
	app.do(t, "show", "storage")
	app.await(t, "label", "No Storage Pools")
	app.await(t, "button", "New Storage Pool…").act(t)
	create := app.await(t, "button", "Create")
	app.haveNames(t, "the dialog for a storage pool", 6)
	app.await(t, "text box", "Name").write(t, "backups")
	awaitThat(t, "pool that can be made", func() bool { return create.is(sensitive) })
	create.act(t)
	app.await(t, "list item", "backups")
	app.await(t, "button", "Remove").act(t)
	app.await(t, "label", "Remove “backups”?")
	app.last(t, "button", "Remove").act(t)
	app.await(t, "label", "No Storage Pools")
}

func TestTenThousandVolumesAreSearched(t *testing.T) {
	const many = 10_000
	world, _, app := fake(t, 1)
	pool := fakehv.UUID(2)
	for i := range many {
		world.HV.PutVolume(pool, inventory.VolumeInfo{Name: fmt.Sprintf("disk-%d.qcow2", i), Capacity: uint64(i) << 30, Format: "qcow2"}, nil)
	}
	world.HV.PutPool(&model.StoragePool{UUID: pool, Name: "images", Kind: "dir", State: model.PoolRunning, Active: true, Persistent: true})
	app.do(t, "open", localHost)
	app.do(t, "show", "storage")
	app.await(t, "list item", "disk-0.qcow2")
	app.await(t, "search box", "Search volumes").write(t, "disk-7777 qcow")
	app.await(t, "list item", "disk-7777.qcow2")
}
