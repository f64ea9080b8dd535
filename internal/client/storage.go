package client

import (
	"context"
	"os"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/dbus"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/wire"
)

const (
	poolIface   = api.StoragePoolInterface
	volumeIface = api.StorageVolumeInterface
)

// Every method of this file that returns a job takes Wait and BindLifetime.

// DeleteContents deletes all volumes of a pool with it, and what it is made of.
func DeleteContents() Option { return set("delete-contents", true) }

// DeleteOriginal deletes the image of a disk when it has been copied into a pool.
func DeleteOriginal() Option { return set("delete-original", true) }

// Shrink lets a volume become smaller, which cuts off its end.
func Shrink() Option { return set("shrink", true) }

// IntoPool has a volume copied into another pool.
func IntoPool(pool model.Path) Option { return set("pool", dbus.ObjectPath(pool)) }

// Format is the format of a copy of a volume, such as qcow2.
func Format(format string) Option { return set("format", format) }

// CreateStoragePool makes a storage pool and returns the job, whose result has
// it as "pool".
func (c *Client) CreateStoragePool(ctx context.Context, host model.Path, spec model.PoolSpec, options ...Option) (model.Path, error) {
	return c.storageJob(ctx, host, hostIface, "CreateStoragePool", options, record(&spec))
}

// StartPool starts a storage pool. It returns the path of a job at once, or with
// Wait when it has ended.
func (c *Client) StartPool(ctx context.Context, pool model.Path, options ...Option) (job model.Path, err error) {
	return c.storageJob(ctx, pool, poolIface, "Start", options)
}

// StopPool stops a storage pool. What it holds stays where it is.
func (c *Client) StopPool(ctx context.Context, pool model.Path, options ...Option) error {
	return c.call(ctx, pool, poolIface, "Stop", options, nil)
}

// RefreshPool has libvirt look for volumes that came and went without it.
func (c *Client) RefreshPool(ctx context.Context, pool model.Path, options ...Option) (job model.Path, err error) {
	return c.storageJob(ctx, pool, poolIface, "Refresh", options)
}

// DeletePool stops a pool and removes its configuration. It takes
// DeleteContents; the job's result then has "volumes-deleted" and perhaps
// "kept", a sentence.
func (c *Client) DeletePool(ctx context.Context, pool model.Path, options ...Option) (job model.Path, err error) {
	return c.storageJob(ctx, pool, poolIface, "Delete", options)
}

// SetPoolAutostart says whether a pool starts with its host.
func (c *Client) SetPoolAutostart(ctx context.Context, pool model.Path, on bool, options ...Option) error {
	return c.call(ctx, pool, poolIface, "SetAutostart", options, []any{on})
}

// CreateVolume makes a volume and returns the job, whose result has it as
// "volume". file is what it gets the content of, or nil; it stays the caller's,
// who may close it when the method has returned.
func (c *Client) CreateVolume(ctx context.Context, pool model.Path, spec model.VolumeSpec, file *os.File, options ...Option) (job model.Path, err error) {
	if file != nil {
		spec.FD = new(model.FD)
	}
	return c.storageJob(ctx, pool, poolIface, "CreateVolume", with(file, options), record(&spec))
}

// DeleteVolume deletes a volume and what it holds.
func (c *Client) DeleteVolume(ctx context.Context, volume model.Path, options ...Option) (job model.Path, err error) {
	return c.storageJob(ctx, volume, volumeIface, "Delete", options)
}

// ResizeVolume changes a volume's size, in bytes. It takes Shrink.
func (c *Client) ResizeVolume(ctx context.Context, volume model.Path, capacity uint64, options ...Option) (job model.Path, err error) {
	return c.storageJob(ctx, volume, volumeIface, "Resize", options, capacity)
}

// CloneVolume copies a volume and returns the job, whose result has the copy as
// "volume". It takes IntoPool and Format.
func (c *Client) CloneVolume(ctx context.Context, volume model.Path, name string, options ...Option) (job model.Path, err error) {
	return c.storageJob(ctx, volume, volumeIface, "Clone", options, name)
}

// WipeVolume overwrites what a volume holds with zeros.
func (c *Client) WipeVolume(ctx context.Context, volume model.Path, options ...Option) (job model.Path, err error) {
	return c.storageJob(ctx, volume, volumeIface, "Wipe", options)
}

// UploadVolume replaces what a volume holds by the content of a file, which
// stays the caller's.
func (c *Client) UploadVolume(ctx context.Context, volume model.Path, file *os.File, options ...Option) (job model.Path, err error) {
	return c.storageJob(ctx, volume, volumeIface, "Upload", with(file, options), dbus.UnixFDIndex(0))
}

// DownloadVolume writes what a volume holds to a file, which stays the caller's.
func (c *Client) DownloadVolume(ctx context.Context, volume model.Path, file *os.File, options ...Option) (job model.Path, err error) {
	return c.storageJob(ctx, volume, volumeIface, "Download", with(file, options), dbus.UnixFDIndex(0))
}

// MoveDisk copies the image of a disk into a pool, and has the VM, which is off,
// use it there. It takes DeleteOriginal and ExpectedVersion; the job's result has
// "volume", and perhaps "kept", a sentence.
func (c *Client) MoveDisk(ctx context.Context, vm model.Path, id string, pool model.Path, options ...Option) (job model.Path, err error) {
	return c.storageJob(ctx, vm, vmIface, "MoveDisk", options, id, dbus.ObjectPath(pool))
}

func (c *Client) storageJob(ctx context.Context, path model.Path, iface, member string, options []Option, args ...any) (job model.Path, err error) {
	err = c.call(ctx, path, iface, member, options, args, &job)
	return job, err
}

// record is a struct as it travels.
func record(spec any) map[string]dbus.Variant {
	values := map[string]dbus.Variant{}
	for _, entry := range wire.Record(spec) {
		values[entry.Key] = entry.Value
	}
	return values
}
