package virt

import (
	"sync"

	"org.kvmmanager/internal/errs"
)

// maxLinks is how many connections carry operations: enough for every turn.
const maxLinks = (workAtOnce + forceAtOnce + watchAtOnce) / callsPerLink

// pool opens connections for operations when they are needed, and keeps them.
type pool struct {
	uri string

	mu     sync.Mutex
	links  []*link // guarded by mu
	closed bool    // guarded by mu
}

// enter gives a link with room, entered. It may take as long as connecting
// does.
func (p *pool) enter() (*link, error) {
	if l := p.find(); l != nil {
		return l, nil
	}
	l, err := dial(p.uri)
	if err != nil {
		return nil, err
	}
	l.enter()
	p.mu.Lock()
	if !p.closed && len(p.links) < maxLinks {
		p.links = append(p.links, l)
		p.mu.Unlock()
		return l, nil
	}
	closed := p.closed
	p.mu.Unlock()
	// Several calls connected at the same time, and this one is too much. It
	// serves this call and is gone with it.
	l.close()
	if closed {
		l.leave()
		return nil, errs.New(errs.Disconnected, "The connection to libvirt was closed.")
	}
	return l, nil
}

// find looks for an open link with room and drops dead ones.
func (p *pool) find() *link {
	p.mu.Lock()
	defer p.mu.Unlock()
	kept := p.links[:0]
	var found *link
	for _, l := range p.links {
		if !l.alive() {
			go l.close()
			continue
		}
		kept = append(kept, l)
		if found == nil && l.load() < callsPerLink && l.enter() {
			found = l
		}
	}
	clear(p.links[len(kept):])
	p.links = kept
	return found
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
