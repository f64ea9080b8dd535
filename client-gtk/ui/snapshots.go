package ui

import (
	"strings"

	"github.com/diamondburned/gotk4-adwaita/pkg/adw"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	"org.kvmmanager/client-gtk/display"
	"org.kvmmanager/client-gtk/i18n"
	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/model"
)

// How far a snapshot stands to the right of its parent, in pixels, and how often
// at most: a long chain is no reason to leave a narrow window.
const (
	indent    = 24
	mostSteps = 6
)

// snapshotWidth and snapshotHeight are the size of a picture in the list, in
// pixels.
const (
	snapshotWidth  = 64
	snapshotHeight = 40
)

// snapshots lists the snapshots of a VM as a tree, and offers what can be done
// with them. Rows are used again.
type snapshots struct {
	service Service
	stack   *gtk.Stack
	group   *adw.PreferencesGroup
	take    []*gtk.Button // in the list, and where there is none
	rows    []*snapshotRow

	vm          *model.VM
	host        *model.Host
	permissions map[string]client.Permission
	tree        []store.SnapshotRow
}

type snapshotRow struct {
	row     *adw.ActionRow
	icon    *gtk.Image
	picture *gtk.Picture
	shown   *model.Snapshot // that picture is of, or has been asked for
	current *gtk.Label
	open    *gtk.Button
}

func newSnapshots(b *gtk.Builder, service Service) *snapshots {
	s := &snapshots{
		service: service, stack: object[*gtk.Stack](b, "snapshots"), group: object[*adw.PreferencesGroup](b, "snapshot_list"),
		take: []*gtk.Button{object[*gtk.Button](b, "first_snapshot"), object[*gtk.Button](b, "another_snapshot")},
	}
	for _, button := range s.take {
		button.ConnectClicked(func() { showTakeSnapshot(s.stack, s.service, s.vm, s.all()) })
	}
	return s
}

// enable lets through what the VM's state and a person's rights allow.
func (s *snapshots) enable(vm *model.VM, host *model.Host, permissions map[string]client.Permission) {
	s.vm, s.host, s.permissions = vm, host, permissions
	why := words.WhyNot(store.TakeSnapshot, vm, host, permissions)
	for _, button := range s.take {
		button.SetSensitive(why == "")
		button.SetTooltipText(why)
	}
	for i, row := range s.tree {
		s.picture(s.rows[i], row.Snapshot)
	}
}

// all is the snapshots that are shown.
func (s *snapshots) all() []*model.Snapshot {
	list := make([]*model.Snapshot, len(s.tree))
	for i, row := range s.tree {
		list[i] = row.Snapshot
	}
	return list
}

// show shows these snapshots and no others.
func (s *snapshots) show(all []*model.Snapshot) {
	s.tree = store.SnapshotTree(all)
	for len(s.rows) < len(s.tree) {
		s.rows = append(s.rows, s.newRow(len(s.rows)))
	}
	for i, r := range s.rows {
		r.row.SetVisible(i < len(s.tree))
		if i < len(s.tree) {
			r.fill(s.tree[i])
			s.picture(r, s.tree[i].Snapshot)
		}
	}
	if len(s.tree) > 0 {
		s.stack.SetVisibleChildName("list")
	} else {
		s.stack.SetVisibleChildName("none")
	}
}

func (s *snapshots) newRow(place int) *snapshotRow {
	r := &snapshotRow{row: adw.NewActionRow(), icon: gtk.NewImageFromIconName("camera-photo-symbolic"), picture: gtk.NewPicture(), current: gtk.NewLabel(i18n.T("Current"))}
	r.row.SetUseMarkup(false)
	r.row.SetSubtitleLines(4)
	r.open = opener(r.row, func() {
		if place < len(s.tree) {
			showSnapshot(s.stack, s.service, s.vm, s.host, s.tree[place].Snapshot, s.all(), s.permissions)
		}
	})
	r.current.AddCSSClass("accent")
	r.current.AddCSSClass("caption-heading")
	r.picture.SetSizeRequest(snapshotWidth, snapshotHeight)
	r.picture.SetMarginTop(6)
	r.picture.SetMarginBottom(6)
	r.picture.AddCSSClass("small-screen")
	r.row.AddPrefix(r.picture)
	r.row.AddPrefix(r.icon)
	r.row.AddSuffix(r.current)
	r.row.AddSuffix(r.open)
	s.group.Add(r.row)
	return r
}

// picture has a row show what the guest showed when the snapshot was made.
func (s *snapshots) picture(r *snapshotRow, of *model.Snapshot) {
	if r.shown != nil && r.shown.Path() == of.Path() && r.shown.CreatedAt.Equal(of.CreatedAt) {
		return
	}
	r.picture.SetVisible(false)
	r.shown = nil
	if s.permissions[store.RightConsole] == client.Allowed {
		r.shown = of
		showPicture(s.service, r.picture, of, snapshotWidth, snapshotHeight, func() bool { return r.shown == of })
	}
}

// showPicture shows a picture of a snapshot if there is one that may be seen, and
// if it is still wanted when it comes. Sizes are in pixels.
func showPicture(service Service, picture *gtk.Picture, of *model.Snapshot, width, height int, wanted func() bool) {
	if of.VMState == model.VMShutOff {
		return // there was nothing to see
	}
	scale := max(picture.ScaleFactor(), 1)
	service.SnapshotPicture(of.Path(), scale*width, scale*height, func(image *display.Image) {
		if image == nil {
			return
		}
		if wanted() {
			image.Show(picture)
			picture.SetVisible(true)
		}
		image.Free()
	})
}

func (r *snapshotRow) fill(s store.SnapshotRow) {
	r.icon.SetMarginStart(min(s.Depth, mostSteps) * indent)
	r.row.SetTitle(s.Name)
	r.open.SetTooltipText(i18n.F("Open “%s”", s.Name))
	text := strings.Join(words.SnapshotFacts(s.Snapshot), " · ")
	if s.Description != "" {
		text += "\n" + s.Description
	}
	r.row.SetSubtitle(text)
	r.current.SetVisible(s.Current)
	r.current.SetTooltipText(i18n.T("What the virtual machine has now began here"))
}
