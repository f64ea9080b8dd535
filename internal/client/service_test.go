package client_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"org.kvmmanager/dbus"
	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/testutil/bustest"
	"org.kvmmanager/internal/testutil/fakehv"
	"org.kvmmanager/internal/testutil/polkittest"
	"org.kvmmanager/internal/testutil/servicetest"
)

func TestAServiceThatIsNotInstalledIsSaidSo(t *testing.T) {
	t.Parallel()
	w := quietWorld(t)
	w.client = w.connect()
	err := w.client.AwaitReady(w.ctx)
	status := w.client.Status()
	if !errs.Is(err, errs.Disconnected) || status.State != client.NotInstalled {
		t.Errorf("got %v, %+v", err, status)
	}
	if _, err := w.client.Start(w.ctx, webPath); !errs.Is(err, errs.Disconnected) {
		t.Errorf("a call: %v", err)
	}
	// It appears all the same.
	s := w.client.Subscribe()
	w.serve()
	w.await(s, "ready", inState(client.Ready))
	if w.client.Host(hostPath) == nil {
		t.Error("the host is missing")
	}
}

// installed makes the service one that the bus can start.
func installed(t *testing.T, command string) string {
	t.Helper()
	dir := t.TempDir()
	text := fmt.Sprintf("[D-BUS Service]\nName=%s\nExec=%s\n", api.BusName, command)
	if err := os.WriteFile(filepath.Join(dir, api.BusName+".service"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("<servicedir>%s</servicedir>", dir)
}

// TestServiceOfTheNextTest is the service when the bus starts it.
func TestServiceOfTheNextTest(t *testing.T) { //nolint:paralleltest // a program of its own
	address := os.Getenv("DBUS_STARTER_ADDRESS")
	if address == "" {
		t.Skip("the bus did not start this program")
	}
	hv := fakehv.New()
	hv.Put(fakehv.VM(1, "web"))
	<-servicetest.Serve(t.Context(), t, address, hv).WithHost(t.Context()).OwnName().Done()
}

func TestTheServiceIsStartedWhenItIsNeeded(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	w := quietWorld(t)
	w.World = servicetest.New(t, nil, installed(t, self+" -test.run=^TestServiceOfTheNextTest$"))
	w.client = w.connect()
	w.ready()
	if vm := w.client.VM(webPath); vm == nil || vm.Name != "web" {
		t.Errorf("the VM is %+v", vm)
	}
}

func TestAServiceThatWasStoppedIsStartedByPeopleOnly(t *testing.T) {
	t.Parallel()
	mark := filepath.Join(t.TempDir(), "started")
	w := quietWorld(t)
	w.World = servicetest.New(t, nil, installed(t, "/bin/sh -c 'touch "+mark+"; exit 1'"))
	w.serve()
	w.client = w.connect()
	w.ready()
	s := w.client.Subscribe()
	go w.service.Stop()
	w.await(s, "its end", inState(client.Gone))
	if _, err := w.client.GetPermissions(w.ctx, hostPath); !errs.Is(err, errs.Disconnected) {
		t.Errorf("a call that nobody has asked for: %v", err)
	}
	if _, err := os.Stat(mark); err == nil {
		t.Error("it was started all the same")
	}
	if _, err := w.client.Start(w.ctx, webPath, client.Interactive()); !errs.Is(err, errs.Disconnected) {
		t.Errorf("a person's call: %v", err) // what is started fails
	}
	if _, err := os.Stat(mark); err != nil {
		t.Error("a person's call starts nothing")
	}
}

func TestAServiceThatCannotBeStartedHasFailed(t *testing.T) {
	t.Parallel()
	w := quietWorld(t)
	w.World = servicetest.New(t, nil, installed(t, "/bin/false"))
	w.client = w.connect()
	if err := w.client.AwaitReady(w.ctx); !errs.Is(err, errs.Disconnected) || w.client.Status().State != client.Failed {
		t.Errorf("got %v, %+v", err, w.client.Status())
	}
	w.client.Activate()
	if err := w.client.AwaitReady(w.ctx); err == nil {
		t.Error("the second try went well")
	}
}

func TestAJobOfAServiceThatCannotBeReadIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	w := quietWorld(t)
	if _, err := w.Bus.Connect(t).RequestName(api.BusName, 0); err != nil { // and it answers nothing
		t.Fatal(err)
	}
	w.client = w.connect()
	failure := w.client.AwaitReady(w.ctx)
	if w.client.Status().State != client.Failed {
		t.Fatalf("the client is %+v", w.client.Status())
	}
	if _, err := w.client.AwaitJob(w.ctx, model.JobPath("1")); err == nil || err.Error() != failure.Error() {
		t.Errorf("got %v, not %v", err, failure)
	}
}

func TestABusThatEndsClosesTheClient(t *testing.T) {
	t.Parallel()
	var c *client.Client
	var s *client.Subscription
	ctx, cancel := context.WithTimeout(context.Background(), bustest.Timeout)
	defer cancel()
	t.Run("while there is a bus", func(t *testing.T) { //nolint:paralleltest // it must end before the rest
		b := bustest.Start(t)
		var err error
		if c, err = client.Connect(ctx, client.Options{Address: b.Address}); err != nil {
			t.Fatal(err)
		}
		s = c.Subscribe()
	})
	for {
		b, err := s.Next(ctx)
		if err != nil {
			if !errs.Is(err, errs.Disconnected) {
				t.Errorf("got %v", err)
			}
			break
		}
		if b.Status.State == client.Closed && b.Status.Err == nil {
			t.Error("nobody says why")
		}
	}
	if _, err := c.Start(ctx, webPath); !errs.Is(err, errs.Disconnected) {
		t.Errorf("a call: %v", err)
	}
	if _, err := c.SubscribeStatistics(1).Next(ctx); !errs.Is(err, errs.Disconnected) {
		t.Errorf("statistics: %v", err)
	}
	c.Close()
	if _, err := client.Connect(ctx, client.Options{Address: "unix:path=/nonexistent"}); !errs.Is(err, errs.Disconnected) {
		t.Errorf("connecting to nothing: %v", err)
	}
}

func TestAClientThatIsClosedHasNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, seen := w.client.Subscribe(), replay{}
	seen.take(t, w.next(s))
	if len(seen) == 0 {
		t.Fatal("there was nothing before")
	}
	w.client.Close()
	w.await(s, "the end", func(b *client.Batch) bool {
		seen.take(t, b)
		return b.Status.State == client.Closed
	})
	if len(seen) > 0 || len(w.client.VMs()) > 0 {
		t.Errorf("%d objects are left", len(seen))
	}
}

func TestErrorsKeepTheirKindAndMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, kind := range errs.Kinds() {
		w.HV.Hook("set-title", func(context.Context, string) error { return errs.New(kind, "Because.") })
		err := w.client.SetTitle(w.ctx, webPath, "x")
		if got, message := errs.Of(err); got != kind || message != "Because." {
			t.Errorf("%s arrives as %s: %s", kind, got, message)
		}
	}
	if err := w.client.SetTitle(w.ctx, webPath, "x", client.Force()); !errs.Is(err, errs.InvalidArgument) {
		t.Errorf("an option that the method does not have: %v", err)
	}
}

func TestAPasswordIsAskedForOnlyWhenAllowed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, polkittest.Rule{Action: "org.kvmmanager.vm.configure", Answer: polkittest.Authenticate}, polkittest.Rule{Answer: polkittest.Dismiss})
	err := w.client.SetTitle(w.ctx, webPath, "x")
	if !errs.Is(err, errs.NotAuthorized) || !errors.Is(err, client.ErrNeedsInteraction) {
		t.Errorf("without interaction: %v", err)
	}
	if err := w.client.SetTitle(w.ctx, webPath, "x", client.Interactive()); err != nil {
		t.Errorf("with interaction: %v", err)
	}
	if _, err := w.client.Start(w.ctx, webPath, client.Interactive()); !errs.Is(err, errs.AuthenticationDismissed) {
		t.Errorf("dismissed: %v", err)
	}
}

func TestAServiceThatLeavesEndsItsCalls(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	entered, goOn := make(chan struct{}), make(chan struct{})
	w.HV.Hook("set-title", func(context.Context, string) error { close(entered); <-goOn; return nil })
	ended := make(chan error)
	go func() { ended <- w.client.SetTitle(w.ctx, webPath, "x") }()
	<-entered
	go w.service.Stop()
	if err := <-ended; !errs.Is(err, errs.Disconnected) {
		t.Errorf("got %v", err)
	}
	close(goOn)
}

func TestAJobIsAwaited(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path, err := w.client.Start(w.ctx, webPath)
	if err != nil {
		t.Fatal(err)
	}
	if job, err := w.client.AwaitJob(w.ctx, path); err != nil || job.State != model.JobDone || w.client.VM(webPath).State != model.VMRunning {
		t.Errorf("a job that goes well: %+v, %v", job, err)
	}
	w.HV.Hook("pause", func(context.Context, string) error { return errs.New(errs.NoSpace, "There is no space left.") })
	if path, err = w.client.Pause(w.ctx, webPath); err != nil {
		t.Fatal(err)
	}
	job, err := w.client.AwaitJob(w.ctx, path)
	if kind, message := errs.Of(err); kind != errs.NoSpace || message != "There is no space left." || job.State != model.JobFailed {
		t.Errorf("a job that fails: %+v, %v", job, err)
	}
	if _, err := w.client.AwaitJob(w.ctx, model.JobPath("12345")); !errs.Is(err, errs.NotFound) {
		t.Errorf("an unknown job: %v", err)
	}
}

// TestAJobThatIsNotMirroredAnyMoreIsRead also sees that ended jobs do not pile up in
// the mirror.
func TestAJobThatIsNotMirroredAnyMoreIsRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.HV.Hook("pause", func(context.Context, string) error { return errs.New(errs.NoSpace, "There is no space left.") })
	first, _ := w.client.Pause(w.ctx, dbPath)
	if _, err := w.client.AwaitJob(w.ctx, first); !errs.Is(err, errs.NoSpace) {
		t.Fatal(err)
	}
	for range 40 {
		job, err := w.client.Reset(w.ctx, dbPath)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.client.AwaitJob(w.ctx, job); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(w.client.Jobs()); w.client.Job(first) != nil || n > 33 {
		t.Errorf("of 41 jobs that have ended %d are mirrored", n)
	}
	job, err := w.client.AwaitJob(w.ctx, first)
	if !errs.Is(err, errs.NoSpace) || job.Path() != first || job.State != model.JobFailed || job.Operation != "pause" {
		t.Errorf("the first is %+v, %v", job, err)
	}
}

func TestAJobCanBeCancelledOrLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	aborted := make(chan struct{})
	w.HV.Hook("save", func(context.Context, string) error { <-aborted; return errs.New(errs.Cancelled, "Aborted.") })
	abort := sync.OnceFunc(func() { close(aborted) })
	w.HV.Hook("abort-save", func(context.Context, string) error { abort(); return nil })
	path, err := w.client.Save(w.ctx, dbPath)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(w.ctx)
	cancel()
	if _, err := w.client.AwaitJob(ctx, path); !errors.Is(err, context.Canceled) {
		t.Errorf("who stops waiting: %v", err)
	}
	if err := w.client.CancelJob(w.ctx, path); err != nil {
		t.Fatal(err)
	}
	if job, err := w.client.AwaitJob(w.ctx, path); !errs.Is(err, errs.Cancelled) || job.State != model.JobCancelled {
		t.Errorf("a job that is cancelled: %+v, %v", job, err)
	}

	goOn := make(chan struct{})
	w.HV.Hook("pause", func(context.Context, string) error { <-goOn; return nil })
	if path, err = w.client.Pause(w.ctx, dbPath); err != nil {
		t.Fatal(err)
	}
	lost := make(chan error)
	go func() {
		_, err := w.client.AwaitJob(w.ctx, path)
		lost <- err
	}()
	go w.service.Stop()
	if err := <-lost; !errs.Is(err, errs.Disconnected) {
		t.Errorf("a job whose service has gone: %v", err)
	}
	close(goOn)
}
