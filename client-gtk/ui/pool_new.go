package ui

import (
	_ "embed"

	"github.com/diamondburned/gotk4-adwaita/pkg/adw"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	"org.kvmmanager/client-gtk/i18n"
	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

//go:embed pool_new.ui
var poolNewUI string

// newPool is the dialog for a new storage pool.
type newPool struct {
	dialog           *adw.Dialog
	wrong            *adw.Banner
	save             *gtk.Button
	kind             *adw.ComboRow
	kinds            []string
	entries          map[string]*adw.EntryRow
	build, autostart *adw.SwitchRow
}

// showNewPool lets a person make a storage pool on a host.
func showNewPool(parent gtk.Widgetter, service Service, host model.Path) {
	b := build(poolNewUI)
	p := &newPool{
		dialog: object[*adw.Dialog](b, "dialog"), wrong: object[*adw.Banner](b, "wrong"), save: object[*gtk.Button](b, "save"),
		kind: object[*adw.ComboRow](b, "kind"), build: object[*adw.SwitchRow](b, "build"), autostart: object[*adw.SwitchRow](b, "autostart"),
		entries: map[string]*adw.EntryRow{},
	}
	p.offer(nil)
	service.Capabilities(host, func(c model.Capabilities, _ error) { p.offer(c.PoolKinds) })
	for _, id := range []string{"name", "host", "path", "device", "source", "target"} {
		p.entries[id] = object[*adw.EntryRow](b, id)
		p.entries[id].ConnectChanged(p.changed)
	}
	p.kind.NotifyProperty("selected", p.changed)
	p.build.NotifyProperty("active", p.changed)
	object[*gtk.Button](b, "cancel").ConnectClicked(func() { p.dialog.Close() })
	p.save.ConnectClicked(func() {
		if spec, err := p.form().Spec(); err == nil {
			service.CreatePool(host, spec, waiting(p.dialog, service, i18n.F("“%s” Was Not Created", spec.Name)))
		}
	})
	p.changed()
	p.dialog.Present(parent)
	p.entries["name"].GrabFocus()
}

// offer lists the kinds that a host can do.
func (p *newPool) offer(can []string) {
	p.kinds = store.PoolKindsOf(can)
	choices(p.kind, p.kinds, words.PoolKind, func(kind string) bool { return kind == p.kinds[0] })
}

// form is what the person has written.
func (p *newPool) form() store.PoolForm {
	written := func(id string) string { return p.entries[id].Text() }
	return store.PoolForm{
		Name: written("name"), Kind: p.kinds[min(int(p.kind.Selected()), len(p.kinds)-1)], Server: written("host"), Path: written("path"), Device: written("device"),
		Source: written("source"), Target: written("target"), Build: p.build.Active(), Autostart: p.autostart.Active(),
	}
}

// changed shows what the kind needs, and what is wrong.
func (p *newPool) changed() {
	f := p.form()
	for id, needed := range f.Needs() {
		p.entries[id].SetVisible(needed)
	}
	p.build.SetVisible(f.CanBuild())
	_, err := f.Spec()
	if err != nil {
		_, sentence := errs.Of(err)
		p.wrong.SetTitle(sentence)
	}
	p.wrong.SetRevealed(err != nil && f.Name != "")
	p.save.SetSensitive(err == nil)
}
