package native

// #include <glib.h>
import "C"

import "unsafe"

// to calls a listener if it still listens.
func to(id C.guint64, call func(Listener)) {
	if l, ok := listeners[uint64(id)]; ok {
		call(l)
	}
}

//export kvmGoKey
func kvmGoKey(id C.guint64, keycode, keysym C.guint, pressed C.gboolean) {
	to(id, func(l Listener) { l.Key(uint(keycode), uint(keysym), toBool(pressed)) })
}

//export kvmGoMotion
func kvmGoMotion(id C.guint64, x, y C.double) {
	to(id, func(l Listener) { l.Motion(float64(x), float64(y)) })
}

//export kvmGoButton
func kvmGoButton(id C.guint64, button C.guint, pressed C.gboolean) {
	to(id, func(l Listener) { l.Button(uint(button), toBool(pressed)) })
}

//export kvmGoScroll
func kvmGoScroll(id C.guint64, dx, dy C.double) {
	to(id, func(l Listener) { l.Scroll(float64(dx), float64(dy)) })
}

//export kvmGoFocus
func kvmGoFocus(id C.guint64, focused C.gboolean) {
	to(id, func(l Listener) { l.Focus(toBool(focused)) })
}

//export kvmGoMapped
func kvmGoMapped(id C.guint64, mapped C.gboolean) {
	to(id, func(l Listener) { l.Mapped(toBool(mapped)) })
}

//export kvmGoSized
func kvmGoSized(id C.guint64) { to(id, Listener.Sized) }

//export kvmGoGone
func kvmGoGone(id C.guint64) { to(id, Listener.Gone) }

//export kvmGoClipboard
func kvmGoClipboard(id C.guint64, text *C.char) {
	to(id, func(l Listener) { l.DesktopText(C.GoString(text)) })
}

//export kvmGoConnected
func kvmGoConnected(id C.guint64) { to(id, Listener.Connected) }

//export kvmGoClosed
func kvmGoClosed(id C.guint64, why *C.char) {
	to(id, func(l Listener) { l.Closed(C.GoString(why)) })
}

//export kvmGoResized
func kvmGoResized(id C.guint64, width, height C.int) {
	to(id, func(l Listener) { l.Resized(int(width), int(height)) })
}

//export kvmGoPointerMode
func kvmGoPointerMode(id C.guint64, absolute C.gboolean) {
	to(id, func(l Listener) { l.PointerMode(toBool(absolute)) })
}

//export kvmGoCursor
func kvmGoCursor(id C.guint64, rgba *C.guint8, width, height, hotX, hotY C.int) {
	to(id, func(l Listener) {
		if rgba == nil {
			l.Cursor(nil)
			return
		}
		size := int(width) * int(height) * 4
		l.Cursor(&CursorShape{
			RGBA:  unsafe.Slice((*byte)(unsafe.Pointer(rgba)), size),
			Width: int(width), Height: int(height), HotX: int(hotX), HotY: int(hotY),
		})
	})
}

//export kvmGoGuestText
func kvmGoGuestText(id C.guint64, text *C.char) {
	to(id, func(l Listener) { l.GuestText(C.GoString(text)) })
}

//export kvmGoMoreChannels
func kvmGoMoreChannels(id, channel C.guint64) {
	to(id, func(l Listener) { l.MoreChannels(uint64(channel)) })
}

//export kvmGoTerminalClosed
func kvmGoTerminalClosed(id C.guint64, errno C.int) {
	if closed, ok := terminals[uint64(id)]; ok {
		closed(int(errno))
	}
}
