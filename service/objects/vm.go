package objects

import (
	"context"

	"org.kvmmanager/dbus"
	"org.kvmmanager/internal/bus"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/wire"
	"org.kvmmanager/service/inventory"
	"org.kvmmanager/service/jobs"
)

// jobWork is the body of a job.
type jobWork = func(context.Context, *jobs.Job) (map[string]any, error)

// runFunc is the body of a method.
type runFunc func(*request, context.Context) ([]any, error)

func vmMethods() map[string]*method {
	control := func(message string, run runFunc, options ...string) *method {
		return &method{action: actionControl, message: message, options: jobOptions(options...), run: run}
	}
	configure := func(message string, run runFunc, options ...string) *method {
		options = append(options, optExpectedVersion, "t")
		return &method{action: actionConfigure, message: message, options: declare(options...), run: run}
	}
	console := func(message string, run runFunc, options ...string) *method {
		return &method{action: actionConsole, message: message, options: declare(options...), run: run}
	}
	change := ask("Authentication is required to change “$(vm.name)”.")
	devices := func(run runFunc, also func(*request) string, forms func(*request) error, options ...string) *method {
		m := configure(change, run, append(options, optApply, "s", optDryRun, "b")...)
		m.also, m.forms = also, forms
		return m
	}
	return map[string]*method{
		"DiscardSavedState": control(ask("Authentication is required to discard the saved state of “$(vm.name)”."), (*request).discardSavedState),
		"Pause":             control(ask("Authentication is required to pause “$(vm.name)”."), (*request).pause),
		"PowerOff":          control(ask("Authentication is required to power off “$(vm.name)”."), (*request).powerOff),
		"Reboot":            control(ask("Authentication is required to reboot “$(vm.name)”."), (*request).reboot),
		"Reset":             control(ask("Authentication is required to reset “$(vm.name)”."), (*request).reset),
		"Resume":            control(ask("Authentication is required to resume “$(vm.name)”."), (*request).resume),
		"Save":              control(ask("Authentication is required to save the state of “$(vm.name)”."), (*request).save),
		"Shutdown":          control(ask("Authentication is required to shut down “$(vm.name)”."), (*request).shutdown, optTimeout, "u"),
		"Start":             control(ask("Authentication is required to start “$(vm.name)”."), (*request).start, "paused", "b"),

		"AddDevice":    devices((*request).addDevice, deviceAction(0), deviceForms(0)),
		"Configure":    devices((*request).configureVM, nil, configureForms),
		"RemoveDevice": devices((*request).removeDevice, nil, nil, optDependents, "b"),
		"UpdateDevice": devices((*request).updateDevice, deviceAction(1), deviceForms(1)),
		"ResizeDisk":   {action: actionConfigure, message: change, options: jobOptions(optExpectedVersion, "t"), run: (*request).resizeDisk},
		"MoveDisk": {
			action: actionConfigure, also: deleteOriginalAction, message: change,
			options: jobOptions(optExpectedVersion, "t", optDeleteOriginal, "b"), run: (*request).moveDisk,
		},
		"SetBootOrder": configure(change, (*request).setBootOrder),

		"Rename":         configure(ask("Authentication is required to rename “$(vm.name)”."), (*request).rename),
		"SetAutostart":   configure(change, (*request).setAutostart),
		"SetDescription": configure(change, (*request).setDescription),
		"SetMemory":      configure(change, (*request).setMemory, optApply, "s"),
		"SetTags":        configure(change, (*request).setTags),
		"SetTemplate":    configure(change, (*request).setTemplate),
		"SetTitle":       configure(change, (*request).setTitle),
		"SetVCPUs":       configure(change, (*request).setVCPUs, optApply, "s"),

		"OpenConsole":    console(ask("Authentication is required to use the console of “$(vm.name)”."), (*request).openConsole, "force", "b"),
		"OpenDisplay":    console(ask("Authentication is required to see the display of “$(vm.name)”."), (*request).openDisplay),
		"SendKeys":       console(ask("Authentication is required to send keys to “$(vm.name)”."), (*request).sendKeys),
		"TakeScreenshot": repeatedly(console(ask("Authentication is required to see the display of “$(vm.name)”."), (*request).takeScreenshot, "screen", "u")),

		"Clone": {
			action: actionCreate, also: cloneAction, message: ask("Authentication is required to clone “$(source.name)”."),
			options: jobOptions("linked", "b"), run: (*request).clone,
		},
		"CheckStart":     reads((*request).checkStart),
		"CreateSnapshot": createSnapshotMethod(),
		"Delete": {
			action: actionDelete, also: deleteStorageAction, message: ask("Authentication is required to delete “$(vm.name)”."),
			options: jobOptions(optExpectedVersion, "t", optDeleteStorage, "as"), run: (*request).deleteVM,
		},
		"GetXML": {
			action: actionRead, also: secretsAction, message: ask("Authentication is required to read the passwords of “$(vm.name)”."),
			options: declare("inactive", "b", "secrets", "b"), run: (*request).getXML,
		},
		"SetXML": {
			action: actionEditXML, message: ask("Authentication is required to change the definition of “$(vm.name)”."),
			options: declare(optExpectedVersion, "t"), run: (*request).setXML,
		},
	}
}

// change does one change of a VM's configuration: only if it is the version
// that the caller expects, one at a time per VM, and announced when it
// returns.
func (r *request) change(ctx context.Context, do func(inventory.Conn, string) error) error {
	conn, err := r.conn()
	if err != nil {
		return err
	}
	unlock, err := r.service.locks.lock(ctx, r.vm.UUID)
	if err != nil {
		return err
	}
	defer unlock()
	if err := r.checkVersion(ctx); err != nil {
		return err
	}
	if err := do(conn, r.vm.UUID); err != nil {
		return err
	}
	r.refresh(ctx)
	return nil
}

// refresh announces what the call changed.
func (r *request) refresh(ctx context.Context) { r.announceVM(ctx, r.vm.UUID) }

// announceVM shows what became of a VM. The change is made: that it cannot be
// read back now is the inventory's problem, not the caller's failure.
func (r *request) announceVM(ctx context.Context, uuid string) {
	if err := r.host.Refresh(ctx, uuid); err != nil {
		r.service.log.Debug("cannot read a VM after a change", "vm_uuid", uuid, "error", err)
	}
}

// checkVersion compares the expected-version option with what libvirt has
// right now, which another tool may have changed a moment ago. What cannot be
// read is not compared. Of a VM whose QEMU keeps libvirt waiting, a read gives
// the definitions of the last time: until libvirt can be asked again, a change
// that was made just before that goes unseen.
func (r *request) checkVersion(ctx context.Context) error {
	want, given := r.options[optExpectedVersion].(uint64)
	if !given {
		return nil
	}
	if err := r.host.Refresh(ctx, r.vm.UUID); err != nil {
		return err
	}
	if now := r.host.VM(r.vm.UUID); now == nil || now.ConfigVersion != want {
		return errs.New(errs.VersionMismatch, "“%s” was changed by somebody else meanwhile. Look at it again before you change it.", r.vm.Name)
	}
	return nil
}

// startJob starts the work of a call as a job and answers with its path, or
// with the option wait when it has ended.
func (r *request) startJob(ctx context.Context, spec jobs.Spec) ([]any, error) {
	work := spec.Run
	spec.UID = r.UID
	spec.Run = func(ctx context.Context, job *jobs.Job) (map[string]any, error) {
		if r.file != nil {
			defer r.file.Close()
		}
		result, err := work(ctx, job)
		r.auditJob(job, err)
		return result, err
	}
	if r.options.flag(optWait) {
		spec.Announced = r.jobStarted
	}
	job, begun, err := r.service.jobs.Start(spec)
	if err != nil {
		return nil, err
	}
	r.audited = begun
	if begun && r.options.flag(optBindLifetime) {
		if err := r.bindLifetime(ctx, job); err != nil {
			return nil, err
		}
	}
	if r.options.flag(optWait) {
		if err := job.Wait(ctx); err != nil {
			return nil, err
		}
	}
	return []any{wire.ObjectPath(job.Path())}, nil
}

// jobStarted tells a caller who waits which job it is.
func (r *request) jobStarted(job *model.Job) {
	r.service.tree.Apply(bus.EmitTo([]string{r.Sender}, api.RootPath, api.ManagerInterface, "JobStarted",
		wire.ObjectPath(job.Path()), r.Path, r.Member, r.Serial()))
}

// alone is the work of a job that no other change of its VM comes between: only
// if the VM is the version that the caller expects.
func (r *request) alone(do jobWork) jobWork {
	return func(ctx context.Context, job *jobs.Job) (map[string]any, error) {
		unlock, err := r.service.locks.lock(ctx, r.vm.UUID)
		if err != nil {
			return nil, err
		}
		defer unlock()
		if err := r.checkVersion(ctx); err != nil {
			return nil, err
		}
		return do(ctx, job)
	}
}

// bindLifetime cancels a job when its caller leaves the bus.
func (r *request) bindLifetime(ctx context.Context, job *jobs.Job) error {
	stop, err := r.service.watcher.Watch(ctx, r.Sender, job.Abandon)
	if err != nil {
		job.Abandon()
		return err
	}
	go func() {
		<-job.Done()
		stop()
	}()
	return nil
}

// applied is how SetVCPUs and SetMemory answer.
func applied(a inventory.Applied) []any {
	return []any{wire.Dict(map[string]any{"next-boot": a.NextBoot, "now": a.Now})}
}

// repeatedly is for a method that a client calls again and again while somebody
// looks.
func repeatedly(m *method) *method {
	m.repeats = true
	return m
}
