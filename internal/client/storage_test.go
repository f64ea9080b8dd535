package client_test

import (
	"bytes"
	"context"
	"os"
	"testing"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/testutil/fakehv"
)

// storageCalls is callsOf for pools and volumes.
func storageCalls(ctx context.Context, c *client.Client) map[string]entry {
	const pool, volume = model.Path("/org/kvmmanager/pools/tank"), model.Path("/org/kvmmanager/pools/tank/volumes/a")
	none := func(err error) (any, error) { return nil, err }
	starts := func(path model.Path, method func(context.Context, model.Path, ...client.Option) (model.Path, error)) entry {
		return entry{func(o ...client.Option) (any, error) { return method(ctx, path, o...) }, nil, model.Path("/a/result")}
	}
	moves := func(method func(context.Context, model.Path, *os.File, ...client.Option) (model.Path, error)) entry {
		return entry{func(o ...client.Option) (any, error) { return method(ctx, volume, someFile(), o...) }, []any{dbus.UnixFDIndex(0)}, model.Path("/a/result")}
	}
	return map[string]entry{
		"Host.CreateStoragePool": {
			func(o ...client.Option) (any, error) {
				return c.CreateStoragePool(ctx, "/org/kvmmanager/hosts/local", model.PoolSpec{Name: "tank", SourceHosts: []string{"nas"}}, o...)
			},
			[]any{map[string]dbus.Variant{"name": dbus.MakeVariant("tank"), "source-hosts": dbus.MakeVariant([]string{"nas"})}},
			model.Path("/a/result"),
		},
		"StoragePool.CreateVolume": {
			func(o ...client.Option) (any, error) {
				return c.CreateVolume(ctx, pool, model.VolumeSpec{Name: "a", Allocation: new(uint64)}, someFile(), o...)
			},
			[]any{map[string]dbus.Variant{
				"name": dbus.MakeVariant("a"), "allocation": dbus.MakeVariant(uint64(0)), "fd": dbus.MakeVariant(dbus.UnixFDIndex(0)),
			}},
			model.Path("/a/result"),
		},
		"StoragePool.Delete":  starts(pool, c.DeletePool),
		"StoragePool.Refresh": starts(pool, c.RefreshPool),
		"StoragePool.SetAutostart": {
			func(o ...client.Option) (any, error) { return none(c.SetPoolAutostart(ctx, pool, true, o...)) },
			[]any{true},
			nil,
		},
		"StoragePool.Start": starts(pool, c.StartPool),
		"StoragePool.Stop":  {func(o ...client.Option) (any, error) { return none(c.StopPool(ctx, pool, o...)) }, nil, nil},
		"StorageVolume.Clone": {
			func(o ...client.Option) (any, error) { return c.CloneVolume(ctx, volume, "copy", o...) },
			[]any{"copy"},
			model.Path("/a/result"),
		},
		"StorageVolume.Delete":   starts(volume, c.DeleteVolume),
		"StorageVolume.Download": moves(c.DownloadVolume),
		"StorageVolume.Resize": {
			func(o ...client.Option) (any, error) { return c.ResizeVolume(ctx, volume, 1<<30, o...) },
			[]any{uint64(1 << 30)},
			model.Path("/a/result"),
		},
		"StorageVolume.Upload": moves(c.UploadVolume),
		"VM.MoveDisk": {
			func(o ...client.Option) (any, error) {
				return c.MoveDisk(ctx, "/org/kvmmanager/vms/web", "disk-vda", "/a/pool", o...)
			},
			[]any{"disk-vda", dbus.ObjectPath("/a/pool")},
			model.Path("/a/result"),
		},
		"StorageVolume.Wipe": starts(volume, c.WipeVolume),
	}
}

func TestAFileBecomesAVolumeAndAFileAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.HV.PutPool(&model.StoragePool{UUID: fakehv.UUID(9), Name: "tank", Kind: "dir", Active: true})
	w.settle("the pool")
	pool := model.PoolPath(fakehv.UUID(9))
	content := bytes.Repeat([]byte("content "), 1000)
	from, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	if _, err := from.Write(content); err != nil {
		t.Fatal(err)
	}
	job, err := w.client.CreateVolume(w.ctx, pool, model.VolumeSpec{Name: "a & b"}, from, client.Wait())
	if err != nil {
		t.Fatal(err)
	}
	ended, err := w.client.AwaitJob(w.ctx, job)
	if err != nil {
		t.Fatal(err)
	}
	path, _ := ended.Result["volume"].(model.Path)
	v := w.client.Volume(path)
	if v == nil || v.Name != "a & b" || v.Capacity != uint64(len(content)) || len(w.client.Volumes(pool)) != 1 {
		t.Fatalf("the volume at %s is %+v", path, v)
	}
	to, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	if _, err := w.client.DownloadVolume(w.ctx, path, to, client.Wait()); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(to.Name()); err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes came back, %v", len(got), err)
	}
}
