package ui

import (
	_ "embed"
	"slices"
	"strconv"

	"github.com/diamondburned/gotk4-adwaita/pkg/adw"
	coreglib "github.com/diamondburned/gotk4/pkg/core/glib"
	"github.com/diamondburned/gotk4/pkg/gdk/v4"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	"org.kvmmanager/client-gtk/i18n"
	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

//go:embed boot.ui
var bootUI string

// bootOrder is the dialog for what a VM boots from.
type bootOrder struct {
	service Service
	vm      *model.VM
	dialog  *adw.Dialog
	apply   *gtk.Button
	entries []store.BootEntry
	rows    []*bootRowOf
	filling bool
}

type bootRowOf struct {
	row      *adw.ActionRow
	on       *gtk.CheckButton
	up, down *gtk.Button
}

func showBootOrder(parent gtk.Widgetter, service Service, vm *model.VM, why string) {
	b := build(bootUI)
	o := &bootOrder{service: service, vm: vm, dialog: object[*adw.Dialog](b, "dialog"), apply: object[*gtk.Button](b, "apply"), entries: store.BootEntries(vm)}
	group := object[*adw.PreferencesGroup](b, "devices")
	for i := range o.entries {
		r := o.newRow(i)
		r.row.SetSensitive(why == "")
		r.row.SetTooltipText(why)
		o.rows = append(o.rows, r)
		group.Add(r.row)
	}
	o.fill()
	o.apply.SetSensitive(false)
	o.apply.SetTooltipText(why)
	o.apply.ConnectClicked(o.do)
	object[*gtk.Button](b, "cancel").ConnectClicked(func() { o.dialog.Close() })
	o.dialog.Present(parent)
}

// newRow is a row that shows whatever is at its place. It can be moved by its
// buttons, by Alt and an arrow key, and with the pointer.
func (o *bootOrder) newRow(place int) *bootRowOf {
	r := &bootRowOf{
		row: adw.NewActionRow(), on: gtk.NewCheckButton(),
		up: gtk.NewButtonFromIconName("go-up-symbolic"), down: gtk.NewButtonFromIconName("go-down-symbolic"),
	}
	r.row.SetUseMarkup(false)
	r.on.SetVAlign(gtk.AlignCenter)
	r.row.AddPrefix(r.on)
	r.row.SetActivatableWidget(r.on)
	r.on.ConnectToggled(func() {
		if !o.filling {
			o.entries[place].On = r.on.Active()
			o.apply.SetSensitive(true)
		}
	})
	for _, move := range []struct {
		button *gtk.Button
		by     int
	}{{r.up, -1}, {r.down, 1}} {
		move.button.SetVAlign(gtk.AlignCenter)
		move.button.AddCSSClass("flat")
		move.button.ConnectClicked(func() { o.move(place, place+move.by) })
		r.row.AddSuffix(move.button)
	}
	keys := gtk.NewEventControllerKey()
	keys.ConnectKeyPressed(func(key, _ uint, state gdk.ModifierType) bool {
		if state&gdk.AltMask == 0 || key != gdk.KEY_Up && key != gdk.KEY_Down {
			return false
		}
		to := place + 1
		if key == gdk.KEY_Up {
			to = place - 1
		}
		o.move(place, to)
		return true
	})
	r.row.AddController(keys)
	drag := gtk.NewDragSource()
	drag.SetActions(gdk.ActionMove)
	drag.ConnectPrepare(func(_, _ float64) *gdk.ContentProvider {
		return gdk.NewContentProviderForValue(coreglib.NewValue(strconv.Itoa(place)))
	})
	r.row.AddController(drag)
	drop := gtk.NewDropTarget(coreglib.TypeString, gdk.ActionMove)
	drop.ConnectDrop(func(value *coreglib.Value, _, _ float64) bool {
		from, err := strconv.Atoi(value.String())
		if err == nil {
			o.move(from, place)
		}
		return err == nil
	})
	r.row.AddController(drop)
	return r
}

// move moves a device to another place, and the keyboard with it.
func (o *bootOrder) move(from, to int) {
	if from == to || to < 0 || to >= len(o.entries) || from < 0 || from >= len(o.entries) {
		return
	}
	o.entries = store.MoveEntry(o.entries, from, to)
	o.apply.SetSensitive(true)
	o.fill()
	o.rows[to].row.GrabFocus()
}

func (o *bootOrder) fill() {
	o.filling = true
	for i, r := range o.rows {
		title := words.DeviceTitle(o.entries[i].Device)
		r.row.SetTitle(title)
		r.row.SetSubtitle(bootSubtitle(o.entries[i].Device))
		r.on.SetActive(o.entries[i].On)
		r.up.SetTooltipText(i18n.F("Move “%s” Up", title))
		r.down.SetTooltipText(i18n.F("Move “%s” Down", title))
		r.up.SetSensitive(i > 0)
		r.down.SetSensitive(i < len(o.rows)-1)
	}
	o.filling = false
}

func bootSubtitle(d *model.Device) string {
	if d.Kind == model.KindInterface {
		return networkFact(d).value
	}
	return diskFact(d).value
}

func (o *bootOrder) do() {
	c := store.HardwareChange{Op: store.SetBootOrder, Version: o.vm.ConfigVersion}
	for _, entry := range o.entries {
		if entry.On {
			c.Order = append(c.Order, entry.ID)
		}
	}
	if slices.Equal(c.Order, o.vm.BootOrder) {
		o.dialog.Close()
		return
	}
	wake := asleep(o.dialog)
	o.service.ChangeHardware(o.vm.Path(), c, false, func(_ store.Outcome, err error) {
		wake()
		if err == nil {
			o.dialog.Close()
			return
		}
		if now := o.service.VM(o.vm.Path()); errs.Is(err, errs.VersionMismatch) && now != nil {
			o.vm = now
			if entries := store.BootEntries(now); len(entries) == len(o.rows) {
				o.entries = entries
				o.fill()
			} else {
				o.dialog.Close() // with other devices it begins anew
			}
		}
		o.service.Fail(i18n.F("“%s” Was Not Changed", store.Title(o.vm)), lost(err))
	})
}
