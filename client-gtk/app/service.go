package app

import (
	"context"
	"io"
	"os"
	"slices"
	"strings"

	"org.kvmmanager/client-gtk/display"
	"org.kvmmanager/client-gtk/i18n"
	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/client-gtk/ui"
	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

var _ ui.Service = (*App)(nil)

// maxImage bounds the size of a picture that is taken of a guest.
const maxImage = 64 << 20

// call makes a call in a goroutine, and hands its answer to the main loop.
func call[T any](a *App, do func(context.Context, *client.Client) (T, error), then func(T, error)) {
	c := a.client
	if c == nil {
		var none T
		then(none, errs.New(errs.Disconnected, "%s", i18n.T("The service is not connected yet. Try again in a moment.")))
		return
	}
	go func() {
		v, err := do(a.ctx, c)
		later(func() { then(v, err) })
	}()
}

// steps is call for work of which the program does the later steps itself. Until
// it is done the window hides rather than closes.
func steps[T any](a *App, do func(context.Context, *client.Client) (T, error), then func(T, error)) {
	a.unfinished++
	call(a, do, func(v T, err error) {
		a.unfinished--
		then(v, err)
		if a.window != nil {
			a.window.CloseIfHidden()
		}
		a.quitWhenDone()
	})
}

// HasWork implements ui.Service.
func (a *App) HasWork() bool { return a.unfinished > 0 }

// fail shows what went wrong, if anybody is there to see it.
func (a *App) fail(heading string, err error) {
	if err != nil && a.window != nil && a.ctx.Err() == nil {
		a.window.Fail(heading, err)
	}
}

type vmMethod func(*client.Client, context.Context, model.Path, ...client.Option) (model.Path, error)

var methods = map[store.Action]vmMethod{
	store.Start: (*client.Client).Start, store.Resume: (*client.Client).Resume, store.Pause: (*client.Client).Pause,
	store.Shutdown: (*client.Client).Shutdown, store.Reboot: (*client.Client).Reboot, store.Reset: (*client.Client).Reset,
	store.PowerOff: (*client.Client).PowerOff, store.Save: (*client.Client).Save, store.Discard: (*client.Client).DiscardSavedState,
}

// headings say what did not work. Each has a place for the VM's name.
var headings = map[store.Action]string{
	store.Start: i18n.Mark("“%s” Did Not Start"), store.Resume: i18n.Mark("“%s” Did Not Resume"), store.Pause: i18n.Mark("“%s” Was Not Paused"),
	store.Shutdown: i18n.Mark("“%s” Did Not Shut Down"), store.Reboot: i18n.Mark("“%s” Did Not Restart"), store.Reset: i18n.Mark("“%s” Did Not Restart"),
	store.PowerOff: i18n.Mark("“%s” Was Not Turned Off"), store.Save: i18n.Mark("“%s” Was Not Saved"),
	store.Clone:   i18n.Mark("“%s” Was Not Cloned"),
	store.Discard: i18n.Mark("The Saved State of “%s” Was Not Discarded"), store.Delete: i18n.Mark("“%s” Was Not Deleted"),
}

// Do implements ui.Service.
func (a *App) Do(action store.Action, vms ...*model.VM) {
	method := methods[action]
	failures := &failures{app: a, action: action, all: len(vms)}
	for _, vm := range vms {
		call(a, func(ctx context.Context, c *client.Client) (*model.Job, error) {
			job, err := method(c, ctx, vm.Path(), client.Interactive())
			if err != nil {
				return nil, err
			}
			return c.AwaitJob(ctx, job)
		}, func(_ *model.Job, err error) { failures.add(vm, err) })
	}
}

// failures gathers what did not work of what was done to several VMs, so that
// it is said once.
type failures struct {
	app       *App
	action    store.Action
	all, have int
	list      []string
	last      error
	of        *model.VM
}

func (f *failures) add(vm *model.VM, err error) {
	f.have++
	if err != nil && !errs.Is(err, errs.Cancelled) && !errs.Is(err, errs.AuthenticationDismissed) {
		_, sentence := errs.Of(err)
		f.list = append(f.list, sentence)
		f.last, f.of = err, vm
	}
	switch {
	case f.have < f.all || len(f.list) == 0:
	case len(f.list) == 1 && f.action == store.Start:
		f.app.explain(f.of, f.last)
	case len(f.list) == 1:
		f.app.fail(i18n.F(headings[f.action], store.Title(f.of)), f.last)
	default:
		kind, _ := errs.Of(f.last)
		slices.Sort(f.list)
		heading := i18n.Count("It Did Not Work With %d Virtual Machine", "It Did Not Work With %d Virtual Machines", len(f.list))
		f.app.fail(heading, errs.New(kind, "%s", strings.Join(slices.Compact(f.list), "\n")))
	}
}

// Edit implements ui.Service. What fails ends it; the rest stays as it was.
func (a *App) Edit(vm *model.VM, changes ui.Changes, then func(error)) {
	path := vm.Path()
	a.answer(func(ctx context.Context, c *client.Client) error { return edit(ctx, c, path, changes) }, then)
}

func edit(ctx context.Context, c *client.Client, vm model.Path, e ui.Changes) (err error) {
	ask := client.Interactive()
	step := func(wanted bool, do func() error) {
		if wanted && err == nil {
			err = do()
		}
	}
	step(e.Title != nil, func() error { return c.SetTitle(ctx, vm, *e.Title, ask) })
	step(e.Description != nil, func() error { return c.SetDescription(ctx, vm, *e.Description, ask) })
	step(e.Tags != nil, func() error { return c.SetTags(ctx, vm, *e.Tags, ask) })
	step(e.Autostart != nil, func() error { return c.SetAutostart(ctx, vm, *e.Autostart, ask) })
	step(e.VCPUs != nil, func() error { _, err := c.SetVCPUs(ctx, vm, *e.VCPUs, ask); return err })
	step(e.Memory != nil, func() error { _, err := c.SetMemory(ctx, vm, *e.Memory, ask); return err })
	step(e.Name != nil, func() error { return c.Rename(ctx, vm, *e.Name, ask) })
	return err
}

// Press implements ui.Service.
func (a *App) Press(vm model.Path, keys []string) {
	call(a, func(ctx context.Context, c *client.Client) (struct{}, error) {
		return struct{}{}, c.SendKeys(ctx, vm, keys, client.Interactive())
	}, func(_ struct{}, err error) { a.fail(i18n.T("The Keys Were Not Sent"), err) })
}

// Cancel implements ui.Service.
func (a *App) Cancel(job model.Path) {
	call(a, func(ctx context.Context, c *client.Client) (struct{}, error) {
		return struct{}{}, c.CancelJob(ctx, job, client.Interactive())
	}, func(_ struct{}, err error) { a.fail(i18n.T("The Work Was Not Cancelled"), err) })
}

// Ready implements ui.Service.
func (a *App) Ready() bool { return a.client != nil && a.client.Status().State == client.Ready }

// Connect implements ui.Service.
func (a *App) Connect() {
	if a.client != nil {
		a.client.Activate()
		return
	}
	var ctx context.Context
	a.stop()
	ctx, a.stop = context.WithCancel(a.ctx)
	go a.follow(ctx)
}

// Reconnect implements ui.Service.
func (a *App) Reconnect(host model.Path) {
	call(a, func(ctx context.Context, c *client.Client) (struct{}, error) {
		return struct{}{}, c.Reconnect(ctx, host, client.Interactive())
	}, func(_ struct{}, err error) { a.fail(i18n.T("The Host Was Not Connected"), err) })
}

// Permissions implements ui.Service.
func (a *App) Permissions(vm model.Path, then func(map[string]client.Permission)) {
	call(a, func(ctx context.Context, c *client.Client) (map[string]client.Permission, error) {
		return c.GetPermissions(ctx, vm)
	}, func(p map[string]client.Permission, err error) {
		if err == nil {
			then(p)
		}
	})
}

// Snapshots implements ui.Service.
func (a *App) Snapshots(vm model.Path) []*model.Snapshot {
	if a.client == nil {
		return nil
	}
	return a.client.Snapshots(vm)
}

// Health implements ui.Service.
func (a *App) Health(host model.Path, then func([]model.Check, error)) {
	call(a, func(ctx context.Context, c *client.Client) ([]model.Check, error) { return c.CheckHealth(ctx, host) }, then)
}

// Screenshot implements ui.Service.
func (a *App) Screenshot(vm model.Path, then func([]byte, error)) {
	call(a, func(ctx context.Context, c *client.Client) ([]byte, error) {
		return read(c.TakeScreenshot(ctx, vm, client.Interactive()))
	}, func(image []byte, err error) {
		a.fail(i18n.T("There Is No Screenshot"), err)
		then(image, err)
	})
}

// Thumbnail implements ui.Service.
func (a *App) Thumbnail(vm model.Path, width, height int, then func(*display.Image)) {
	call(a, func(ctx context.Context, c *client.Client) (*display.Image, error) {
		content, err := read(c.TakeScreenshot(ctx, vm))
		return display.ReadImage(content, width, height), err
	}, func(image *display.Image, _ error) { then(image) })
}

// SnapshotPicture implements ui.Service.
func (a *App) SnapshotPicture(snapshot model.Path, width, height int, then func(*display.Image)) {
	call(a, func(ctx context.Context, c *client.Client) (*display.Image, error) {
		content, err := read(c.SnapshotScreenshot(ctx, snapshot))
		return display.ReadImage(content, width, height), err
	}, func(image *display.Image, _ error) { then(image) })
}

// read reads an image that the service has handed over.
func read(file *os.File, _ string, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, maxImage))
}

// OpenDisplay implements ui.Service.
func (a *App) OpenDisplay(vm model.Path, index uint32, then func(*os.File, string, error)) {
	type opened struct {
		socket *os.File
		kind   string
	}
	call(a, func(ctx context.Context, c *client.Client) (opened, error) {
		socket, info, err := c.OpenDisplay(ctx, vm, index, client.Interactive())
		return opened{socket, info.Type}, err
	}, func(o opened, err error) { then(o.socket, o.kind, err) })
}

// OpenConsole implements ui.Service.
func (a *App) OpenConsole(vm model.Path, id string, then func(*os.File, error)) {
	call(a, func(ctx context.Context, c *client.Client) (*os.File, error) {
		return c.OpenConsole(ctx, vm, id, client.Interactive())
	}, then)
}

// Head implements ui.Service.
func (a *App) Head(file string, size int64, then func([]byte, error)) {
	go func() {
		head, err := withFile(file, func(f *os.File) ([]byte, error) { return io.ReadAll(io.LimitReader(f, size)) })
		later(func() { then(head, err) })
	}()
}

// Write implements ui.Service.
func (a *App) Write(file string, content []byte) {
	go func() {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			later(func() {
				a.fail(i18n.T("The File Was Not Written"), errs.Wrap(errs.InvalidState, err, "%s", i18n.F("“%s” cannot be written. Choose another place.", file)))
			})
		}
	}()
}

// Watch implements ui.Service.
func (a *App) Watch(page *ui.Page, wanted bool) {
	if wanted {
		a.watching[page] = true
	} else {
		delete(a.watching, page)
	}
	a.sampleIfWatched()
}

func (a *App) sampleIfWatched() {
	wanted := len(a.watching) > 0
	switch {
	case wanted && a.samples == nil && a.client != nil:
		a.samples = a.sample(a.client)
	case !wanted && a.samples != nil:
		a.samples.stop()
		a.samples = nil
	}
}
