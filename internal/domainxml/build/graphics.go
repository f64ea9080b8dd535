package build

import "libvirt.org/go/libvirtxml"

// makeGraphics makes a display, which listens nowhere: the service hands out
// connections to it. One of the type egl-headless shows nothing itself, and gives
// OpenGL to the others.
func makeGraphics(d *Device) (any, error) {
	kind, err := oneOf("type", d.Type, "vnc", "spice", "egl-headless")
	if err != nil {
		return nil, err
	}
	if _, err := oneOf("listen", d.Listen, "none"); err != nil {
		return nil, err
	}
	if kind == "egl-headless" {
		return &libvirtxml.DomainGraphic{EGLHeadless: &libvirtxml.DomainGraphicEGLHeadless{}}, nil
	}
	nowhere := []libvirtxml.DomainGraphicListener{{}}
	if kind == "spice" {
		return &libvirtxml.DomainGraphic{Spice: &libvirtxml.DomainGraphicSpice{Listeners: nowhere}}, nil
	}
	return &libvirtxml.DomainGraphic{VNC: &libvirtxml.DomainGraphicVNC{Listeners: nowhere}}, nil
}

// makeVideo makes a graphics card.
func makeVideo(d *Device) (any, error) {
	card, err := oneOf("model", d.Model, "virtio", "qxl", "vga", "bochs", "cirrus", "ramfb", "none")
	if err != nil {
		return nil, err
	}
	if d.VideoMemory%1024 != 0 || d.VideoMemory > 1<<30 {
		return nil, invalid("The video memory must be whole KiB, and at most 1 GiB.")
	}
	if d.Heads > 16 {
		return nil, invalid("A graphics card has at most 16 screens.")
	}
	video := libvirtxml.DomainVideoModel{Type: card, VRam: uint(d.VideoMemory / 1024), Heads: uint(d.Heads)}
	if d.Accel3D {
		video.Accel = &libvirtxml.DomainVideoAccel{Accel3D: "yes"}
	}
	return &libvirtxml.DomainVideo{Model: video}, nil
}
