package ui

import (
	"strings"

	"github.com/diamondburned/gotk4-adwaita/pkg/adw"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	"org.kvmmanager/client-gtk/i18n"
	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/model"
)

// How far a snapshot stands to the right of its parent, in pixels, and how often
// at most: a long chain is no reason to leave a narrow window.
const (
	indent    = 24
	mostSteps = 6
)

// snapshots lists the snapshots of a VM as a tree. Rows are used again.
type snapshots struct {
	stack *gtk.Stack
	group *adw.PreferencesGroup
	rows  []*snapshotRow
}

type snapshotRow struct {
	row     *adw.ActionRow
	icon    *gtk.Image
	current *gtk.Label
}

func newSnapshots(b *gtk.Builder) *snapshots {
	return &snapshots{stack: object[*gtk.Stack](b, "snapshots"), group: object[*adw.PreferencesGroup](b, "snapshot_list")}
}

// show shows these snapshots and no others.
func (s *snapshots) show(all []*model.Snapshot) {
	tree := store.SnapshotTree(all)
	for len(s.rows) < len(tree) {
		s.rows = append(s.rows, s.newRow())
	}
	for i, r := range s.rows {
		r.row.SetVisible(i < len(tree))
		if i < len(tree) {
			r.fill(tree[i])
		}
	}
	if len(tree) > 0 {
		s.stack.SetVisibleChildName("list")
	} else {
		s.stack.SetVisibleChildName("none")
	}
}

func (s *snapshots) newRow() *snapshotRow {
	r := &snapshotRow{row: adw.NewActionRow(), icon: gtk.NewImageFromIconName("camera-photo-symbolic"), current: gtk.NewLabel(i18n.T("Current"))}
	r.row.SetUseMarkup(false)
	r.row.SetSubtitleLines(4)
	r.current.AddCSSClass("accent")
	r.current.AddCSSClass("caption-heading")
	r.row.AddPrefix(r.icon)
	r.row.AddSuffix(r.current)
	s.group.Add(r.row)
	return r
}

func (r *snapshotRow) fill(s store.SnapshotRow) {
	r.icon.SetMarginStart(min(s.Depth, mostSteps) * indent)
	r.row.SetTitle(s.Name)
	text := strings.Join(words.SnapshotFacts(s.Snapshot), " · ")
	if s.Description != "" {
		text += "\n" + s.Description
	}
	r.row.SetSubtitle(text)
	r.current.SetVisible(s.Current)
	r.current.SetTooltipText(i18n.T("What the virtual machine has now began here"))
}
