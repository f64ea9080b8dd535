package display

import (
	coreglib "github.com/diamondburned/gotk4/pkg/core/glib"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	"org.kvmmanager/client-gtk/display/native"
)

// SetPicture shows an image, which is PNG, JPEG or TIFF. One that cannot be
// read changes nothing. A texture that Go made would never be freed by gotk4.
func SetPicture(picture *gtk.Picture, image []byte) {
	native.SetPicture(coreglib.InternObject(picture).Native(), image)
}

// CopyImage puts an image, such as SetPicture takes, on the desktop's clipboard.
func CopyImage(image []byte) { native.CopyImage(image) }
