package native

// #include "picture.h"
import "C"

import (
	"runtime"
	"unsafe"
)

// SetPicture gives a GtkPicture an image file's content.
func SetPicture(picture uintptr, image []byte) {
	if len(image) == 0 {
		return
	}
	C.kvm_picture_set(C.guintptr(picture), (*C.guint8)(unsafe.Pointer(&image[0])), C.gsize(len(image)))
	runtime.KeepAlive(image)
}

// CopyImage puts an image file's content on the clipboard.
func CopyImage(image []byte) {
	if len(image) == 0 {
		return
	}
	C.kvm_picture_copy((*C.guint8)(unsafe.Pointer(&image[0])), C.gsize(len(image)))
	runtime.KeepAlive(image)
}
