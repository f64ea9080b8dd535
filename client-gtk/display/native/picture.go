package native

// #include "picture.h"
import "C"

import (
	"runtime"
	"unsafe"
)

// Image is a GdkTexture.
type Image struct{ c *C.GdkTexture }

// ReadImage makes an image that fits into a size; nil when the file's content
// cannot be read. Any goroutine may call it. The image must be freed.
func ReadImage(content []byte, width, height int) *Image {
	if len(content) == 0 {
		return nil
	}
	c := C.kvm_picture_read((*C.guint8)(unsafe.Pointer(&content[0])), C.gsize(len(content)), C.int(width), C.int(height))
	runtime.KeepAlive(content)
	if c == nil {
		return nil
	}
	return &Image{c}
}

// Show puts the image into a GtkPicture, which keeps it as long as it needs it.
func (i *Image) Show(picture uintptr) { C.kvm_picture_set(C.guintptr(picture), i.c) }

// Free gives the image up.
func (i *Image) Free() { C.g_object_unref(C.gpointer(i.c)) }

// CopyImage puts an image file's content on the clipboard.
func CopyImage(content []byte) {
	if len(content) == 0 {
		return
	}
	C.kvm_picture_copy((*C.guint8)(unsafe.Pointer(&content[0])), C.gsize(len(content)))
	runtime.KeepAlive(content)
}
