package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"time"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/tests/bench/rig"
)

// How often the busy clients call. Decoding everything of a hundred VMs is work
// for the client: without a pause they would measure themselves.
const (
	loadEvery  = 250 * time.Millisecond
	readEvery  = 10 * time.Millisecond
	startEvery = time.Second
)

const busyClients = 10

// busy is a process of its own with clients that call the service all the
// time, as other programs do.
type busy struct {
	process *exec.Cmd
	until   io.Closer // their end
	said    *bufio.Reader
}

// startBusy starts the clients and waits until they are at work.
func startBusy(ctx context.Context) (*busy, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return start(exec.CommandContext(ctx, self, "-busy"))
}

// start starts a process and waits until it says that it is at work.
func start(process *exec.Cmd) (*busy, error) {
	b := &busy{process: process}
	b.process.Stderr = os.Stderr
	until, err := b.process.StdinPipe()
	if err != nil {
		return nil, err
	}
	said, err := b.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	b.until, b.said = until, bufio.NewReader(said)
	if err := b.process.Start(); err != nil {
		return nil, fmt.Errorf("cannot start other clients: %w", err)
	}
	if _, err := b.said.ReadString('\n'); err != nil {
		_, _ = b.stop()
		return nil, fmt.Errorf("other clients did not begin: %w", err)
	}
	return b, nil
}

// stop ends the clients and says how many calls they made. It is an error if
// one of them failed.
func (b *busy) stop() (calls int64, err error) {
	_ = b.until.Close()
	_, scanned := fmt.Fscan(b.said, &calls)
	if err := b.process.Wait(); err != nil {
		return calls, fmt.Errorf("the busy clients failed: %w", err)
	}
	return calls, scanned
}

// beBusy is that process: it works until its input ends.
func beBusy(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	m, err := rig.Follow(ctx, nil)
	if err != nil {
		return err
	}
	defer m.Close()
	var w workers
	for i := range busyClients {
		if err := w.add(ctx, m, i); err != nil {
			return err
		}
	}
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
	cancel()
	w.wait.Wait()
	fmt.Println(w.calls.Load())
	if failed := w.failed.Load(); failed != nil {
		return *failed
	}
	return nil
}

// workers are the clients.
type workers struct {
	wait   sync.WaitGroup
	calls  atomic.Int64
	failed atomic.Pointer[error]
}

// add starts one client: the first four load everything, the next four one VM
// after the other, and the others start and power off a VM of their own.
func (w *workers) add(ctx context.Context, m *rig.Mirror, i int) error {
	bus, err := rig.Connect()
	if err != nil {
		return err
	}
	v := rig.VM(some - i)
	every, work := loadEvery, func(int) error { _, err := rig.GetManagedObjects(ctx, bus); return err }
	switch {
	case i >= 8:
		every, work = startEvery, func(int) error { return startAndStop(ctx, m, bus, v) }
	case i >= 4:
		every, work = readEvery, func(n int) error { _, err := rig.VM(1+n%some).GetAll(ctx, bus); return err }
	}
	w.wait.Add(1)
	go func() {
		defer w.wait.Done()
		defer bus.Close()
		w.loop(ctx, every, work)
	}()
	return nil
}

func (w *workers) loop(ctx context.Context, every time.Duration, work func(int) error) {
	for n := 0; pause(ctx, every) == nil; n++ {
		err := work(n)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			err = fmt.Errorf("a busy client failed: %w", err)
			w.failed.CompareAndSwap(nil, &err)
			return
		}
		w.calls.Add(1)
	}
}

func startAndStop(ctx context.Context, m *rig.Mirror, bus *dbus.Conn, v rig.VM) error {
	if err := v.Call(ctx, bus, "Start", rig.Options("paused", true, "wait", true)); err != nil {
		return err
	}
	if err := v.Call(ctx, bus, "PowerOff", rig.Options("wait", true)); err != nil {
		return err
	}
	return m.AwaitState(ctx, v, "shut-off")
}
