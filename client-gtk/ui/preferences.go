package ui

import (
	_ "embed"
	"slices"

	"github.com/diamondburned/gotk4-adwaita/pkg/adw"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	"org.kvmmanager/client-gtk/i18n"
)

//go:embed preferences.ui
var preferencesUI string

// releases are the keys that can give the keyboard back.
var releases = []struct {
	name        string
	keys        []string
	accelerator string // as GTK writes them
}{
	{i18n.Mark("Ctrl+Alt"), []string{"KEY_LEFTCTRL", "KEY_LEFTALT"}, "<Control><Alt>"},
	{i18n.Mark("Right Ctrl"), []string{"KEY_RIGHTCTRL"}, "Control_R"},
	{i18n.Mark("Ctrl+Shift"), []string{"KEY_LEFTCTRL", "KEY_LEFTSHIFT"}, "<Control><Shift>"},
	{i18n.Mark("Shift+F12"), []string{"KEY_LEFTSHIFT", "KEY_F12"}, "<Shift>F12"},
}

// showPreferences lets a person choose. Each choice takes effect at once.
func showPreferences(parent gtk.Widgetter, service Service) {
	b := build(preferencesUI)
	p := service.Preferences()
	release := object[*adw.ComboRow](b, "release")
	names := make([]string, len(releases))
	for i, r := range releases {
		names[i] = i18n.T(r.name)
	}
	release.SetModel(gtk.NewStringList(names))
	for i, r := range releases {
		if slices.Equal(r.keys, p.ReleaseKeys) {
			release.SetSelected(uint(i))
		}
	}
	release.NotifyProperty("selected", func() {
		if at := int(release.Selected()); at < len(releases) {
			p.ReleaseKeys = releases[at].keys
			service.PreferencesChanged()
		}
	})
	for id, value := range map[string]*bool{"grab": &p.GrabShortcuts, "clipboard": &p.ShareClipboard, "notify": &p.Notify} {
		row := object[*adw.SwitchRow](b, id)
		row.SetActive(*value)
		row.NotifyProperty("active", func() {
			*value = row.Active()
			service.PreferencesChanged()
		})
	}
	object[*adw.PreferencesDialog](b, "dialog").Present(parent)
}
