package virt

import (
	"sync"
	"time"

	"org.kvmmanager/internal/errs"
)

// linkIdle is how long a connection that nobody uses is kept. libvirtd sends
// each of its clients a keepalive every five seconds, which wakes up both.
const linkIdle = 20 * time.Second

// pool opens connections when they are needed, each for callsPerLink calls at
// once, and closes those that are not needed any more. Its users bound how many
// calls there are.
type pool struct {
	uri     string
	idleFor time.Duration // linkIdle but in tests

	dialing sync.Mutex // held while connecting: those who wait share the link

	mu      sync.Mutex
	links   []*link // guarded by mu
	tending bool    // guarded by mu: closeIdle will run
	closed  bool    // guarded by mu
}

func newPool(uri string) *pool { return &pool{uri: uri, idleFor: linkIdle} }

// enter gives a link with room, entered. It may take as long as connecting
// does.
func (p *pool) enter() (*link, error) {
	if l := p.find(); l != nil {
		return l, nil
	}
	p.dialing.Lock()
	defer p.dialing.Unlock()
	if l := p.find(); l != nil {
		return l, nil
	}
	if p.isClosed() {
		return nil, errClosed()
	}
	l, err := dial(p.uri)
	if err != nil {
		return nil, err
	}
	l.idle = p.tend
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		go l.close()
		return nil, errClosed()
	}
	l.enter()
	p.links = append(p.links, l)
	return l, nil
}

func errClosed() error { return errs.New(errs.Disconnected, "The connection to libvirt was closed.") }

func (p *pool) isClosed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}

// find looks for an open link with room and drops dead ones.
func (p *pool) find() *link {
	p.mu.Lock()
	defer p.mu.Unlock()
	var found *link
	p.keep(func(l *link) bool {
		if !l.alive() {
			return false
		}
		if found == nil && l.load() < callsPerLink && l.enter() {
			found = l
		}
		return true
	})
	return found
}

// keep closes the links that are not wanted. p.mu must be held.
func (p *pool) keep(wanted func(*link) bool) {
	kept := p.links[:0]
	for _, l := range p.links {
		if wanted(l) {
			kept = append(kept, l)
		} else {
			go l.close()
		}
	}
	clear(p.links[len(kept):])
	p.links = kept
}

// tend has idle links closed later.
func (p *pool) tend() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed && !p.tending {
		p.tending = true
		time.AfterFunc(p.idleFor, p.closeIdle)
	}
}

func (p *pool) closeIdle() {
	p.mu.Lock()
	p.tending = false
	p.keep(func(l *link) bool { return !l.idleFor(p.idleFor) })
	left := len(p.links)
	p.mu.Unlock()
	if left > 0 {
		p.tend()
	}
}

// each calls fn for every link.
func (p *pool) each(fn func(*link)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.links {
		fn(l)
	}
}

// close closes all links and returns them, for those who wait for their end.
func (p *pool) close() []*link {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	links := p.links
	p.links = nil
	for _, l := range links {
		go l.close()
	}
	return links
}
