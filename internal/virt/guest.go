package virt

import (
	"cmp"
	"context"
	"math"
	"strings"
	"time"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

// agentPatience is how long a guest's agent may take for one answer, in
// seconds. libvirt itself would wait for ever.
const agentPatience = 5

// GuestInfo asks a guest's agent; see inventory.Conn.
func (c *Conn) GuestInfo(ctx context.Context, uuid string) (model.GuestInfo, error) {
	return askAgent(ctx, c, uuid, func(dom *libvirt.Domain) (model.GuestInfo, error) {
		info, err := dom.GetGuestInfo(0, 0) // everything that this agent can tell
		if err != nil {
			return model.GuestInfo{}, err
		}
		return guestInfoOf(info), nil
	})
}

// askAgent runs what a guest's agent has to answer soon.
func askAgent[T any](ctx context.Context, c *Conn, uuid string, ask func(*libvirt.Domain) (T, error)) (T, error) {
	return onVM(ctx, c, work[T]{uuid: uuid, lane: laneAgent}, func(dom *libvirt.Domain) (T, error) {
		if err := dom.AgentSetResponseTimeout(agentPatience, 0); err != nil && !unsupported(err) {
			var none T
			return none, err
		}
		// A freeze may take longer, and its caller waits for it. It is not under
		// way now, since it takes the same turn, as a snapshot does that freezes.
		defer func() { _ = dom.AgentSetResponseTimeout(int(libvirt.DOMAIN_AGENT_RESPONSE_TIMEOUT_BLOCK), 0) }()
		return ask(dom)
	})
}

// What a guest says about itself may be anything: no text is longer than maxTold
// characters, and no list than maxListed.
const (
	maxTold   = 256
	maxListed = 256
)

func told(text string) string { return model.PrintableUpTo(text, maxTold) }

func listed[T any](list []T) []T { return list[:min(len(list), maxListed)] }

func guestInfoOf(info *libvirt.DomainGuestInfo) model.GuestInfo {
	g := model.GuestInfo{Hostname: told(info.Hostname)}
	if os := info.OS; os != nil {
		g.OSID, g.OSName, g.OSVersion = told(os.ID), told(cmp.Or(os.PrettyName, os.Name)), told(os.Version)
		g.KernelRelease, g.KernelVersion, g.Machine = told(os.KernelRelease), told(os.KernelVersion), told(os.Machine)
	}
	if zone := info.TimeZone; zone != nil {
		g.TimeZone, g.UTCOffset = told(zone.Name), int32(min(max(zone.Offset, math.MinInt32), math.MaxInt32))
	}
	for _, u := range listed(info.Users) {
		user := model.GuestUser{Name: told(u.Name), Domain: told(u.Domain)}
		if u.LoginTime > 0 && u.LoginTime <= math.MaxInt64/1000 {
			user.LoginAt = time.UnixMilli(int64(u.LoginTime))
		}
		g.Users = append(g.Users, user)
	}
	for _, f := range listed(info.FileSystems) {
		g.Filesystems = append(g.Filesystems, model.GuestFilesystem{
			MountPoint: told(f.MountPoint), Name: told(f.Name), Type: told(f.FSType), Total: f.TotalBytes, Used: f.UsedBytes,
		})
	}
	for _, i := range listed(info.Interfaces) {
		card := model.GuestInterface{Name: told(i.Name), MAC: told(strings.ToLower(i.Hwaddr))}
		for _, a := range listed(i.Addrs) {
			card.IPAddresses = append(card.IPAddresses, told(a.Addr))
		}
		g.Interfaces = append(g.Interfaces, card)
	}
	return g
}

// FreezeFilesystems has the guest write everything out and stop writing. One
// that is frozen already is InvalidState.
func (c *Conn) FreezeFilesystems(ctx context.Context, uuid string) error {
	return c.do(ctx, uuid, laneFreeze, func(dom *libvirt.Domain) error {
		err := dom.FSFreeze(nil, 0)
		if err != nil && strings.Contains(err.Error(), "already") && strings.Contains(err.Error(), "frozen") {
			return errs.Wrap(errs.InvalidState, err, "The file systems of the guest are frozen already.")
		}
		return err
	})
}

// ThawFilesystems lets the guest write again.
func (c *Conn) ThawFilesystems(ctx context.Context, uuid string) error {
	return c.do(ctx, uuid, laneFreeze, func(dom *libvirt.Domain) error { return dom.FSThaw(nil, 0) })
}

// TrimFilesystems has the guest give back the space that it does not need.
func (c *Conn) TrimFilesystems(ctx context.Context, uuid string) error {
	return c.do(ctx, uuid, laneFreeze, func(dom *libvirt.Domain) error { return dom.FSTrim("", 0, 0) })
}
