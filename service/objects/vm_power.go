package objects

import (
	"context"
	"sync"
	"time"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/inventory"
	"org.kvmmanager/service/jobs"
)

const (
	optTimeout      = "timeout"
	shutdownTimeout = 5 * time.Minute
	longestShutdown = time.Hour
	offSoon         = 2 * time.Second // for the news that a VM is off to arrive
	progressTick    = 250 * time.Millisecond
)

// step is one call into the hypervisor about one VM.
type step func(ctx context.Context, conn inventory.Conn, uuid string) error

func (r *request) discardSavedState(ctx context.Context) ([]any, error) {
	if !r.vm.HasSavedState {
		return nil, errs.New(errs.InvalidState, "“%s” has no saved state.", r.vm.Name)
	}
	return r.powerJob(ctx, "discard-saved-state", "", func(ctx context.Context, conn inventory.Conn, uuid string) error {
		return conn.DiscardSavedState(ctx, uuid)
	})
}

func (r *request) pause(ctx context.Context) ([]any, error) {
	if err := r.need(r.vm.State == model.VMRunning, "Only a running VM can be paused"); err != nil {
		return nil, err
	}
	return r.powerJob(ctx, "pause", "", func(ctx context.Context, conn inventory.Conn, uuid string) error {
		return conn.Pause(ctx, uuid)
	})
}

func (r *request) powerOff(ctx context.Context) ([]any, error) {
	if err := r.needActive(); err != nil {
		return nil, err
	}
	conn, err := r.conn()
	if err != nil {
		return nil, err
	}
	host, uuid := r.host, r.vm.UUID
	// It is what helps when everything else hangs, so nothing else keeps it from
	// being begun.
	return r.startJob(ctx, jobs.Spec{
		Operation: "power-off", Objects: []model.Path{r.vm.Path()}, Single: "power-off " + uuid, Urgent: true,
		Run: func(ctx context.Context, _ *jobs.Job) (map[string]any, error) {
			defer settle(func(ctx context.Context) error { return host.Refresh(ctx, uuid) })
			return nil, conn.PowerOff(ctx, uuid)
		},
	})
}

func (r *request) reboot(ctx context.Context) ([]any, error) {
	if err := r.needActive(); err != nil {
		return nil, err
	}
	return r.powerJob(ctx, "reboot", "", func(ctx context.Context, conn inventory.Conn, uuid string) error {
		return conn.Reboot(ctx, uuid)
	})
}

func (r *request) reset(ctx context.Context) ([]any, error) {
	if err := r.needActive(); err != nil {
		return nil, err
	}
	return r.powerJob(ctx, "reset", "", func(ctx context.Context, conn inventory.Conn, uuid string) error {
		return conn.Reset(ctx, uuid)
	})
}

func (r *request) resume(ctx context.Context) ([]any, error) {
	paused := r.vm.State == model.VMPaused || r.vm.State == model.VMSuspended
	if err := r.need(paused, "Only a paused VM can be resumed"); err != nil {
		return nil, err
	}
	return r.powerJob(ctx, "resume", "", func(ctx context.Context, conn inventory.Conn, uuid string) error {
		return conn.Resume(ctx, uuid)
	})
}

// save can be cancelled: the VM runs on then.
func (r *request) save(ctx context.Context) ([]any, error) {
	if err := r.needActive(); err != nil {
		return nil, err
	}
	if !r.vm.Persistent {
		return nil, errs.New(errs.NotSupported, "“%s” exists only while it runs, so its state cannot be saved.", r.vm.Name)
	}
	conn, err := r.conn()
	if err != nil {
		return nil, err
	}
	host, uuid := r.host, r.vm.UUID
	return r.startJob(ctx, jobs.Spec{
		Operation: "save", Objects: []model.Path{r.vm.Path()}, Cancellable: true,
		Run: func(ctx context.Context, job *jobs.Job) (map[string]any, error) {
			defer settle(host.SetTransition(uuid, model.VMSaving))
			return nil, cancellable(ctx, job, conn, uuid, conn.Save, conn.AbortSave)
		},
	})
}

// shutdown asks the guest, and ends when the VM is off. Cancelling ends the
// waiting only: a guest cannot be told to forget it. There is one such job for a
// VM: another call has it ask the guest once more and wait as long as that call
// says.
func (r *request) shutdown(ctx context.Context) ([]any, error) {
	if err := r.needActive(); err != nil {
		return nil, err
	}
	conn, err := r.conn()
	if err != nil {
		return nil, err
	}
	timeout := shutdownTimeout
	if seconds := r.options.number(optTimeout); seconds > 0 {
		timeout = min(time.Duration(seconds)*time.Second, longestShutdown)
	}
	host, vm, asks := r.host, r.vm, &r.service.shutdowns
	return r.startJob(ctx, jobs.Spec{
		Operation: "shutdown", Objects: []model.Path{vm.Path()}, Cancellable: true,
		Single: "shutdown " + vm.UUID, Joined: func() { asks.again(vm.UUID, timeout) },
		Run: func(ctx context.Context, _ *jobs.Job) (map[string]any, error) {
			again, end := asks.begin(vm.UUID)
			defer end()
			for wait := timeout; ; {
				next, err := askToShutDown(ctx, conn, host, vm, wait, again)
				if next == 0 {
					return nil, err
				}
				wait = next
			}
		},
	})
}

// askToShutDown asks a guest to shut down and waits until the VM is off, or until
// the guest is to be asked again: next is how long to wait then.
func askToShutDown(ctx context.Context, conn inventory.Conn, host *inventory.Host, vm *model.VM, timeout time.Duration, again <-chan time.Duration) (next time.Duration, err error) {
	err = conn.Shutdown(ctx, vm.UUID)
	switch {
	case errs.Is(err, errs.InvalidState) && waitUntilOff(ctx, host, vm, offSoon) == nil:
		return 0, nil // it went off by itself, or somebody else was quicker
	case err != nil:
		return 0, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	off := make(chan error, 1)
	go func() { off <- waitUntilOff(ctx, host, vm, timeout) }()
	select {
	case err := <-off:
		return 0, err
	case next := <-again:
		return next, nil
	}
}

// shutdowns is the VMs whose guests are asked to shut down.
type shutdowns struct {
	mu  sync.Mutex
	vms map[string]chan time.Duration // guarded by mu, by UUID; capacity 1
}

// begin returns what tells a job to ask again, and what ends that.
func (s *shutdowns) begin(uuid string) (again <-chan time.Duration, end func()) {
	c := make(chan time.Duration, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.vms == nil {
		s.vms = map[string]chan time.Duration{}
	}
	s.vms[uuid] = c
	return c, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.vms[uuid] == c {
			delete(s.vms, uuid)
		}
	}
}

// again has the job of a VM ask once more and wait that long. One that has not
// begun to ask yet need not be told.
func (s *shutdowns) again(uuid string, timeout time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case s.vms[uuid] <- timeout:
	default:
	}
}

func (r *request) start(ctx context.Context) ([]any, error) {
	if r.vm.State.Active() {
		return nil, errs.New(errs.InvalidState, "“%s” is running already.", r.vm.Name)
	}
	if err := r.refuseTemplate(); err != nil {
		return nil, err
	}
	if err := r.refuseBusyImages(r.vm.UUID); err != nil {
		return nil, err
	}
	transition := model.VMStarting
	if r.vm.HasSavedState {
		transition = model.VMRestoring
	}
	paused := r.options.flag("paused")
	return r.powerJob(ctx, "start", transition, func(ctx context.Context, conn inventory.Conn, uuid string) error {
		if err := r.refuseBusyImages(r.vm.UUID); err != nil {
			return err
		}
		return conn.Start(ctx, uuid, paused)
	})
}

// powerJob does one step as a job that cannot be cancelled, and shows the VM
// in the transition meanwhile, if there is one.
func (r *request) powerJob(ctx context.Context, operation string, transition model.VMState, do step) ([]any, error) {
	conn, err := r.conn()
	if err != nil {
		return nil, err
	}
	host, uuid := r.host, r.vm.UUID
	return r.startJob(ctx, jobs.Spec{
		Operation: operation, Objects: []model.Path{r.vm.Path()},
		Run: func(ctx context.Context, _ *jobs.Job) (map[string]any, error) {
			end := func(ctx context.Context) error { return host.Refresh(ctx, uuid) }
			if transition != "" {
				end = host.SetTransition(uuid, transition)
			}
			defer settle(end)
			return nil, do(ctx, conn, uuid)
		},
	})
}

// settle shows what is true after a job, whatever its outcome and even if it
// was cancelled. While the host is disconnected nothing is known to be true.
func settle(end func(context.Context) error) { _ = end(context.Background()) }

// cancellable runs a step that reports progress and can be aborted, and
// returns only when the hypervisor has ended it.
func cancellable(ctx context.Context, job *jobs.Job, conn inventory.Conn, uuid string, do, abort func(context.Context, string) error) error {
	ended := make(chan error, 1)
	go func() { ended <- do(context.WithoutCancel(ctx), uuid) }()
	ticker := time.NewTicker(progressTick)
	defer ticker.Stop()
	cancelled, aborting := ctx.Done(), make(chan struct{}, 1)
	for {
		select {
		case err := <-ended:
			return err
		case <-cancelled:
			cancelled = nil
		case <-ticker.C:
			if p, err := conn.JobProgress(ctx, uuid); err == nil {
				job.Progress(p.Done, p.Total)
			}
		}
		if ctx.Err() == nil {
			continue
		}
		// It fails before the hypervisor has begun, which may wait for somebody
		// else's operation, so it is tried until there is nothing to end. Meanwhile
		// the step may end by itself.
		select {
		case aborting <- struct{}{}:
			go func() {
				_ = abort(context.WithoutCancel(ctx), uuid)
				<-aborting
			}()
		default: // one attempt is under way
		}
	}
}

func waitUntilOff(ctx context.Context, host *inventory.Host, vm *model.VM, timeout time.Duration) error {
	wait, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err := host.WaitFor(wait, vm.UUID, func(now *model.VM) bool { return now == nil || !now.State.Active() })
	if err != nil && ctx.Err() == nil && wait.Err() != nil {
		return errs.New(errs.Timeout, "“%s” was asked to shut down, but its guest did not do so within %d seconds. Power it off if it does not react.",
			vm.Name, int(timeout.Seconds()))
	}
	return err
}

func (r *request) needActive() error {
	return r.need(r.vm.State.Active(), "The VM is not running")
}

// need is an InvalidState error with this reason unless ok.
func (r *request) need(ok bool, reason string) error {
	if ok {
		return nil
	}
	return errs.New(errs.InvalidState, "%s: “%s” is %s.", reason, r.vm.Name, r.vm.State)
}
