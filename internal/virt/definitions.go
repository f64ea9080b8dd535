package virt

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"strings"
	"sync"
	"time"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/domainxml"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/inventory"
)

// libvirt lets nobody read the definition of a VM while a command to its QEMU
// is under way, for up to half a minute. So definitions are read over a
// connection of their own and waited for a short while only.
const (
	onePatience  = 250 * time.Millisecond // for a VM that is read alone
	listPatience = 2 * time.Second        // for each VM in a list
)

// definitions is a VM's XML. live is empty when the VM is off, stored when it
// is transient.
type definitions struct{ live, stored string }

// answer is all that libvirt says about a VM.
type answer struct {
	sources     *sources
	definitions definitions
}

// fetch is a read of definitions that is under way.
type fetch struct {
	started chan struct{} // closed when libvirt is asked
	done    chan struct{} // closed when got and err are set
	got     answer
	err     error
	whole   bool // no part of it comes from a list
	late    bool // guarded by fetches.mu: somebody has stopped waiting
}

// fetches is the reads that are under way. There is one for each VM at most, so
// a VM that hangs takes one place.
type fetches struct {
	mu  sync.Mutex
	vms map[string]*fetch // guarded by mu, by UUID
}

// fetch reads a VM: its definitions and, unless a list has said it, everything
// else. When libvirt takes longer than patience, it is Busy, and an event
// follows when the answer is there.
func (c *Conn) fetch(ctx context.Context, uuid string, listed *sources, patience time.Duration) (answer, error) {
	for again := false; ; again = true {
		f, mine := c.startFetch(uuid, listed)
		if err := c.waitFor(ctx, uuid, f, patience); err != nil {
			return answer{}, err
		}
		// The first one that we join may have been asked for before what we
		// want to see, and so may what a list has said.
		if mine || again && f.whole {
			return f.got, f.err
		}
	}
}

// waitFor waits for a read, but not for ever.
func (c *Conn) waitFor(ctx context.Context, uuid string, f *fetch, patience time.Duration) error {
	// Many reads at once are no sign that this VM hangs.
	timer := time.NewTimer(max(patience, listPatience))
	defer timer.Stop()
	started := f.started
	for {
		select {
		case <-f.done:
			return nil
		case <-started:
			started = nil
			if c.isLate(f) {
				patience = 0 // somebody else has waited long enough
			}
			timer.Reset(patience)
			continue
		case <-c.gone:
			return c.goneError()
		case <-ctx.Done():
			return c.waitError(ctx)
		case <-timer.C:
		}
		if c.giveUp(uuid, f) {
			return errs.New(errs.Busy, "Another operation on this virtual machine is still running, or it does not answer.")
		}
		return nil // it was there after all
	}
}

// startFetch joins the read that is under way, or starts one.
func (c *Conn) startFetch(uuid string, listed *sources) (f *fetch, mine bool) {
	c.fetches.mu.Lock()
	defer c.fetches.mu.Unlock()
	if f := c.fetches.vms[uuid]; f != nil {
		return f, false
	}
	f = &fetch{whole: listed == nil, started: make(chan struct{}), done: make(chan struct{})}
	if c.fetches.vms == nil {
		c.fetches.vms = make(map[string]*fetch)
	}
	c.fetches.vms[uuid] = f
	go func() {
		f.got, f.err = readOver(c.ctx, c, c.texts, func(l *link) (answer, error) {
			close(f.started)
			return c.ask(l, uuid, listed)
		})
		c.endFetch(uuid, f)
	}()
	return f, true
}

// endFetch tells those who wait, and announces the answer to those who do not
// any more.
func (c *Conn) endFetch(uuid string, f *fetch) {
	c.fetches.mu.Lock()
	delete(c.fetches.vms, uuid)
	late := f.late
	close(f.done)
	c.fetches.mu.Unlock()
	if late {
		c.hint(inventory.VMEvent, uuid, false)
	}
}

// isLate says whether somebody has stopped waiting for a read.
func (c *Conn) isLate(f *fetch) bool {
	c.fetches.mu.Lock()
	defer c.fetches.mu.Unlock()
	return f.late
}

// giveUp says that nobody waits any more; false when there is no need to.
func (c *Conn) giveUp(uuid string, f *fetch) bool {
	c.fetches.mu.Lock()
	defer c.fetches.mu.Unlock()
	if c.fetches.vms[uuid] != f {
		return false
	}
	f.late = true
	return true
}

// readDefinition reads a definition with passwords, and leaves of them only that
// there are some: ConfigVersion is made of it, and must not help to guess them.
func readDefinition(dom *libvirt.Domain, flags libvirt.DomainXMLFlags) (string, error) {
	doc, err := dom.GetXMLDesc(flags | libvirt.DOMAIN_XML_SECURE)
	if err != nil {
		return dom.GetXMLDesc(flags) // reading them may take a right that the service lacks
	}
	return domainxml.HidePasswords(doc), nil
}

// ask reads what a fetch is for. The definitions never hold a password.
func (c *Conn) ask(l *link, uuid string, listed *sources) (answer, error) {
	a := answer{sources: listed}
	dom, err := l.handles.borrow(l.conn, uuid)
	if err != nil {
		return a, err
	}
	defer dom.Free()
	if listed == nil {
		if a.sources, err = c.look(dom, uuid); err != nil {
			return a, err
		}
	}
	if a.sources.active() {
		if a.definitions.live, err = readDefinition(dom, 0); err != nil {
			return a, err
		}
	}
	if a.sources.persistent {
		a.definitions.stored, err = readDefinition(dom, libvirt.DOMAIN_XML_INACTIVE)
	}
	return a, err
}

// versionBits is the size of ConfigVersion. JavaScript and jq keep every number
// as a double, which is exact up to 53 bits.
const versionBits = 53

// parse makes a VM of definitions: everything that they say, and what is told
// from them. ConfigVersion is another number after each change of the stored
// one, and the same again after a restart of the service; a transient VM has
// no stored one, and always zero.
func (d definitions) parse() (*model.VM, error) {
	vm, err := domainxml.ParseVM(d.live, d.stored)
	if err != nil {
		return nil, err
	}
	vm.ID = idOf(d.live)
	if d.stored != "" {
		sum := sha256.Sum256([]byte(d.stored))
		vm.ConfigVersion = binary.BigEndian.Uint64(sum[:]) >> (64 - versionBits)
	}
	return vm, nil
}

// idOf is the hypervisor's number of a running VM, or -1. It comes from the
// live definition, since a handle knows the number of the day it was looked up.
func idOf(live string) int32 {
	root, _, _ := strings.Cut(live, ">")
	_, rest, found := strings.Cut(root, " id='")
	digits, _, _ := strings.Cut(rest, "'")
	id, err := strconv.ParseInt(digits, 10, 32)
	if !found || err != nil {
		return -1
	}
	return int32(id)
}
