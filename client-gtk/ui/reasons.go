package ui

import (
	"strings"

	coreglib "github.com/diamondburned/gotk4/pkg/core/glib"
	"github.com/diamondburned/gotk4/pkg/gio/v2"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	"org.kvmmanager/client-gtk/store"
)

// giveReasons makes a menu say of each entry that cannot be used why that is so:
// as its tooltip, when the menu opens. GTK's menus have none of their own.
func giveReasons(menu gtk.Widgetter, model gio.MenuModeller, why func(store.Action) string) {
	actions := map[string]store.Action{}
	collectActions(gio.BaseMenuModel(model), actions)
	gtk.BaseWidget(menu).ConnectMap(func() {
		eachEntry(menu, func(entry *gtk.Widget) {
			label, _ := entry.ObjectProperty("text").(string)
			if action, known := actions[label]; known {
				entry.SetTooltipText(why(action))
			}
		})
	})
}

// collectActions gathers the actions on VMs by what their entries show, which is
// their label without its mnemonic.
func collectActions(model *gio.MenuModel, actions map[string]store.Action) {
	for i := range model.NItems() {
		if section := model.ItemLink(i, gio.MENU_LINK_SECTION); section != nil {
			collectActions(gio.BaseMenuModel(section), actions)
			continue
		}
		label, action := model.ItemAttributeValue(i, gio.MENU_ATTRIBUTE_LABEL, nil), model.ItemAttributeValue(i, gio.MENU_ATTRIBUTE_ACTION, nil)
		if label == nil || action == nil {
			continue
		}
		if name, ofVM := strings.CutPrefix(action.String(), "vm."); ofVM {
			actions[strings.ReplaceAll(label.String(), "_", "")] = store.Action(name)
		}
	}
}

// eachEntry visits the entries of a menu. Their class is GTK's own secret, but
// not its name.
func eachEntry(of gtk.Widgetter, visit func(*gtk.Widget)) {
	for child := gtk.BaseWidget(of).FirstChild(); child != nil; child = gtk.BaseWidget(child).NextSibling() {
		widget := gtk.BaseWidget(child)
		if coreglib.BaseObject(widget).TypeFromInstance().Name() == "GtkModelButton" {
			visit(widget)
			continue
		}
		eachEntry(widget, visit)
	}
}
