package virt

import (
	"time"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/service/inventory"
)

// subscription registers one callback with libvirt.
type subscription = func() (int, error)

// onLifecycle takes note of what the event says besides "read it again".
func (c *Conn) onLifecycle(_ *libvirt.Connect, d *libvirt.Domain, e *libvirt.DomainEventLifecycle) {
	defer contain()
	crashed := e.Event == libvirt.DOMAIN_EVENT_CRASHED ||
		e.Event == libvirt.DOMAIN_EVENT_STOPPED && e.Detail == int(libvirt.DOMAIN_EVENT_STOPPED_CRASHED)
	uuid := uuidOf(d)
	switch e.Event {
	case libvirt.DOMAIN_EVENT_STARTED:
		c.memory.started(uuid, time.Now())
	case libvirt.DOMAIN_EVENT_STOPPED, libvirt.DOMAIN_EVENT_CRASHED:
		c.memory.stopped(uuid)
		c.later(uuid, taskSizes)
	case libvirt.DOMAIN_EVENT_DEFINED, libvirt.DOMAIN_EVENT_UNDEFINED:
		c.memory.redefined(uuid)
	}
	c.hint(inventory.VMEvent, uuid, crashed)
}

// onAgent asks a guest for its addresses once its agent answers.
func (c *Conn) onAgent(_ *libvirt.Connect, d *libvirt.Domain, e *libvirt.DomainEventAgentLifecycle) {
	defer contain()
	uuid := uuidOf(d)
	if e.State == libvirt.CONNECT_DOMAIN_EVENT_AGENT_LIFECYCLE_STATE_CONNECTED {
		c.askAgentSoon(uuid)
	} else {
		c.memory.setAgent(uuid, nil)
	}
	c.hint(inventory.VMEvent, uuid, false)
}

// changed is the whole reaction to most events.
func (c *Conn) changed(d *libvirt.Domain) {
	defer contain()
	c.hint(inventory.VMEvent, uuidOf(d), false)
}

// disksChanged also has the disks measured again.
func (c *Conn) disksChanged(d *libvirt.Domain) {
	defer contain()
	uuid := uuidOf(d)
	c.later(uuid, taskSizes)
	c.hint(inventory.VMEvent, uuid, false)
}

// domainEvents is every event of VMs but the lifecycle.
func (c *Conn) domainEvents() []subscription {
	conn := c.main.conn
	generic := func(_ *libvirt.Connect, d *libvirt.Domain) { c.changed(d) }
	return []subscription{
		func() (int, error) { return conn.DomainEventRebootRegister(nil, generic) },
		func() (int, error) { return conn.DomainEventControlErrorRegister(nil, generic) },
		func() (int, error) {
			return conn.DomainEventAgentLifecycleRegister(nil, c.onAgent)
		},
		func() (int, error) {
			return conn.DomainEventWatchdogRegister(nil, func(_ *libvirt.Connect, d *libvirt.Domain, _ *libvirt.DomainEventWatchdog) { c.changed(d) })
		},
		func() (int, error) {
			return conn.DomainEventIOErrorReasonRegister(nil, func(_ *libvirt.Connect, d *libvirt.Domain, _ *libvirt.DomainEventIOErrorReason) { c.changed(d) })
		},
		func() (int, error) {
			return conn.DomainEventTrayChangeRegister(nil, func(_ *libvirt.Connect, d *libvirt.Domain, _ *libvirt.DomainEventTrayChange) { c.changed(d) })
		},
		func() (int, error) {
			return conn.DomainEventPMWakeupRegister(nil, func(_ *libvirt.Connect, d *libvirt.Domain, _ *libvirt.DomainEventPMWakeup) { c.changed(d) })
		},
		func() (int, error) {
			return conn.DomainEventPMSuspendRegister(nil, func(_ *libvirt.Connect, d *libvirt.Domain, _ *libvirt.DomainEventPMSuspend) { c.changed(d) })
		},
		func() (int, error) {
			return conn.DomainEventPMSuspendDiskRegister(nil, func(_ *libvirt.Connect, d *libvirt.Domain, _ *libvirt.DomainEventPMSuspendDisk) { c.changed(d) })
		},
		func() (int, error) {
			return conn.DomainEventBalloonChangeRegister(nil, func(_ *libvirt.Connect, d *libvirt.Domain, _ *libvirt.DomainEventBalloonChange) { c.changed(d) })
		},
		func() (int, error) {
			return conn.DomainEventTunableRegister(nil, func(_ *libvirt.Connect, d *libvirt.Domain, _ *libvirt.DomainEventTunable) { c.changed(d) })
		},
		func() (int, error) {
			return conn.DomainEventMetadataChangeRegister(nil, func(_ *libvirt.Connect, d *libvirt.Domain, _ *libvirt.DomainEventMetadataChange) { c.changed(d) })
		},
		func() (int, error) {
			return conn.DomainEventJobCompletedRegister(nil, func(_ *libvirt.Connect, d *libvirt.Domain, _ *libvirt.DomainEventJobCompleted) { c.changed(d) })
		},
		func() (int, error) {
			return conn.DomainEventMemoryFailureRegister(nil, func(_ *libvirt.Connect, d *libvirt.Domain, _ *libvirt.DomainEventMemoryFailure) { c.changed(d) })
		},
		func() (int, error) {
			return conn.DomainEventMemoryDeviceSizeChangeRegister(nil, func(_ *libvirt.Connect, d *libvirt.Domain, _ *libvirt.DomainEventMemoryDeviceSizeChange) {
				c.changed(d)
			})
		},
		func() (int, error) {
			return conn.DomainEventDeviceRemovalFailedRegister(nil, func(_ *libvirt.Connect, d *libvirt.Domain, _ *libvirt.DomainEventDeviceRemovalFailed) { c.changed(d) })
		},
		func() (int, error) {
			return conn.DomainEventNICMACChangeRegister(nil, func(_ *libvirt.Connect, d *libvirt.Domain, _ *libvirt.DomainEventNICMACChange) { c.changed(d) })
		},
		func() (int, error) {
			return conn.DomainEventDeviceAddedRegister(nil, func(_ *libvirt.Connect, d *libvirt.Domain, _ *libvirt.DomainEventDeviceAdded) { c.disksChanged(d) })
		},
		func() (int, error) {
			return conn.DomainEventDeviceRemovedRegister(nil, func(_ *libvirt.Connect, d *libvirt.Domain, _ *libvirt.DomainEventDeviceRemoved) { c.disksChanged(d) })
		},
		func() (int, error) {
			return conn.DomainEventDiskChangeRegister(nil, func(_ *libvirt.Connect, d *libvirt.Domain, _ *libvirt.DomainEventDiskChange) { c.disksChanged(d) })
		},
		func() (int, error) {
			return conn.DomainEventBlockJob2Register(nil, func(_ *libvirt.Connect, d *libvirt.Domain, _ *libvirt.DomainEventBlockJob) { c.disksChanged(d) })
		},
	}
}

// networkEvents is every event of networks.
func (c *Conn) networkEvents() []subscription {
	conn := c.main.conn
	return []subscription{
		func() (int, error) {
			return conn.NetworkEventLifecycleRegister(nil, func(_ *libvirt.Connect, n *libvirt.Network, _ *libvirt.NetworkEventLifecycle) {
				defer contain()
				c.hint(inventory.NetworkEvent, uuidOf(n), false)
				c.later("", taskLeases)
			})
		},
		func() (int, error) {
			return conn.NetworkEventMetadataChangeRegister(nil, func(_ *libvirt.Connect, n *libvirt.Network, _ *libvirt.NetworkEventMetadataChange) {
				defer contain()
				c.hint(inventory.NetworkEvent, uuidOf(n), false)
			})
		},
	}
}

// poolEvents is every event of storage pools.
func (c *Conn) poolEvents() []subscription {
	conn := c.main.conn
	return []subscription{
		func() (int, error) {
			return conn.StoragePoolEventLifecycleRegister(nil, func(_ *libvirt.Connect, p *libvirt.StoragePool, _ *libvirt.StoragePoolEventLifecycle) {
				c.poolChanged(p)
			})
		},
		func() (int, error) {
			return conn.StoragePoolEventRefreshRegister(nil, func(_ *libvirt.Connect, p *libvirt.StoragePool) {
				c.poolChanged(p)
			})
		},
	}
}

// poolChanged also has disks measured whose volumes may have come.
func (c *Conn) poolChanged(p *libvirt.StoragePool) {
	defer contain()
	for _, uuid := range c.memory.unmeasured() {
		c.later(uuid, taskSizes)
	}
	c.hint(inventory.PoolEvent, uuidOf(p), false)
}
