package virt

import (
	"context"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/errs"
)

const (
	maxKeys = 16 // libvirt's own bound, VIR_DOMAIN_SEND_KEY_MAX_KEYS
	keyHold = 50 // ms between pressing and releasing
	maxCode = 0x2ff
)

// SendKeys presses keys together; see inventory.Conn.
func (c *Conn) SendKeys(ctx context.Context, uuid string, codes []uint32) error {
	if len(codes) == 0 || len(codes) > maxKeys {
		return errs.New(errs.InvalidArgument, "Between 1 and %d keys can be pressed at once, not %d.", maxKeys, len(codes))
	}
	keys := make([]uint, len(codes))
	for i, code := range codes {
		if code == 0 || code > maxCode {
			return errs.New(errs.InvalidArgument, "There is no key with the code %d.", code)
		}
		keys[i] = uint(code)
	}
	return c.do(ctx, uuid, laneWork, func(dom *libvirt.Domain) error {
		return dom.SendKey(uint(libvirt.KEYCODE_SET_LINUX), keyHold, keys, 0)
	})
}
