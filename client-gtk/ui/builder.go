package ui

import (
	"fmt"

	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	"org.kvmmanager/client-gtk/i18n"
	"org.kvmmanager/client-gtk/store"
)

// words is values in the user's language.
var words = store.Words{Translate: i18n.T}

// build makes the objects of a definition. One that is wrong is a mistake in
// the program.
func build(definition string) *gtk.Builder {
	b := gtk.NewBuilder()
	b.SetTranslationDomain(i18n.Domain)
	if err := b.AddFromString(definition); err != nil {
		panic(fmt.Sprintf("ui: %v", err))
	}
	return b
}

// object is an object of a definition by its id.
func object[T any](b *gtk.Builder, id string) T {
	o := b.GetObject(id)
	if o == nil {
		panic("ui: no object is called " + id)
	}
	return o.Cast().(T)
}

// icons of states; each has a text beside it that says the same.
func stateIcon(s string) string {
	switch s {
	case "running", "starting", "restoring", "migrating":
		return "media-playback-start-symbolic"
	case "paused", "suspended", "saving":
		return "media-playback-pause-symbolic"
	case "crashed":
		return "dialog-warning-symbolic"
	default:
		return "media-playback-stop-symbolic"
	}
}
