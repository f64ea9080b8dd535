package fakehv

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/inventory"
)

// CreateVolume implements inventory.Conn.
func (c *Conn) CreateVolume(ctx context.Context, pool string, v inventory.NewVolume) error {
	if err := c.enter(ctx, "create-volume", v.Name); err != nil {
		return err
	}
	return c.addVolume(pool, v, nil)
}

func (c *Conn) addVolume(pool string, v inventory.NewVolume, content []byte) error {
	if _, taken := c.h.volume(pool, v.Name); taken {
		return errs.New(errs.AlreadyExists, "A storage volume with this name exists already.")
	}
	c.h.putVolume(pool, inventory.VolumeInfo{Name: v.Name, Format: v.Format, Capacity: v.Capacity}, v.Backing, content)
	return nil
}

func (h *Hypervisor) volume(pool, name string) (*volume, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	v := h.volumes[pool+"/"+name]
	return v, v != nil
}

// CopyVolume implements inventory.Conn. The hook runs when half is copied.
func (c *Conn) CopyVolume(ctx context.Context, fromPool, from, pool string, v inventory.NewVolume, progress func(done, total uint64)) error {
	original, there := c.h.volume(fromPool, from)
	if !there {
		return errs.New(errs.NotFound, "This storage volume does not exist.")
	}
	total := uint64(max(len(original.content), 2))
	progress(total/2, total)
	if err := c.enter(context.WithoutCancel(ctx), "copy-volume", from); err != nil {
		return err
	}
	return c.addVolume(pool, v, bytes.Clone(original.content))
}

// DeleteVolumeOf implements inventory.Conn.
func (c *Conn) DeleteVolumeOf(ctx context.Context, pool, name string) error {
	v, there := c.h.volume(pool, name)
	for _, vm := range c.h.machines() {
		for _, d := range vm.Disks {
			if there && d.Source == v.Path {
				return errs.New(errs.DeviceInUse, "“%s” uses the volume “%s”.", vm.Name, name)
			}
		}
	}
	return c.drop(ctx, "delete-volume", pool, name)
}

// CheckPool implements inventory.Conn.
func (c *Conn) CheckPool(ctx context.Context, pool string) error {
	return c.enter(ctx, "check-pool", pool)
}

// CheckVolume implements inventory.Conn.
func (c *Conn) CheckVolume(ctx context.Context, _, name string) error {
	return c.enter(ctx, "check-volume", name)
}

// ResizeVolume implements inventory.Conn.
func (c *Conn) ResizeVolume(ctx context.Context, pool, name string, capacity uint64, _ bool) error {
	return c.onVolume(ctx, "resize-volume", pool, name, func(v *volume) { v.Capacity = capacity })
}

// WipeVolume implements inventory.Conn.
func (c *Conn) WipeVolume(ctx context.Context, pool, name string, progress func(done, total uint64)) error {
	progress(1, 2)
	return c.onVolume(ctx, "wipe-volume", pool, name, func(v *volume) { v.content = make([]byte, len(v.content)) })
}

// UploadVolume implements inventory.Conn. The hook runs when half is written.
func (c *Conn) UploadVolume(ctx context.Context, pool, name string, u inventory.Upload) error {
	content, err := io.ReadAll(io.NewSectionReader(u.From, 0, int64(u.Length)))
	if err != nil {
		return err
	}
	if err := u.Check(content); err != nil {
		return err
	}
	u.Progress(u.Length/2, u.Length)
	write := func(n int) func(*volume) { return func(v *volume) { v.content = content[:n] } }
	if err := c.onVolume(context.WithoutCancel(ctx), "begin-upload", pool, name, write(len(content)/2)); err != nil {
		return err
	}
	if err := c.enter(ctx, "upload-volume", name); err != nil {
		return err
	}
	return c.onVolume(ctx, "uploaded-volume", pool, name, write(len(content)))
}

// DownloadVolume implements inventory.Conn.
func (c *Conn) DownloadVolume(ctx context.Context, pool, name string, to *os.File, progress func(done, total uint64)) error {
	var content []byte
	if err := c.onVolume(ctx, "download-volume", pool, name, func(v *volume) { content = v.content }); err != nil {
		return err
	}
	progress(uint64(len(content)), uint64(len(content)))
	_, err := to.Write(content)
	return err
}

// CheckCopy implements inventory.Conn.
func (c *Conn) CheckCopy(ctx context.Context, uuid, _ string, _ inventory.ImageRights) error {
	return c.enter(ctx, "check-copy", uuid)
}

// MoveDisk implements inventory.Conn. The hook runs when half is copied.
func (c *Conn) MoveDisk(ctx context.Context, uuid, id string, m inventory.DiskMove) (inventory.MovedDisk, error) {
	vm, err := c.VM(ctx, uuid)
	if err != nil {
		return inventory.MovedDisk{}, err
	}
	i := slices.IndexFunc(vm.Disks, func(d *model.Device) bool { return d.ID == id })
	name := filepath.Base(vm.Disks[i].Source)
	note, err := m.Unfinished.Volume(m.Pool, name)
	if err != nil {
		return inventory.MovedDisk{}, err
	}
	defer note.Done()
	m.Progress(1, 2)
	if err := c.enter(context.WithoutCancel(ctx), "move-disk", uuid); err != nil {
		return inventory.MovedDisk{}, err
	}
	if !m.Finish() {
		return inventory.MovedDisk{}, errs.New(errs.Cancelled, "The operation was cancelled.")
	}
	if err := c.addVolume(m.Pool, inventory.NewVolume{Name: name, Format: "raw"}, nil); err != nil {
		return inventory.MovedDisk{}, err
	}
	v, _ := c.h.volume(m.Pool, name)
	moved := inventory.MovedDisk{Volume: name}
	if m.DeleteOriginal {
		moved.Kept = errs.New(errs.DeviceInUse, "The original is used by “another”, too.")
	}
	return moved, c.h.edit(uuid, func(vm *model.VM) error {
		there := *vm.Disks[i]
		there.Source = v.Path
		vm.Disks = slices.Clone(vm.Disks)
		vm.Disks[i] = &there
		return nil
	})
}
