package ui

import (
	_ "embed"
	"slices"
	"strings"

	"github.com/diamondburned/gotk4-adwaita/pkg/adw"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	"org.kvmmanager/client-gtk/i18n"
	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/model"
)

//go:embed edit.ui
var editUI string

const mebibyte = 1 << 20

// showEdit lets a person change what a VM is called and how large it is. why is
// why nothing can be changed, or empty.
func showEdit(parent gtk.Widgetter, service Service, vm *model.VM, why string) {
	b := build(editUI)
	dialog := object[*adw.Dialog](b, "dialog")
	entry := func(id, text string) *adw.EntryRow {
		e := object[*adw.EntryRow](b, id)
		e.SetText(text)
		return e
	}
	name, title := entry("name", vm.Name), entry("title", vm.Title)
	tags := entry("tags", strings.Join(vm.Tags, ", "))
	notes := object[*gtk.TextView](b, "notes").Buffer()
	notes.SetText(vm.Description)
	if slices.Contains(vm.Truncated, "Description") { // what is not here would be lost
		view := object[*gtk.TextView](b, "notes")
		view.SetSensitive(false)
		view.SetTooltipText(i18n.T("The description is too long to be edited here."))
	}
	vcpus, memory := object[*adw.SpinRow](b, "vcpus"), object[*adw.SpinRow](b, "memory")
	vcpus.SetValue(float64(vm.VCPUs))
	memory.SetValue(float64(vm.Memory / mebibyte))
	autostart := object[*adw.SwitchRow](b, "autostart")
	autostart.SetActive(vm.Autostart)
	object[*gtk.Button](b, "cancel").ConnectClicked(func() { dialog.Close() })
	save := object[*gtk.Button](b, "save")
	check := func() {
		valid := name.Text() == vm.Name || model.ValidateVMName(name.Text()) == nil
		if valid {
			name.RemoveCSSClass("error")
		} else {
			name.AddCSSClass("error")
		}
		save.SetSensitive(valid && why == "")
	}
	save.SetTooltipText(why)
	name.ConnectChanged(check)
	check()
	save.ConnectClicked(func() {
		var c Changes
		c.Name, c.Title, c.Description = changed(name.Text(), vm.Name), changed(title.Text(), vm.Title), changed(all(notes), vm.Description)
		if now := splitTags(tags.Text()); !slices.Equal(now, vm.Tags) {
			c.Tags = &now
		}
		c.VCPUs = changed(uint32(vcpus.Value()), vm.VCPUs)
		if mib := changed(uint64(memory.Value()), vm.Memory/mebibyte); mib != nil {
			bytes := *mib * mebibyte
			c.Memory = &bytes
		}
		c.Autostart = changed(autostart.Active(), vm.Autostart)
		service.Edit(vm, c, waiting(dialog, service, i18n.F("Not Everything About “%s” Was Changed", store.Title(vm))))
	})
	dialog.Present(parent)
}

// all is the whole text of a buffer.
func all(buffer *gtk.TextBuffer) string {
	start, end := buffer.Bounds()
	return buffer.Text(start, end, true)
}

// changed is a value if it differs.
func changed[T comparable](now, before T) *T {
	if now == before {
		return nil
	}
	return &now
}

func splitTags(text string) []string {
	var tags []string
	for tag := range strings.SplitSeq(text, ",") {
		if tag = strings.TrimSpace(tag); tag != "" && !slices.Contains(tags, tag) {
			tags = append(tags, tag)
		}
	}
	return tags
}
