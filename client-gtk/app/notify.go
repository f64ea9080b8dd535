package app

import (
	"time"

	"github.com/diamondburned/gotk4/pkg/gio/v2"

	"org.kvmmanager/client-gtk/i18n"
	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/model"
)

// longWork is from when on somebody may have turned to something else.
const longWork = 10 * time.Second

var words = store.Words{Translate: i18n.T}

// notify tells what somebody would want to know who does not look.
func (a *App) notify(batch *client.Batch) {
	if window := a.ActiveWindow(); !a.preferences.Notify || window != nil && window.IsActive() {
		return
	}
	for _, c := range batch.VMs {
		if c.Old != nil && c.New != nil {
			a.notifyState(c.Old, c.New)
		}
	}
	for _, c := range batch.Jobs {
		if c.Old != nil && c.New != nil && !c.Old.State.Ended() {
			a.notifyJob(c.New)
		}
	}
}

// notifyState tells of what goes wrong, and of what the guests do that somebody
// has open.
func (a *App) notifyState(before, vm *model.VM) {
	failed := func(vm *model.VM) bool {
		return vm.State == model.VMCrashed || vm.State == model.VMPaused && vm.StateReason == "io-error"
	}
	var title, text string
	switch {
	case failed(vm) && !failed(before) && vm.State == model.VMCrashed:
		title, text = i18n.F("“%s” Has Crashed", store.Title(vm)), i18n.T("It has been turned off. Start it again from its page.")
	case failed(vm) && !failed(before):
		title, text = i18n.F("“%s” Is Paused", store.Title(vm)), i18n.T("Its storage failed or is full. Make room, then resume it.")
	case before.State.Active() && vm.State == model.VMShutOff && a.window.Shows(vm.Path()):
		title = i18n.F("“%s” Is Off", store.Title(vm))
	default:
		return
	}
	a.tell("state-"+vm.UUID, title, text, vm.Path())
}

func (a *App) notifyJob(job *model.Job) {
	failed := job.State == model.JobFailed
	if !failed && (job.State != model.JobDone || time.Since(job.StartedAt) < longWork) || len(job.Objects) == 0 {
		return
	}
	about := job.Objects[0]
	for _, made := range []string{"vm", "pool"} { // on a host
		if path, ok := job.Result[made].(model.Path); ok {
			about = path
		}
	}
	name, page := a.window.About(about)
	text := i18n.T("Done")
	if failed {
		text = job.ErrorMessage
	}
	// TRANSLATORS: what was done, such as Saving, and with what.
	a.tell("job-"+job.Number, i18n.F("%s “%s”", words.Operation(job.Operation), name), text, page)
}

// tell makes a notification that opens a page.
func (a *App) tell(id, title, text string, page model.Path) {
	n := gio.NewNotification(title)
	n.SetBody(text)
	n.SetDefaultAction("app.open::" + string(page))
	a.SendNotification(id, n)
}
