package virt

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/domainxml"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/inventory"
)

// networkEdit is a change of a network under way. live is nil while it is off,
// stored is empty without a definition.
type networkEdit struct {
	conn   *libvirt.Connect
	n      *libvirt.Network
	stored string
	live   *model.Network
	given  model.Keys
	dryRun bool
}

// editNetwork reads what a network is, and has it changed.
func editNetwork(ctx context.Context, c *Conn, uuid string, how inventory.NetworkChange, fn func(*networkEdit) (inventory.NetworkChanged, error)) (inventory.NetworkChanged, error) {
	return operate(ctx, c, work[inventory.NetworkChanged]{uuid: uuid}, func(conn *libvirt.Connect) (inventory.NetworkChanged, error) {
		n, err := conn.LookupNetworkByUUIDString(uuid)
		if err != nil {
			return inventory.NetworkChanged{}, err
		}
		defer n.Free()
		e := &networkEdit{conn: conn, n: n, given: how.Given, dryRun: how.DryRun}
		if err := e.read(); err != nil {
			return inventory.NetworkChanged{}, err
		}
		return fn(e)
	})
}

func (e *networkEdit) read() error {
	active, err := e.n.IsActive()
	if err != nil {
		return err
	}
	persistent, err := e.n.IsPersistent()
	if err != nil {
		return err
	}
	if active {
		xml, err := e.n.GetXMLDesc(0)
		if err != nil {
			return err
		}
		if e.live, err = domainxml.ParseNetwork(xml); err != nil {
			return err
		}
	}
	if persistent {
		e.stored, err = storedNetwork(e.n)
	}
	return err
}

// ConfigureNetwork changes a network; see inventory.Conn.
func (c *Conn) ConfigureNetwork(ctx context.Context, uuid string, changes model.NetworkSetup, how inventory.NetworkChange) (inventory.NetworkChanged, error) {
	return editNetwork(ctx, c, uuid, how, func(e *networkEdit) (inventory.NetworkChanged, error) {
		return e.apply(func(s *model.NetworkSetup) error {
			before := *s
			s.Take(&changes, e.given)
			if err := model.ValidateNetworkSetup(s, e.given); err != nil {
				return errs.New(errs.InvalidArgument, "%s", err)
			}
			own := e.live != nil && s.Bridge == e.live.Bridge // which the host has because of it
			return c.checkLink(e.conn, s, model.Keys{
				"bridge": before.Bridge != s.Bridge && !own, "mode": before.Mode != s.Mode, "host-device": before.HostDevice != s.HostDevice,
			})
		})
	})
}

// AddDHCPHost adds a fixed lease; see inventory.Conn.
func (c *Conn) AddDHCPHost(ctx context.Context, uuid string, host model.DHCPHost) error {
	added := false
	return c.editHosts(ctx, uuid, func(s *model.NetworkSetup) error {
		if err := s.ValidateDHCPHost(&host); err != nil {
			return errs.New(errs.InvalidArgument, "%s", err)
		}
		if slices.Contains(s.DHCPHosts, host) {
			return nil // the other definition may lack it
		}
		for i := range s.DHCPHosts {
			if what := host.Collides(&s.DHCPHosts[i]); what != "" {
				return errs.New(errs.AlreadyExists, "Another guest has the same %s. Remove its entry first.", what)
			}
		}
		added = true
		s.DHCPHosts = append(slices.Clone(s.DHCPHosts), host)
		return nil
	}, func() error {
		if !added {
			return errs.New(errs.AlreadyExists, "The network has this entry already.")
		}
		return nil
	})
}

// RemoveDHCPHost removes a fixed lease; see inventory.Conn.
func (c *Conn) RemoveDHCPHost(ctx context.Context, uuid string, host model.DHCPHost) error {
	found := false
	return c.editHosts(ctx, uuid, func(s *model.NetworkSetup) error {
		var left []model.DHCPHost
		for _, h := range s.DHCPHosts {
			if !h.Fits(&host) {
				left = append(left, h)
			}
		}
		switch fit := len(s.DHCPHosts) - len(left); {
		case fit > 1:
			return errs.New(errs.InvalidArgument, "%d entries of the network are like this. Say more of the one that is meant.", fit)
		case fit == 1:
			found = true
		}
		s.DHCPHosts = left
		return nil
	}, func() error {
		if !found {
			return errs.New(errs.NotFound, "The network has no such entry.")
		}
		return nil
	})
}

// editHosts changes the fixed leases at once and for good. settled is asked when
// both definitions have been looked at.
func (c *Conn) editHosts(ctx context.Context, uuid string, change func(*model.NetworkSetup) error, settled func() error) error {
	how := inventory.NetworkChange{Given: model.Keys{"dhcp-hosts": true}}
	_, err := editNetwork(ctx, c, uuid, how, func(e *networkEdit) (inventory.NetworkChanged, error) {
		if setup := e.setup(); !setup.Managed() {
			return inventory.NetworkChanged{}, errs.New(errs.NotSupported, "In this network others give out the addresses.")
		}
		plan, err := e.plan(change)
		if err == nil {
			err = settled()
		}
		if err != nil {
			return inventory.NetworkChanged{}, err
		}
		return plan.changed, e.carryOut(plan)
	})
	return err
}

// setup is what the network is called to be: stored if it can be.
func (e *networkEdit) setup() model.NetworkSetup {
	if e.stored != "" {
		if n, err := domainxml.ParseNetwork(e.stored); err == nil {
			return n.Setup()
		}
	}
	return e.live.Setup()
}

// networkPlan is what is to be done: a new stored definition, which is empty
// when there is none, and steps of the running network.
type networkPlan struct {
	stored  string
	steps   []domainxml.NetworkUpdate
	changed inventory.NetworkChanged
}

func (e *networkEdit) apply(change func(*model.NetworkSetup) error) (inventory.NetworkChanged, error) {
	plan, err := e.plan(change)
	if err != nil || e.dryRun {
		return plan.changed, err
	}
	return plan.changed, e.carryOut(plan)
}

// plan works out what becomes of a change of both definitions.
func (e *networkEdit) plan(change func(*model.NetworkSetup) error) (networkPlan, error) {
	var p networkPlan
	if e.stored != "" {
		n, err := domainxml.ParseNetwork(e.stored)
		if err != nil {
			return p, err
		}
		setup := n.Setup()
		if err := change(&setup); err != nil {
			return p, err
		}
		if p.stored, err = domainxml.ChangeNetwork(e.stored, &setup, e.given); err != nil {
			return p, err
		}
	}
	if e.live == nil {
		p.changed.NextStart = slices.Sorted(maps.Keys(e.given))
		return p, nil
	}
	want := e.live.Setup()
	if err := change(&want); err != nil && e.stored == "" {
		return p, err // otherwise it fits the next start, and that has been said
	}
	p.changed.Now, p.changed.NextStart = domainxml.SplitNetworkChange(e.live, &want, e.given)
	if e.stored == "" && len(p.changed.NextStart) > 0 {
		return p, errs.New(errs.NotSupported, "The network has no stored configuration, and “%s” cannot change while it is active.", strings.Join(p.changed.NextStart, ", "))
	}
	var err error
	p.steps, err = domainxml.NetworkUpdates(e.live, &want, p.changed.Now)
	return p, err
}

// carryOut stores the new definition and then changes the running network. If
// that fails, everything is as it was.
func (e *networkEdit) carryOut(p networkPlan) error {
	if err := e.define(p.stored); err != nil {
		return err
	}
	for i, step := range p.steps {
		err := e.do(step)
		if err == nil {
			continue
		}
		for _, done := range slices.Backward(p.steps[:i]) {
			done.Add = !done.Add
			e.undo(e.do(done))
		}
		e.undo(e.define(e.stored))
		return err
	}
	return nil
}

func (e *networkEdit) undo(err error) {
	if err != nil {
		slog.Warn("a change of a network that failed cannot be taken back whole", "error", err)
	}
}

func (e *networkEdit) define(xml string) error {
	if xml == "" {
		return nil
	}
	n, err := e.conn.NetworkDefineXML(xml)
	if err != nil {
		return err
	}
	return n.Free()
}

var networkSections = map[domainxml.NetworkSection]libvirt.NetworkUpdateSection{
	domainxml.DHCPRangeSection: libvirt.NETWORK_SECTION_IP_DHCP_RANGE,
	domainxml.DHCPHostSection:  libvirt.NETWORK_SECTION_IP_DHCP_HOST,
	domainxml.DNSHostSection:   libvirt.NETWORK_SECTION_DNS_HOST,
}

func (e *networkEdit) do(step domainxml.NetworkUpdate) error {
	command := libvirt.NETWORK_UPDATE_COMMAND_DELETE
	if step.Add {
		command = libvirt.NETWORK_UPDATE_COMMAND_ADD_LAST
	}
	return e.n.Update(command, networkSections[step.Section], step.Parent, step.XML, libvirt.NETWORK_UPDATE_AFFECT_LIVE)
}
