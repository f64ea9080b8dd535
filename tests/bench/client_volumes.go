package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"org.kvmmanager/dbus"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/tests/bench/rig"
)

const (
	manyVolumes = 10_000
	// benchPool is the first of the pools by name, which is the one that the
	// client shows.
	benchPool = "bench"
	// rare is part of the name of one volume.
	rare = "volume-07777"
)

// clientVolumes measures the longest time that the client does not listen with
// very many volumes in the pool that it shows.
func (b *bench) clientVolumes(ctx context.Context) ([]result, error) {
	d, err := b.desktop(ctx)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	m, err := b.need(ctx, some)
	if err != nil {
		return nil, err
	}
	m.Close()
	b.say("client: many volumes")
	folder, err := os.MkdirTemp("", "volumes-")
	if err != nil {
		return nil, fmt.Errorf("no folder for the volumes: %w", err)
	}
	defer os.RemoveAll(folder)
	for i := range manyVolumes {
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("volume-%05d.img", i)), []byte("x"), 0o600); err != nil {
			return nil, fmt.Errorf("cannot make the volumes: %w", err)
		}
	}
	host, wait := model.HostPath("local"), rig.Options("wait", true)
	if err := b.call(ctx, host, api.HostInterface, "CreateStoragePool", rig.Options("name", benchPool, "target", folder), wait); err != nil {
		return nil, err
	}
	pool, err := b.pool(benchPool)
	if err != nil {
		return nil, err
	}
	defer func() { _ = b.call(ctx, pool, api.StoragePoolInterface, "Delete", wait) }()
	ours, file, err := b.openedWithStalls(ctx, d)
	if err != nil {
		return nil, err
	}
	defer os.Remove(file)
	defer ours.Stop()
	show := func(n int) error { return b.volumesShown(ctx, ours, n) }
	open := func(ctx context.Context, d *rig.Desktop) error {
		if err := openStorage(ctx, d, host); err != nil {
			return err
		}
		return show(filled)
	}
	without := func(ctx context.Context, d *rig.Desktop) error { return openStorage(ctx, d, model.HostPath("demo")) }
	return b.stalls(ctx, d, file, fmt.Sprintf("%d volumes", manyVolumes), []part{
		{what: "that of a host without any is opened for the first time", do: without, once: true},
		{what: "their page is opened for the first time", do: open, once: true},
		{what: "that of a host without any is opened", do: without},
		{what: "their page is opened", do: open},
		{what: "search is typed", do: func(ctx context.Context, d *rig.Desktop) error {
			if err := typeVolumeSearch(ctx, d); err != nil {
				return err
			}
			return show(filled)
		}},
		{what: "list is scrolled to its end", do: scrollVolumes},
		{what: "their pool is stopped", do: func(ctx context.Context, _ *rig.Desktop) error {
			if err := b.call(ctx, pool, api.StoragePoolInterface, "Stop", rig.Options()); err != nil {
				return err
			}
			return show(0)
		}},
		{what: "their pool is started", do: func(ctx context.Context, _ *rig.Desktop) error {
			if err := b.call(ctx, pool, api.StoragePoolInterface, "Start", wait); err != nil {
				return err
			}
			return show(filled)
		}},
	})
}

// openStorage opens the page with the pools of a host.
func openStorage(ctx context.Context, d *rig.Desktop, host model.Path) error {
	if err := d.Do(ctx, "open", string(host)); err != nil {
		return err
	}
	return d.Do(ctx, "show", "storage")
}

// volumesShown waits until the client's list of volumes is filled, or empty.
func (b *bench) volumesShown(ctx context.Context, ours *rig.Program, least int) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return rig.Poll(ctx, func() error {
		n := ours.ListedIn(ctx, ourClient.role, "Volumes")
		if n < least || least == 0 && n > 0 {
			return fmt.Errorf("the list of volumes has %d rows", n)
		}
		return nil
	})
}

// typeVolumeSearch types into the entry above the list, slower than it waits for
// the next letter, and deletes it again.
func typeVolumeSearch(ctx context.Context, d *rig.Desktop) error {
	const delay = "200"
	for _, args := range [][]string{
		{"mousemove", "700", "170", "click", "1"},
		{"type", "--delay", delay, rare},
		append([]string{"key", "--delay", delay}, strings.Fields(strings.Repeat("BackSpace ", len(rare)))...),
	} {
		if _, err := d.Tool(ctx, "xdotool", args...); err != nil {
			return err
		}
	}
	return nil
}

// scrollVolumes scrolls by wheel, and then goes to both ends by keyboard.
func scrollVolumes(ctx context.Context, d *rig.Desktop) error {
	for _, args := range [][]string{
		{"mousemove", "700", "400", "click", "--repeat", "150", "--delay", "20", "5"},
		// From the entry over the order and the two buttons into the list.
		{"key", "--delay", "100", "Tab", "Tab", "Tab", "Tab"},
		{"key", "--delay", "300", "End", "Home", "End", "Prior", "Prior", "Prior", "Home"},
	} {
		if _, err := d.Tool(ctx, "xdotool", args...); err != nil {
			return err
		}
	}
	return nil
}
