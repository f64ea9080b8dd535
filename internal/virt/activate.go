package virt

import (
	"context"

	"libvirt.org/go/libvirt"
)

// StartPool starts a storage pool; see inventory.Conn.
func (c *Conn) StartPool(ctx context.Context, uuid string) error {
	_, err := operate(ctx, c, work[struct{}]{uuid: uuid}, func(conn *libvirt.Connect) (struct{}, error) {
		p, err := conn.LookupStoragePoolByUUIDString(uuid)
		if err != nil {
			return struct{}{}, err
		}
		defer p.Free()
		return struct{}{}, p.Create(libvirt.STORAGE_POOL_CREATE_NORMAL)
	})
	return err
}
