package fakehv

import (
	"bytes"
	"context"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/inventory"
)

// volume is one with what was written into it.
type volume struct {
	inventory.VolumeInfo
	pool    string
	backing string
	content []byte
}

// PutVolume adds a volume with this content to a pool. Like libvirt, it does
// not announce that.
func (h *Hypervisor) PutVolume(pool string, info inventory.VolumeInfo, content []byte) {
	h.putVolume(pool, info, "", content)
}

// PutOverlay adds a volume that is made of what is at a place.
func (h *Hypervisor) PutOverlay(pool string, info inventory.VolumeInfo, backing string) {
	h.putVolume(pool, info, backing, nil)
}

func (h *Hypervisor) putVolume(pool string, info inventory.VolumeInfo, backing string, content []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	info.Path = "/fake/" + pool + "/" + info.Name
	h.volumes[pool+"/"+info.Name] = &volume{info, pool, backing, content}
}

// DropVolume removes a volume. Like libvirt, it does not announce that.
func (h *Hypervisor) DropVolume(pool, name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.volumes, pool+"/"+name)
}

// RefreshPool announces that a pool was looked through again.
func (h *Hypervisor) RefreshPool(uuid string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.emit(poolEvent(uuid))
}

func poolEvent(uuid string) inventory.Event {
	return inventory.Event{Kind: inventory.PoolEvent, ID: uuid}
}

// machines lists the VMs.
func (h *Hypervisor) machines() []*model.VM {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Collect(maps.Values(h.vms))
}

// value is a volume as it is shown.
func (v *volume) value() *model.StorageVolume {
	return &model.StorageVolume{
		Name: v.Name, Place: v.Path, Format: v.Format, Pool: model.PoolPath(v.pool),
		Capacity: v.Capacity, Allocation: uint64(len(v.content)), Backing: v.backing,
	}
}

// Volumes implements inventory.Conn.
func (c *Conn) Volumes(ctx context.Context, pool string) ([]*model.StorageVolume, error) {
	if err := c.enter(ctx, "volumes", pool); err != nil {
		return nil, err
	}
	c.h.mu.Lock()
	defer c.h.mu.Unlock()
	var list []*model.StorageVolume
	for _, v := range c.h.volumes {
		if v.pool == pool {
			list = append(list, v.value())
		}
	}
	return list, nil
}

// Volume implements inventory.Conn.
func (c *Conn) Volume(ctx context.Context, pool, name string) (value *model.StorageVolume, err error) {
	err = c.onVolume(ctx, "volume", pool, name, func(v *volume) { value = v.value() })
	return value, err
}

// VolumeAt implements inventory.Conn.
func (c *Conn) VolumeAt(ctx context.Context, place string) (*model.StorageVolume, error) {
	if err := c.enter(ctx, "volume-at", place); err != nil {
		return nil, err
	}
	c.h.mu.Lock()
	defer c.h.mu.Unlock()
	for _, v := range c.h.volumes {
		if v.Path == place {
			return v.value(), nil
		}
	}
	return nil, errs.New(errs.NotFound, "This storage volume does not exist.")
}

// Link has a folder of the host lead to another one.
func (h *Hypervisor) Link(from, to string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.links[from] = to
}

// RealPath implements inventory.Conn.
func (c *Conn) RealPath(_ context.Context, name string) (string, error) {
	c.h.mu.Lock()
	defer c.h.mu.Unlock()
	name = path.Clean(name)
	for from, to := range c.h.links {
		if rest, below := strings.CutPrefix(name, from); below {
			name = to + rest
		}
	}
	return name, nil
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

// MayFill implements inventory.Conn.
func (c *Conn) MayFill(ctx context.Context, pool string, _ inventory.ImageRights) error {
	return c.enter(ctx, "may-fill", pool)
}

// InspectImage implements inventory.Conn. It knows only of what PutOverlay has
// made.
func (c *Conn) InspectImage(ctx context.Context, path, format string, _ bool, rights inventory.ImageRights) ([]model.Layer, error) {
	if err := c.enter(ctx, "inspect-image", path); err != nil {
		return nil, err
	}
	c.h.mu.Lock()
	defer c.h.mu.Unlock()
	place := map[string]*volume{}
	for _, v := range c.h.volumes {
		place[v.Path] = v
	}
	var layers []model.Layer
	for v := place[path]; format == "qcow2" && v != nil && v.backing != ""; v = place[v.backing] {
		switch {
		case place[v.backing] == nil:
			return nil, errs.New(errs.NotSupported, "It is a layer over a file in no pool.")
		case !rights.Storage:
			return nil, errs.Wrap(errs.NotAuthorized, inventory.ErrNeedsStorage, "It is a layer over a volume.")
		}
		layers = append(layers, model.Layer{Path: v.backing, Format: place[v.backing].Format})
	}
	return layers, nil
}

// CheckUse implements inventory.Conn. The hook decides.
func (c *Conn) CheckUse(ctx context.Context, disk *model.Device, storage bool) error {
	return c.mayUse(ctx, disk, storage)
}

// mayUse is ErrNeedsStorage for what SetOfAnother has named.
func (c *Conn) mayUse(ctx context.Context, disk *model.Device, storage bool) error {
	if err := c.enter(ctx, "check-use", disk.Source+disk.Volume); err != nil {
		return err
	}
	c.h.mu.Lock()
	defer c.h.mu.Unlock()
	if !storage && c.h.ofAnother[path.Base(disk.Source+disk.Volume)] {
		return errs.Wrap(errs.NotAuthorized, inventory.ErrNeedsStorage, "Another virtual machine has it.")
	}
	return nil
}

// SetOfAnother has a volume be one that another VM has by a path of its own.
func (h *Hypervisor) SetOfAnother(volume string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ofAnother[volume] = true
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
func (c *Conn) DuplicateVolume(ctx context.Context, fromPool, from, pool string, v inventory.VolumeInfo, _ inventory.ImageRights) (inventory.VolumeInfo, error) {
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
	return c.drop(ctx, "drop-volume", pool, name)
}

func (c *Conn) drop(ctx context.Context, operation, pool, name string) error {
	if err := c.onVolume(ctx, operation, pool, name, func(*volume) {}); err != nil {
		return err
	}
	c.h.mu.Lock()
	defer c.h.mu.Unlock()
	delete(c.h.volumes, pool+"/"+name)
	return nil
}

// DropUnwanted implements inventory.Conn.
func (c *Conn) DropUnwanted(ctx context.Context, pool, name string) error {
	return c.DropUnused(ctx, pool, name, "")
}

// DropUnused implements inventory.Conn. A volume is in use if a VM's disk has its
// path.
func (c *Conn) DropUnused(ctx context.Context, pool, name, copied string) error {
	info, err := c.FindVolume(ctx, pool, name)
	if err != nil {
		return err
	}
	vms, err := c.VMs(ctx)
	if err != nil {
		return err
	}
	has := func(path string) func(*model.VM) bool {
		return func(vm *model.VM) bool {
			return slices.ContainsFunc(vm.Disks, func(d *model.Device) bool { return d.Source == path })
		}
	}
	if slices.ContainsFunc(vms, has(info.Path)) || copied != "" && !slices.ContainsFunc(vms, has(copied)) {
		return errs.New(errs.DeviceInUse, "The volume is needed.")
	}
	return c.DropVolume(ctx, pool, name)
}
