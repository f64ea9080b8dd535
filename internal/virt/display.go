package virt

import (
	"context"
	"os"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/domainxml"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/service/inventory"
)

// display is an opened display.
type display struct {
	file *os.File
	info inventory.DisplayInfo
}

// OpenDisplay connects to a graphics device; see inventory.Conn. libvirt
// vouches for the caller, so a password of the display is not asked for.
func (c *Conn) OpenDisplay(ctx context.Context, uuid string, index uint32) (*os.File, inventory.DisplayInfo, error) {
	w := work[display]{uuid: uuid, drop: func(d display) { _ = d.file.Close() }}
	d, err := onVM(ctx, c, w, func(dom *libvirt.Domain) (display, error) {
		kind, err := graphicsType(dom, index)
		if err != nil {
			return display{}, err
		}
		file, err := dom.OpenGraphicsFD(uint(index), libvirt.DOMAIN_OPEN_GRAPHICS_SKIPAUTH)
		if err != nil {
			return display{}, err
		}
		return display{file, inventory.DisplayInfo{Type: kind}}, nil
	})
	return d.file, d.info, err
}

// graphicsType finds what a display speaks.
func graphicsType(dom *libvirt.Domain, index uint32) (string, error) {
	active, err := dom.IsActive()
	if err != nil {
		return "", err
	}
	if !active {
		return "", errs.New(errs.InvalidState, "The virtual machine is off, so it has no display.")
	}
	xml, err := dom.GetXMLDesc(0)
	if err != nil {
		return "", err
	}
	vm, err := domainxml.ParseVM(xml, "")
	if err != nil {
		return "", err
	}
	if uint64(index) >= uint64(len(vm.Graphics)) {
		return "", errs.New(errs.NotFound, "The virtual machine has no display number %d.", index)
	}
	return vm.Graphics[index].Type, nil
}
