package virt

import (
	"context"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/service/inventory"
)

// Start boots a VM, or restores its saved state. One with an image that does not
// answer is Timeout.
func (c *Conn) Start(ctx context.Context, uuid string, paused bool) error {
	var flags libvirt.DomainCreateFlags
	if paused {
		flags |= libvirt.DOMAIN_START_PAUSED
	}
	if err := c.imagesAnswer(ctx, uuid); err != nil {
		return err
	}
	err := c.do(ctx, uuid, laneWork, func(dom *libvirt.Domain) error {
		release, err := c.claimForStart(dom)
		if err != nil {
			return err
		}
		defer release()
		if err := c.lookBeforeStart(dom); err != nil {
			return err
		}
		return dom.CreateWithFlags(flags)
	})
	c.memory.noteStart(uuid, err)
	return err
}

// Shutdown asks the guest to shut down.
func (c *Conn) Shutdown(ctx context.Context, uuid string) error {
	return c.do(ctx, uuid, laneWork, (*libvirt.Domain).Shutdown)
}

// Reboot asks the guest to reboot.
func (c *Conn) Reboot(ctx context.Context, uuid string) error {
	return c.do(ctx, uuid, laneWork, func(dom *libvirt.Domain) error { return dom.Reboot(0) })
}

// Reset restarts a VM without asking the guest.
func (c *Conn) Reset(ctx context.Context, uuid string) error {
	return c.do(ctx, uuid, laneWork, func(dom *libvirt.Domain) error { return dom.Reset(0) })
}

// PowerOff ends the hypervisor process. It does not wait for other operations
// on the VM: it is what helps when one of them hangs.
func (c *Conn) PowerOff(ctx context.Context, uuid string) error {
	return c.do(ctx, uuid, laneForce, (*libvirt.Domain).Destroy)
}

// Pause stops the virtual CPUs.
func (c *Conn) Pause(ctx context.Context, uuid string) error {
	return c.do(ctx, uuid, laneWork, (*libvirt.Domain).Suspend)
}

// Resume lets the virtual CPUs go on, and wakes a guest that suspended itself.
func (c *Conn) Resume(ctx context.Context, uuid string) error {
	return c.do(ctx, uuid, laneWork, func(dom *libvirt.Domain) error {
		state, _, err := dom.GetState()
		if err != nil {
			return err
		}
		if state == libvirt.DOMAIN_PMSUSPENDED {
			return dom.PMWakeup(0)
		}
		return dom.Resume()
	})
}

// Save writes the VM's memory to disk and ends it; Start continues from there.
func (c *Conn) Save(ctx context.Context, uuid string) error {
	return c.do(ctx, uuid, laneWork, func(dom *libvirt.Domain) error { return dom.ManagedSave(0) })
}

// DiscardSavedState removes what Save wrote.
func (c *Conn) DiscardSavedState(ctx context.Context, uuid string) error {
	return c.quietly(ctx, uuid, func(dom *libvirt.Domain) error {
		saved, err := dom.HasManagedSaveImage(0)
		if err != nil {
			return err
		}
		if !saved {
			return errs.New(errs.InvalidState, "The virtual machine has no saved state.")
		}
		return dom.ManagedSaveRemove(0)
	})
}

// JobProgress says how far the running operation of a VM is.
func (c *Conn) JobProgress(ctx context.Context, uuid string) (inventory.Progress, error) {
	w := work[inventory.Progress]{uuid: uuid, lane: laneWatch}
	return onVM(ctx, c, w, func(dom *libvirt.Domain) (inventory.Progress, error) {
		job, err := dom.GetJobInfo()
		if err != nil || job.Type == libvirt.DOMAIN_JOB_NONE {
			return inventory.Progress{}, err
		}
		return inventory.Progress{Done: job.DataProcessed, Total: job.DataTotal}, nil
	})
}

// AbortSave ends a Save that is under way; see inventory.Conn.
func (c *Conn) AbortSave(ctx context.Context, uuid string) error {
	return c.abort(ctx, uuid, libvirt.DOMAIN_JOB_OPERATION_SAVE)
}

// abort ends what libvirt does with a VM, if it is that. A job of ours that waits
// for somebody else's migration or backup is not it: libvirt would end theirs. To
// look can take as long as libvirt lets nobody ask, and keeps no PowerOff waiting.
func (c *Conn) abort(ctx context.Context, uuid string, ours libvirt.DomainJobOperationType) error {
	err := c.do(ctx, uuid, laneWatch, func(dom *libvirt.Domain) error {
		job, err := dom.GetJobStats(0)
		if err == nil && !does(job, ours) {
			err = errs.New(errs.InvalidState, "The operation has not begun, or it has ended.")
		}
		return err
	})
	if err != nil {
		return err
	}
	return c.do(ctx, uuid, laneForce, (*libvirt.Domain).AbortJob)
}

// does says whether a job is this operation. One that does not say what it is
// counts as another.
func does(job *libvirt.DomainJobInfo, operation libvirt.DomainJobOperationType) bool {
	return job.Type != libvirt.DOMAIN_JOB_NONE && job.OperationSet && job.Operation == operation
}

// quietly runs an operation that libvirt does not announce, and announces it.
func (c *Conn) quietly(ctx context.Context, uuid string, fn func(*libvirt.Domain) error) error {
	err := c.do(ctx, uuid, laneWork, fn)
	c.hint(inventory.VMEvent, uuid, false) // a failure may have changed something
	return err
}
