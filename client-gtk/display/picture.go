package display

import (
	coreglib "github.com/diamondburned/gotk4/pkg/core/glib"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	"org.kvmmanager/client-gtk/display/native"
)

// Image is a small picture of a guest's screen. gotk4 would never free a texture
// that Go made, so whoever has an Image frees it.
type Image struct{ native *native.Image }

// ReadImage makes an image that fits into a size in pixels, of a PNG or JPEG
// file's content; nil when that cannot be read. It takes some time, and any
// goroutine may call it.
func ReadImage(content []byte, width, height int) *Image {
	if i := native.ReadImage(content, width, height); i != nil {
		return &Image{i}
	}
	return nil
}

// Show puts the image into a widget, which keeps what it needs of it.
func (i *Image) Show(picture *gtk.Picture) { i.native.Show(coreglib.BaseObject(picture).Native()) }

// Free gives the image up.
func (i *Image) Free() { i.native.Free() }

// CopyImage puts an image file's content on the desktop's clipboard.
func CopyImage(content []byte) { native.CopyImage(content) }
