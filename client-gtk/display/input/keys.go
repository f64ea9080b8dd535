package input

import "slices"

// Key is a key by its place on the keyboard, whatever is printed on it.
type Key struct {
	// Name is Linux's name, such as KEY_LEFTCTRL (linux/input-event-codes.h).
	Name string
	// Code is Linux's number of it. GDK's hardware keycodes, on X11 and on
	// Wayland, are this plus 8.
	Code uint
	// Scancode is what a PC keyboard sends in XT's set 1: one byte, or 0xe0xx
	// for those with that prefix.
	Scancode uint16
}

// gdkOffset is what X11 and GDK add to Linux's codes.
const gdkOffset = 8

// ByName finds a key by Linux's name.
func ByName(name string) (Key, bool) {
	i := slices.IndexFunc(keys, func(k Key) bool { return k.Name == name })
	if i < 0 {
		return Key{}, false
	}
	return keys[i], true
}

// ByKeycode finds a key by GDK's hardware keycode.
func ByKeycode(keycode uint) (Key, bool) {
	i := slices.IndexFunc(keys, func(k Key) bool { return k.Keycode() == keycode })
	if i < 0 {
		return Key{}, false
	}
	return keys[i], true
}

// Keycode is GDK's hardware keycode of a key.
func (k Key) Keycode() uint { return k.Code + gdkOffset }

// Names lists all keys that there are, in the order of Linux's codes.
func Names() []string {
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = k.Name
	}
	return names
}
