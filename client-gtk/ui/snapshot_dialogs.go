package ui

import (
	_ "embed"
	"strings"
	"time"

	"github.com/diamondburned/gotk4-adwaita/pkg/adw"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	"org.kvmmanager/client-gtk/i18n"
	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/model"
)

var (
	//go:embed snapshot.ui
	snapshotUI string
	//go:embed snapshot_details.ui
	snapshotDetailsUI string
)

// The beginnings of names that the program gives. They are plain, since QEMU
// takes no others for a guest that runs.
const (
	newSnapshotName    = "snapshot-"
	beforeSnapshotName = "before-going-back-"
)

// detailWidth and detailHeight are the size of the picture of a snapshot, in
// pixels.
const (
	detailWidth  = 400
	detailHeight = 250

	heightWithPicture = 680
)

// showTakeSnapshot lets a person take a snapshot of a VM that has these.
func showTakeSnapshot(parent gtk.Widgetter, service Service, vm *model.VM, tree []*model.Snapshot) {
	b := build(snapshotUI)
	dialog, take := object[*adw.Dialog](b, "dialog"), object[*gtk.Button](b, "take")
	name, names := object[*adw.EntryRow](b, "name"), object[*adw.PreferencesGroup](b, "names")
	description := object[*gtk.TextView](b, "description").Buffer()
	memory, quiesce := object[*adw.SwitchRow](b, "memory"), object[*adw.SwitchRow](b, "quiesce")
	kind := object[*adw.ComboRow](b, "kind")
	memory.SetVisible(vm.State.Active())
	memory.SetActive(vm.State.Active())
	request := func() store.SnapshotRequest {
		return store.SnapshotRequest{
			Name: name.Text(), Description: all(description), Kind: store.SnapshotKinds[kind.Selected()],
			Memory: memory.Active(), Quiesce: quiesce.Visible() && quiesce.Active(),
		}
	}
	check := func() {
		// Without the memory it is the guest's files that have to be whole.
		quiesce.SetVisible(vm.State == model.VMRunning && vm.GuestAgent == model.AgentConnected && !memory.Active())
		problem := words.SnapshotProblem(request(), vm, tree)
		names.SetDescription(problem)
		take.SetSensitive(problem == "")
	}
	name.ConnectChanged(check)
	description.ConnectChanged(check)
	memory.NotifyProperty("active", check)
	quiesce.NotifyProperty("active", check)
	kind.NotifyProperty("selected", check)
	name.SetText(store.SnapshotName(newSnapshotName, time.Now(), tree))
	check()
	object[*gtk.Button](b, "cancel").ConnectClicked(func() { dialog.Close() })
	take.ConnectClicked(func() {
		service.TakeSnapshot(vm, request(), waiting(dialog, service, i18n.F("No Snapshot of “%s” Was Taken", store.Title(vm))))
	})
	dialog.Present(parent)
}

// showSnapshot shows what is known of a snapshot, and offers what can be done
// with it.
func showSnapshot(parent gtk.Widgetter, service Service, vm *model.VM, host *model.Host, s *model.Snapshot, tree []*model.Snapshot, permissions map[string]client.Permission) {
	b := build(snapshotDetailsUI)
	dialog, save := object[*adw.Dialog](b, "dialog"), object[*gtk.Button](b, "save")
	dialog.SetTitle(s.Name)
	facts := []fact{{i18n.T("Snapshot"), s.Name}, {i18n.T("What It Has"), strings.Join(words.SnapshotFacts(s), " · ")}}
	if s.Current {
		facts = append(facts, fact{i18n.T("Current"), i18n.T("What the virtual machine has now began here")})
	}
	newRows(object[*adw.PreferencesGroup](b, "facts")).set(facts)
	open := true
	dialog.ConnectClosed(func() { open = false })
	if permissions[store.RightConsole] == client.Allowed {
		showPicture(service, object[*gtk.Picture](b, "picture"), s, detailWidth, detailHeight, func() bool {
			if open {
				dialog.SetContentHeight(heightWithPicture) // it does not grow by itself
			}
			return open
		})
	}
	view := object[*gtk.TextView](b, "description")
	description := view.Buffer()
	description.SetText(s.Description)
	why := words.WhyNot(store.Snapshots, vm, host, permissions)
	view.SetEditable(why == "")
	description.ConnectChanged(func() { save.SetSensitive(why == "" && all(description) != s.Description) })
	save.ConnectClicked(func() {
		service.DescribeSnapshot(s, all(description), waiting(dialog, service, i18n.F("The Snapshot “%s” Was Not Described", s.Name)))
	})
	for id, ask := range map[string]func(){
		"revert": func() { askRevert(parent, service, vm, s, tree) },
		"delete": func() { askDeleteSnapshot(parent, service, s, tree) },
	} {
		button := object[*gtk.Button](b, id)
		button.SetSensitive(why == "")
		button.SetTooltipText(why)
		button.ConnectClicked(func() {
			dialog.Close()
			ask()
		})
	}
	dialog.Present(parent)
}

// askRevert asks whether to go back to a snapshot, with a snapshot of what the
// VM is now if that is wanted.
func askRevert(parent gtk.Widgetter, service Service, vm *model.VM, s *model.Snapshot, tree []*model.Snapshot) {
	first := adw.NewSwitchRow()
	first.SetTitle(i18n.T("Take a Snapshot First"))
	first.SetSubtitle(i18n.T("To be able to return to what it is now"))
	start := adw.NewSwitchRow()
	start.SetTitle(i18n.T("Start It Afterwards"))
	start.SetVisible(s.VMState == model.VMShutOff)
	askDestructive(parent, i18n.F("Go Back to “%s”?", s.Name), words.RevertLoses(vm, s), i18n.T("_Go Back"), []gtk.Widgetter{first, start}, func() {
		before := ""
		if first.Active() {
			before = store.SnapshotName(beforeSnapshotName, time.Now(), tree)
		}
		service.RevertSnapshot(vm, s, before, start.Active())
	})
}

// askDeleteSnapshot asks whether to delete a snapshot, and what is below it.
func askDeleteSnapshot(parent gtk.Widgetter, service Service, s *model.Snapshot, tree []*model.Snapshot) {
	var rows []gtk.Widgetter
	children := adw.NewSwitchRow()
	if below := store.Below(s, tree); below > 0 {
		children.SetTitle(i18n.T("Everything Below It, Too"))
		children.SetSubtitle(i18n.Count("%d more snapshot", "%d more snapshots", below))
		rows = append(rows, children)
	}
	text := i18n.T("The virtual machine stays as it is, but can no longer go back to this.")
	askDestructive(parent, i18n.F("Delete the Snapshot “%s”?", s.Name), text, i18n.T("_Delete"), rows, func() {
		service.DeleteSnapshot(s, children.Active())
	})
}
