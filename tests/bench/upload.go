package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"time"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/dbus"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/tests/bench/rig"
)

const (
	// uploadRounds is how often each way to fill a volume is timed.
	uploadRounds = 9
	uploadSize   = 2 << 30
	uploadName   = "bench-upload.img"
)

// upload compares the filling of a new volume with a file by the service with
// virsh vol-upload of the same file, one after the other in changing order.
func (b *bench) upload(ctx context.Context) ([]result, error) {
	m, err := b.need(ctx, 0)
	if err != nil {
		return nil, err
	}
	m.Close()
	file, err := noise(uploadSize)
	if err != nil {
		return nil, err
	}
	defer os.Remove(file.Name())
	defer file.Close()
	pool, err := b.pool("default")
	if err != nil {
		return nil, err
	}
	ways := []func(context.Context) error{
		func(ctx context.Context) error {
			_, err := rig.Run(ctx, "virsh", "--quiet", "--connect", "qemu:///system", "vol-upload", "--pool", "default", uploadName, file.Name())
			return err
		},
		func(ctx context.Context) error {
			return b.onVolume(ctx, pool, "Upload", dbus.UnixFD(file.Fd()), rig.Options("wait", true))
		},
	}
	took := make([][]float64, len(ways))
	for round := range uploadRounds {
		for i := range ways {
			way := (round + i) % len(ways)
			duration, err := b.fill(ctx, pool, ways[way])
			if err != nil {
				return nil, err
			}
			took[way] = append(took[way], ms(duration))
		}
	}
	r := figure(fmt.Sprintf("a file of %d GiB, into a volume", uploadSize>>30), "ms", took[1]...).beside("virsh vol-upload", took[0]...)
	rate := float64(uploadSize) / (1 << 20) / (r.Ours.Median / 1000)
	return []result{r.bar("≥ 0.8×", r.ratio() >= 0.8).note("Upload is %.2f times as fast as virsh, at %.0f MiB/s", r.ratio(), rate)}, nil
}

// fill times one way to fill a volume that is new and has all its room.
func (b *bench) fill(ctx context.Context, pool model.Path, way func(context.Context) error) (time.Duration, error) {
	spec := rig.Options("name", uploadName, "format", "raw", "capacity", uint64(uploadSize), "allocation", uint64(uploadSize))
	if err := b.call(ctx, pool, api.StoragePoolInterface, "CreateVolume", spec, rig.Options("wait", true)); err != nil {
		return 0, err
	}
	start := time.Now()
	err := way(ctx)
	duration := time.Since(start)
	if undone := b.onVolume(ctx, pool, "Delete", rig.Options("wait", true)); err == nil {
		err = undone
	}
	return duration, err
}

func (b *bench) onVolume(ctx context.Context, pool model.Path, method string, args ...any) error {
	return b.call(ctx, pool+"/volumes/"+model.Path(model.EscapeName(uploadName)), api.StorageVolumeInterface, method, args...)
}

func (b *bench) call(ctx context.Context, path model.Path, iface, method string, args ...any) error {
	if err := b.rig.Bus.Object(api.BusName, dbus.ObjectPath(path)).CallWithContext(ctx, iface+"."+method, 0, args...).Err; err != nil {
		return fmt.Errorf("cannot call %s of %s: %w", method, path, err)
	}
	return nil
}

// pool is the pool with a name.
func (b *bench) pool(name string) (model.Path, error) {
	raw, err := b.rig.Libvirt()
	if err != nil {
		return "", err
	}
	pool, err := raw.LookupStoragePoolByName(name)
	if err != nil {
		return "", err
	}
	defer pool.Free()
	uuid, err := pool.GetUUIDString()
	return model.PoolPath(uuid), err
}

// noise is a file of this many bytes without holes.
func noise(size int64) (*os.File, error) {
	file, err := os.CreateTemp("", "bench-upload-")
	if err != nil {
		return nil, err
	}
	some := make([]byte, 1<<20)
	_, _ = rand.Read(some) // it does not fail
	for range size / int64(len(some)) {
		if _, err := file.Write(some); err != nil {
			_ = os.Remove(file.Name())
			return nil, err
		}
	}
	return file, nil
}
