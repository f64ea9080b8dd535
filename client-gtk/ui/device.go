package ui

import (
	"errors"

	"github.com/diamondburned/gotk4-adwaita/pkg/adw"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	"org.kvmmanager/client-gtk/i18n"
	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

// change is a dialog that asks for a change of a VM's hardware, and says before
// what becomes of it.
type change struct {
	*formDialog
	service Service
	vm      *model.VM

	// load makes the form anew from what the VM is now; false when what it is
	// about is gone.
	load func() bool
	// wanted is the changes that the form asks for.
	wanted func() []store.HardwareChange
}

func newChange(service Service, vm *model.VM, why, button string) (*change, *gtk.Builder) {
	c := &change{service: service, vm: vm}
	dialog, b := newFormDialog(why, button, c.do)
	c.formDialog = dialog
	return c, b
}

// showAdd asks for a new device of a kind.
func showAdd(parent gtk.Widgetter, service Service, vm *model.VM, kind model.DeviceKind, why string) {
	c, _ := newChange(service, vm, why, i18n.T("_Add"))
	c.dialog.SetTitle(words.DeviceKind(kind))
	c.load = func() bool {
		asked := words.AddForm(kind, c.vm, service.Surroundings(c.vm.Host))
		c.fill(asked, asked.Start())
		c.group.SetDescription(asked.Hint)
		return true
	}
	c.wanted = func() []store.HardwareChange {
		return []store.HardwareChange{store.Addition(kind, &c.asked, c.form.values, c.vm, service.Surroundings(c.vm.Host))}
	}
	c.load()
	c.dialog.Present(parent)
}

// showDevice shows a device of a VM, and lets a person change it.
func showDevice(parent gtk.Widgetter, service Service, vm *model.VM, id, why string) {
	c, b := newChange(service, vm, why, i18n.T("_Apply"))
	remove := object[*gtk.Button](b, "remove")
	c.load = func() bool {
		d := store.Device(c.vm, id)
		if d == nil {
			return false
		}
		c.dialog.SetTitle(words.DeviceTitle(d))
		asked, now := words.ChangeForm(d, service.Surroundings(c.vm.Host))
		c.fill(asked, now)
		c.apply.SetVisible(len(asked.Fields) > 0)
		var facts []fact
		for _, f := range words.DeviceFacts(d) {
			facts = append(facts, fact{f.Name, f.Value})
		}
		c.facts.set(facts)
		object[*adw.PreferencesGroup](b, "remove_group").SetVisible(store.CanRemove(d))
		return true
	}
	c.wanted = func() []store.HardwareChange {
		d := store.Device(c.vm, id)
		if d == nil {
			return nil
		}
		return store.Alterations(d, &c.asked, c.before, c.form.values, c.vm, service.Surroundings(c.vm.Host))
	}
	if !c.load() {
		return
	}
	remove.SetSensitive(why == "")
	remove.SetTooltipText(why)
	remove.ConnectClicked(func() {
		c.dialog.Close()
		askRemove(parent, service, c.vm, id)
	})
	c.dialog.Present(parent)
}

// showMachine lets a person change a VM's processor, firmware and the like.
func showMachine(parent gtk.Widgetter, service Service, vm *model.VM, why string) {
	c, _ := newChange(service, vm, why, i18n.T("_Apply"))
	c.load = func() bool {
		asked, now := words.MachineForm(c.vm)
		c.dialog.SetTitle(asked.Title)
		c.fill(asked, now)
		c.group.SetDescription(asked.Hint)
		return true
	}
	c.wanted = func() []store.HardwareChange {
		return store.Reconfiguration(&c.asked, c.before, c.form.values, c.vm)
	}
	c.load()
	c.dialog.Present(parent)
}

// fill makes the form anew.
func (c *change) fill(asked store.Form, values store.Values) {
	c.formDialog.fill(asked, values, c.look)
}

// look says what becomes of what the form says, or what is missing.
func (c *change) look() {
	c.again = c.asking // whatever the answer is, it is to another question
	c.apply.SetSensitive(false)
	if c.why != "" {
		c.say(c.why, false)
		return
	}
	if missing := c.asked.Missing(c.form.values); missing != "" {
		c.say(i18n.F("“%s” is missing", missing), false)
		return
	}
	wanted := c.wanted()
	if len(wanted) == 0 {
		c.sayNothing(false)
		return
	}
	if c.asking { // one question at a time
		return
	}
	c.asking = true
	c.service.ChangeHardware(c.vm.Path(), wanted[0], true, func(outcome store.Outcome, err error) {
		c.asking = false
		switch {
		case c.closed:
		case c.again:
			c.look()
		case errs.Is(err, errs.VersionMismatch):
			c.reload(err)
		case err == nil:
			c.say(words.When(outcome, c.vm), true)
		case needsPassword(err), errors.Is(err, store.ErrUnknown): // nobody knows before
			c.sayNothing(true)
		default:
			c.refuse(err)
		}
	})
}

// do does it, one change after the other: each makes another version of the
// configuration.
func (c *change) do() {
	wanted := c.wanted()
	wake := asleep(c.dialog)
	var next func(i int)
	next = func(i int) {
		if i == len(wanted) {
			c.dialog.Close()
			return
		}
		if now := c.service.VM(c.vm.Path()); i > 0 && now != nil {
			wanted[i].Version = now.ConfigVersion
		}
		c.service.ChangeHardware(c.vm.Path(), wanted[i], false, func(_ store.Outcome, err error) {
			switch {
			case err == nil:
				next(i + 1)
			case c.closed:
				c.service.Fail(i18n.F("“%s” Was Not Changed", store.Title(c.vm)), err)
			default:
				wake()
				c.reload(err)
			}
		})
	}
	next(0)
}

// reload says what went wrong. If somebody else was faster, the form shows what
// they have made of the VM.
func (c *change) reload(err error) {
	kind, sentence := errs.Of(err)
	lost := words.Lost(err)
	if lost != "" {
		sentence = lost
		if now := c.service.VM(c.vm.Path()); now != nil {
			c.vm = now
		}
		if !c.load() {
			c.dialog.Close()
			return
		}
	}
	if kind == errs.AuthenticationDismissed {
		return
	}
	tell(c.dialog, i18n.F("“%s” Was Not Changed", store.Title(c.vm)), sentence)
}

// tell shows a sentence that has to be read.
func tell(parent gtk.Widgetter, heading, sentence string) {
	alert := adw.NewAlertDialog(heading, sentence)
	alert.AddResponse("close", i18n.T("_Close"))
	alert.Present(parent)
}

// askRemove asks whether to remove a device, and says what becomes of that.
func askRemove(parent gtk.Widgetter, service Service, vm *model.VM, id string) {
	d := store.Device(vm, id)
	if d == nil {
		return
	}
	removal := store.HardwareChange{Op: store.RemoveDevice, ID: id, Version: vm.ConfigVersion}
	heading := i18n.F("Remove “%s” From “%s”?", words.DeviceTitle(d), store.Title(vm))
	service.ChangeHardware(vm.Path(), removal, true, func(outcome store.Outcome, err error) {
		text := i18n.T("What is behind it, such as a volume, stays.")
		switch {
		case err == nil:
			text += "\n\n" + words.When(outcome, vm) + "."
		case !needsPassword(err):
			service.Fail(i18n.F("“%s” Was Not Changed", store.Title(vm)), lost(err))
			return
		}
		askDestructive(parent, heading, text, i18n.T("_Remove"), nil, func() {
			service.ChangeHardware(vm.Path(), removal, false, func(_ store.Outcome, err error) {
				service.Fail(i18n.F("“%s” Was Not Changed", store.Title(vm)), lost(err))
			})
		})
	})
}

// lost puts into words that somebody else was faster.
func lost(err error) error {
	if text := words.Lost(err); text != "" {
		return errs.New(errs.VersionMismatch, "%s", text)
	}
	return err
}
