package fakehv

import (
	"bytes"
	"context"
	"io"
	"maps"
	"slices"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/service/inventory"
)

// volume is one with what was written into it.
type volume struct {
	inventory.VolumeInfo
	content []byte
}

// PutVolume adds a volume with this content to a pool.
func (h *Hypervisor) PutVolume(pool string, info inventory.VolumeInfo, content []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	info.Path = "/fake/" + pool + "/" + info.Name
	h.volumes[pool+"/"+info.Name] = &volume{info, content}
}

// Volumes is the paths of all volumes.
func (h *Hypervisor) Volumes() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Sorted(maps.Keys(h.volumes))
}

// Content is what a volume has.
func (h *Hypervisor) Content(pool, name string) []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	if v := h.volumes[pool+"/"+name]; v != nil {
		return v.content
	}
	return nil
}

// onVolume makes an operation on a volume that exists.
func (c *Conn) onVolume(ctx context.Context, operation, pool, name string, do func(*volume)) error {
	if err := c.enter(ctx, operation, name); err != nil {
		return err
	}
	c.h.mu.Lock()
	defer c.h.mu.Unlock()
	v := c.h.volumes[pool+"/"+name]
	if v == nil {
		return errs.New(errs.NotFound, "This storage volume does not exist.")
	}
	do(v)
	return nil
}

// FindVolume implements inventory.Conn.
func (c *Conn) FindVolume(ctx context.Context, pool, name string) (info inventory.VolumeInfo, err error) {
	err = c.onVolume(ctx, "find-volume", pool, name, func(v *volume) { info = v.VolumeInfo })
	return info, err
}

// PeekVolume implements inventory.Conn.
func (c *Conn) PeekVolume(ctx context.Context, pool, name string, offset, length uint64) (data []byte, err error) {
	err = c.onVolume(ctx, "peek-volume", pool, name, func(v *volume) {
		size := uint64(len(v.content))
		data = v.content[min(offset, size):min(offset+length, size)]
	})
	return data, err
}

// MakeVolume implements inventory.Conn.
func (c *Conn) MakeVolume(ctx context.Context, pool string, v inventory.VolumeInfo) (inventory.VolumeInfo, error) {
	if err := c.enter(ctx, "make-volume", v.Name); err != nil {
		return v, err
	}
	if _, err := c.FindVolume(ctx, pool, v.Name); err == nil {
		return v, errs.New(errs.AlreadyExists, "A storage volume with this name exists already.")
	}
	c.h.PutVolume(pool, v, nil)
	return c.FindVolume(ctx, pool, v.Name)
}

// FillVolume implements inventory.Conn. The hook runs when half is written.
func (c *Conn) FillVolume(ctx context.Context, pool, name string, from io.Reader, length uint64) error {
	var content bytes.Buffer
	if _, err := io.CopyN(&content, from, int64(length/2)); err != nil {
		return err
	}
	if err := c.enter(ctx, "fill-volume", name); err != nil {
		return err
	}
	if _, err := io.CopyN(&content, from, int64(length-length/2)); err != nil {
		return err
	}
	return c.onVolume(ctx, "filled-volume", pool, name, func(v *volume) { v.content = content.Bytes() })
}

// DuplicateVolume implements inventory.Conn.
func (c *Conn) DuplicateVolume(ctx context.Context, fromPool, from, pool string, v inventory.VolumeInfo) (inventory.VolumeInfo, error) {
	var content []byte
	if err := c.onVolume(ctx, "duplicate-volume", fromPool, from, func(v *volume) { content = v.content }); err != nil {
		return v, err
	}
	c.h.PutVolume(pool, v, content)
	return c.FindVolume(ctx, pool, v.Name)
}

// GrowVolume implements inventory.Conn.
func (c *Conn) GrowVolume(ctx context.Context, pool, name string, capacity uint64) error {
	return c.onVolume(ctx, "grow-volume", pool, name, func(v *volume) { v.Capacity = capacity })
}

// DropVolume implements inventory.Conn.
func (c *Conn) DropVolume(ctx context.Context, pool, name string) error {
	if err := c.onVolume(ctx, "drop-volume", pool, name, func(*volume) {}); err != nil {
		return err
	}
	c.h.mu.Lock()
	defer c.h.mu.Unlock()
	delete(c.h.volumes, pool+"/"+name)
	return nil
}
