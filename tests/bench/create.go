package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"org.kvmmanager/dbus"
	"org.kvmmanager/tests/bench/rig"
)

// createRounds is how often each way to create a VM is timed.
const createRounds = 9

const (
	createName   = "bench-created"
	createDisk   = 20 // GiB
	createMemory = 64 // MiB
	createOS     = "debian12"
)

// create compares the time from nothing to a running VM with a new disk of 20 GiB
// in qcow2: a plan and its making, each by busctl, with virt-install for the same,
// one after the other in changing order.
func (b *bench) create(ctx context.Context) ([]result, error) {
	m, err := b.need(ctx, 0)
	if err != nil {
		return nil, err
	}
	m.Close()
	ways := []func(context.Context) error{virtInstall, b.planAndCreate}
	took := make([][]float64, len(ways))
	for round := range createRounds {
		for i := range ways {
			way := (round + i) % len(ways)
			start := time.Now()
			err := ways[way](ctx)
			took[way] = append(took[way], ms(time.Since(start)))
			if err == nil {
				err = isRunning(ctx)
			}
			if undone := b.removeCreated(ctx); err == nil {
				err = undone
			}
			if err != nil {
				return nil, err
			}
		}
	}
	r := figure(fmt.Sprintf("a VM with a disk of %d GiB, until it runs", createDisk), "ms", took[1]...).beside("virt-install", took[0]...)
	ratio := r.Ours.Median / r.Peer.Median
	return []result{r.bar("≤ 1.2×", ratio <= 1.2).note("PlanVM and CreateVM, by busctl: %.2f times virt-install's median, of %d each", ratio, createRounds)}, nil
}

func virtInstall(ctx context.Context) error {
	_, err := rig.Run(ctx, "virt-install", "--quiet", "--connect", "qemu:///system", "--name", createName, "--osinfo", createOS,
		"--memory", strconv.Itoa(createMemory), "--vcpus", "1", "--network", "network=default", "--graphics", "vnc,listen=none",
		"--disk", fmt.Sprintf("pool=default,size=%d,format=qcow2", createDisk), "--import", "--noautoconsole", "--check", "disk_size=off")
	return err
}

func (b *bench) planAndCreate(ctx context.Context) error {
	spec := []string{
		"6", "name", "s", createName, "os", "s", createOS, "memory", "t", strconv.Itoa(createMemory << 20), "vcpus", "u", "1",
		"disk-size", "t", strconv.Itoa(createDisk << 30), "start", "b", "true",
	}
	call := func(method string, options ...string) error {
		args := append([]string{"--system", "--quiet", "call", api.BusName, string(rig.LocalHost), api.HostInterface, method, "a{sv}a{sv}"}, spec...)
		_, err := rig.Run(ctx, "busctl", append(args, options...)...)
		return err
	}
	if err := call("PlanVM", "0"); err != nil {
		return err
	}
	return call("CreateVM", "1", "wait", "b", "true")
}

// isRunning makes sure that what was timed has been done.
func isRunning(ctx context.Context) error {
	state, err := rig.Run(ctx, "virsh", "--quiet", "--connect", "qemu:///system", "domstate", createName)
	if state = strings.TrimSpace(state); err == nil && state != "running" {
		err = fmt.Errorf("the VM is %s", state)
	}
	return err
}

// removeCreated removes it with its disk, behind the service's back, and has the
// pool forget the disk.
func (b *bench) removeCreated(ctx context.Context) error {
	for _, args := range [][]string{
		{"destroy", createName}, {"undefine", createName, "--nvram", "--remove-all-storage"}, {"pool-refresh", "default"},
	} {
		if _, err := rig.Run(ctx, "virsh", append([]string{"--quiet", "--connect", "qemu:///system"}, args...)...); err != nil {
			return err
		}
	}
	return nil
}
