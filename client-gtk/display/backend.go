package display

import (
	"fmt"
	"os"

	"org.kvmmanager/client-gtk/display/input"
	"org.kvmmanager/client-gtk/display/native"
)

// backend is a protocol: what a Screen asks of VNC and of SPICE alike.
type backend interface {
	input.Mover
	Key(scancode uint16, keysym uint, pressed bool)
	Resize(width, height int) bool
	OfferText(text string)
	SetActive(active bool)
	Close()
}

// dial takes the socket over, also when it fails.
func dial(f *os.File, kind string, v *native.View) (backend, error) {
	switch kind {
	case "vnc":
		return native.OpenVNC(f, v)
	case "spice":
		return native.OpenSpice(f, v)
	default:
		f.Close()
		return nil, fmt.Errorf("cannot show displays of the kind %q", kind)
	}
}
