package ui

import (
	_ "embed"

	"github.com/diamondburned/gotk4-adwaita/pkg/adw"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/errs"
)

//go:embed device.ui
var deviceUI string

// formDialog is a dialog with a form, which says before what becomes of it.
type formDialog struct {
	why string // why nothing can be changed; empty when it can

	dialog       *adw.Dialog
	apply        *gtk.Button
	outcomeGroup *adw.PreferencesGroup
	outcome      *adw.ActionRow
	icon         *gtk.Image
	facts        *rows
	group        *adw.PreferencesGroup
	form         *form
	asked        store.Form
	before       store.Values

	asking, again bool // the service is asked what would become of it
	closed        bool
}

// newFormDialog makes a dialog without fields. do is called when a person wants
// what the form says.
func newFormDialog(why, button string, do func()) (*formDialog, *gtk.Builder) {
	b := build(deviceUI)
	d := &formDialog{
		why: why, dialog: object[*adw.Dialog](b, "dialog"), apply: object[*gtk.Button](b, "apply"),
		outcomeGroup: object[*adw.PreferencesGroup](b, "outcome_group"), outcome: object[*adw.ActionRow](b, "outcome"),
		icon: object[*gtk.Image](b, "outcome_icon"), facts: newRows(object[*adw.PreferencesGroup](b, "facts")),
		group: object[*adw.PreferencesGroup](b, "fields"),
	}
	d.apply.SetLabel(button)
	d.apply.SetTooltipText(why)
	d.apply.ConnectClicked(do)
	d.dialog.ConnectClosed(func() { d.closed = true })
	object[*gtk.Button](b, "cancel").ConnectClicked(func() { d.dialog.Close() })
	object[*adw.PreferencesGroup](b, "remove_group").SetVisible(false)
	d.facts.set(nil)
	return d, b
}

// fill makes the form anew. look is called now and when a person says something
// else.
func (d *formDialog) fill(asked store.Form, values store.Values, look func()) {
	if d.form != nil {
		d.form.clear()
	}
	d.asked = asked
	d.form = newForm(d.group, &d.asked, values, look)
	d.form.enable(d.why == "")
	d.before = store.Values{}
	for key, value := range d.form.values {
		d.before[key] = value
	}
	look()
}

// say shows what becomes of it; possible lets it be done.
func (d *formDialog) say(text string, possible bool) {
	d.outcomeGroup.SetVisible(true)
	d.outcome.SetTitle(text)
	if possible {
		d.icon.SetFromIconName("dialog-information-symbolic")
	} else {
		d.icon.SetFromIconName("dialog-warning-symbolic")
	}
	d.apply.SetSensitive(possible)
}

// refuse says why it cannot be done.
func (d *formDialog) refuse(err error) {
	_, sentence := errs.Of(err)
	d.say(sentence, false)
}

// sayNothing is for a form that says nothing yet.
func (d *formDialog) sayNothing(possible bool) {
	d.outcomeGroup.SetVisible(false)
	d.apply.SetSensitive(possible)
}

// waiting makes a dialog wait for what a person wants to be done. The answer
// closes it when all went well; what did not is said under a heading, and can be
// corrected.
func waiting(dialog *adw.Dialog, service Service, heading string) (answer func(error)) {
	closed := false
	dialog.ConnectClosed(func() { closed = true })
	wake := asleep(dialog)
	return func(err error) {
		wake()
		kind, sentence := errs.Of(err)
		switch {
		case closed:
			service.Fail(heading, err)
		case err == nil:
			dialog.ForceClose()
		case kind != errs.AuthenticationDismissed:
			tell(dialog, heading, sentence)
		}
	}
}

// asleep makes a dialog that cannot be used until wake is called. The keyboard is
// where it was then.
func asleep(dialog *adw.Dialog) (wake func()) {
	focus := dialog.Focus()
	dialog.SetSensitive(false)
	return func() {
		dialog.SetSensitive(true)
		if focus != nil {
			gtk.BaseWidget(focus).GrabFocus()
		}
	}
}
