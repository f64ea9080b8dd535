package virt

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/inventory"
)

// hang runs an operation that ends when the test says so.
func hang(t *testing.T, c *Conn, ctx context.Context, uuid string, l lane) (release func(), result <-chan error) {
	t.Helper()
	inside, free, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		done <- c.do(ctx, uuid, l, func(*libvirt.Domain) error {
			close(inside)
			<-free
			return nil
		})
	}()
	select {
	case <-inside:
	case <-time.After(patience):
		t.Fatal("the operation did not start")
	}
	var once sync.Once
	release = func() { once.Do(func() { close(free) }) }
	t.Cleanup(release)
	return release, done
}

func TestACallReturnsWhenItsContextEnds(t *testing.T) {
	t.Parallel()
	c := connect(t, node(t, 1))
	uuid := only(t, c).UUID
	ctx, cancel := context.WithCancel(t.Context())
	_, result := hang(t, c, ctx, uuid, laneWork)
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	// Its turn is still taken, so the next one waits as long as it is let.
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := c.Pause(short, uuid); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a second operation: %v", err)
	}
}

func TestAnEndedContextStartsNothing(t *testing.T) {
	t.Parallel()
	c := connect(t, node(t, 1))
	uuid := only(t, c).UUID
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.VM(ctx, uuid); !errors.Is(err, context.Canceled) {
		t.Errorf("a read: %v", err)
	}
	if err := c.PowerOff(ctx, uuid); !errors.Is(err, context.Canceled) {
		t.Errorf("an operation: %v", err)
	}
	if vm := only(t, c); !vm.State.Active() {
		t.Error("the VM was switched off")
	}
}

func TestAHangingVMHoldsUpNothingElse(t *testing.T) {
	t.Parallel()
	c := connect(t, node(t, 2))
	vms, err := c.VMs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	hanging, other := vms[0].UUID, vms[1].UUID
	release, result := hang(t, c, t.Context(), hanging, laneWork)
	waiting := make(chan error, 30)
	for range cap(waiting) {
		go func() { waiting <- c.Resume(t.Context(), hanging) }()
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := c.Pause(ctx, other); err != nil {
		t.Errorf("another VM: %v", err)
	}
	if _, err := c.VM(ctx, hanging); err != nil {
		t.Errorf("a read: %v", err)
	}
	if _, err := c.JobProgress(ctx, hanging); err != nil && !errs.Is(err, errs.NotSupported) {
		t.Errorf("its progress: %v", err)
	}
	if err := c.PowerOff(ctx, hanging); err != nil {
		t.Errorf("power off: %v", err)
	}
	release()
	if err := <-result; err != nil {
		t.Error(err)
	}
	for range cap(waiting) {
		if err := <-waiting; !errs.Is(err, errs.InvalidState) {
			t.Errorf("resuming what is off by now: %v", err)
		}
	}
}

// goesOn says whether a call gets its turn; what the driver makes of it does not matter.
func goesOn(t *testing.T, what string, call func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := call(ctx); errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%s waits", what)
	}
}

// full is a connection whose places of a lane are all taken, until the test says so.
func full(t *testing.T, l lane, places int) (c *Conn, vms []*model.VM, release func()) {
	t.Helper()
	c = connect(t, node(t, places+1))
	vms, err := c.VMs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var free []func()
	for n := range places {
		release, _ := hang(t, c, t.Context(), vms[n].UUID, l)
		free = append(free, release)
	}
	return c, vms, func() {
		for _, release := range free {
			release()
		}
	}
}

// TestAGuestsAgentHoldsUpNothingElse goes by the turns: no driver of the tests has
// an agent. Whatever an agent is asked gets to the driver while every other place
// is taken, and the other way round.
func TestAGuestsAgentHoldsUpNothingElse(t *testing.T) {
	t.Parallel()
	c, vms, release := full(t, laneWork, workAtOnce)
	uuid := vms[0].UUID
	goesOn(t, "a freeze", func(ctx context.Context) error { return c.FreezeFilesystems(ctx, uuid) })
	goesOn(t, "a thaw", func(ctx context.Context) error { return c.ThawFilesystems(ctx, uuid) })
	goesOn(t, "a trim", func(ctx context.Context) error { return c.TrimFilesystems(ctx, uuid) })
	goesOn(t, "what a guest says", func(ctx context.Context) error { _, err := c.GuestInfo(ctx, uuid); return err })
	goesOn(t, "its addresses", func(ctx context.Context) error { _, err := c.agentAddresses(ctx, uuid); return err })
	release()
	for n := range agentAtOnce {
		hang(t, c, t.Context(), vms[n].UUID, laneAgent)
	}
	goesOn(t, "a pause", func(ctx context.Context) error { return c.Pause(ctx, uuid) })
}

// TestWhatMovesVolumesHoldsUpNothingElse goes by the turns, too.
func TestWhatMovesVolumesHoldsUpNothingElse(t *testing.T) {
	t.Parallel()
	c, vms, release := full(t, laneWork, workAtOnce)
	other := vms[workAtOnce].UUID
	file, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	progress := func(uint64, uint64) {}
	moves := map[string]func(context.Context) error{
		"an upload": func(ctx context.Context) error {
			return c.UploadVolume(ctx, imagesPool, "a", inventory.Upload{From: file})
		},
		"a download": func(ctx context.Context) error { return c.DownloadVolume(ctx, imagesPool, "a", file, progress) },
		"a fill":     func(ctx context.Context) error { return c.FillVolume(ctx, imagesPool, "a", file, 1) },
		"a wipe":     func(ctx context.Context) error { return c.WipeVolume(ctx, imagesPool, "a", progress) },
		"a copy": func(ctx context.Context) error {
			return c.CopyVolume(ctx, imagesPool, "a", imagesPool, inventory.NewVolume{Name: "b"}, progress)
		},
		"a duplicate": func(ctx context.Context) error {
			_, err := c.DuplicateVolume(ctx, imagesPool, "a", imagesPool, inventory.VolumeInfo{Name: "b", Format: "raw"}, inventory.ImageRights{})
			return err
		},
		"a clone": func(ctx context.Context) error { _, err := c.Clone(ctx, other, spec("b")); return err },
		"a moved disk": func(ctx context.Context) error {
			_, err := c.MoveDisk(ctx, other, "disk", inventory.DiskMove{})
			return err
		},
	}
	for what, move := range moves {
		goesOn(t, what, move)
	}
	release()
	for n := range transferAtOnce {
		hang(t, c, t.Context(), vms[n].UUID, laneTransfer)
	}
	goesOn(t, "a pause", func(ctx context.Context) error { return c.Pause(ctx, other) })
	goesOn(t, "a new volume", func(ctx context.Context) error {
		_, err := c.MakeVolume(ctx, imagesPool, inventory.VolumeInfo{Name: "a", Format: "raw", Capacity: 1 << 20})
		return err
	})
	goesOn(t, "a look at it", func(ctx context.Context) error { _, err := c.Volumes(ctx, imagesPool); return err })

	// Who waits for a place may give up, and a VM whose disk moves does nothing else.
	moves["a pause of a VM whose disk moves"] = func(ctx context.Context) error { return c.Pause(ctx, vms[0].UUID) }
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	for what, move := range moves {
		if err := move(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestCallsEndWhenTheConnectionIsClosed(t *testing.T) {
	t.Parallel()
	c := connect(t, node(t, 1))
	release, result := hang(t, c, t.Context(), only(t, c).UUID, laneWork)
	closed := make(chan struct{})
	go func() { c.Close(); close(closed) }()
	if err := <-result; !errs.Is(err, errs.Disconnected) {
		t.Error(err)
	}
	release()
	<-closed
	<-c.main.closed
}

func TestALateValueIsNotLost(t *testing.T) {
	t.Parallel()
	c := connect(t, node(t, 1))
	ctx, cancel := context.WithCancel(t.Context())
	free, dropped := make(chan struct{}), make(chan *os.File, 1)
	go cancel()
	_, err := await(ctx, c, func() (*os.File, error) {
		<-free
		return os.Open(os.DevNull)
	}, func(f *os.File) { dropped <- f })
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	close(free)
	select {
	case f := <-dropped:
		_ = f.Close()
	case <-time.After(patience):
		t.Fatal("the file is open for ever")
	}
}

func TestManyCallersAtOnce(t *testing.T) {
	t.Parallel()
	c := connect(t, node(t, 10))
	vms, err := c.VMs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for n := range 100 {
		uuid := vms[n%len(vms)].UUID
		group.Add(1)
		go func() {
			defer group.Done()
			if _, err := c.VM(t.Context(), uuid); err != nil {
				t.Error(err)
			}
			if err := c.SetDescription(t.Context(), uuid, fmt.Sprint(n)); err != nil {
				t.Error(err)
			}
			if _, err := c.VMs(t.Context()); err != nil {
				t.Error(err)
			}
		}()
	}
	group.Wait()
}

func TestTurnsAreForgotten(t *testing.T) {
	t.Parallel()
	turns := newTurns()
	done, err := turns.take(t.Context(), "a", laneWork)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := turns.take(ctx, "a", laneWork); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	done()
	if len(turns.vms) != 0 || len(turns.places[laneWork]) != 0 {
		t.Errorf("%d turns and %d places are left", len(turns.vms), len(turns.places[laneWork]))
	}
}
