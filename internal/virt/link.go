package virt

import (
	"fmt"
	"sync"
	"time"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/errs"
)

// callsPerLink is how many calls go through one connection at once. libvirtd
// serves five (max_client_requests); one is left for streams and keepalives.
const callsPerLink = 4

// link is one connection of libvirt's together with the calls that use it. It
// is closed when the last of them has ended, since a connection must outlive
// its calls.
type link struct {
	conn    *libvirt.Connect
	handles handles
	closed  chan struct{} // closed when the connection has really ended

	idle func() // told when nobody uses it any more, if set

	mu        sync.Mutex
	users     int       // guarded by mu
	idleSince time.Time // guarded by mu
	closing   bool      // guarded by mu
}

// dial opens a connection. It takes as long as libvirt does.
func dial(uri string) (*link, error) {
	if err := loopStart(); err != nil {
		return nil, errs.Wrap(errs.Internal, err, "The connection to libvirt cannot be used.")
	}
	conn, err := libvirt.NewConnect(uri)
	if err != nil {
		return nil, err
	}
	if !IsHere(uri) {
		// Otherwise no call would ever return that was under way when the other
		// machine went silent. A libvirt that cannot do that is used without.
		_ = conn.SetKeepAlive(5, 3)
	}
	return &link{conn: conn, closed: make(chan struct{})}, nil
}

// enter announces a user; false when the link is being closed.
func (l *link) enter() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closing {
		return false
	}
	l.users++
	return true
}

// leave is the end of an enter.
func (l *link) leave() {
	l.mu.Lock()
	l.users--
	unused, closing := l.users == 0, l.closing
	if unused {
		l.idleSince = time.Now()
	}
	l.mu.Unlock()
	switch {
	case unused && closing:
		l.end()
	case unused && l.idle != nil:
		l.idle()
	}
}

// load is the number of users.
func (l *link) load() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.users
}

// idleFor says whether nobody has used the link for that long.
func (l *link) idleFor(d time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.users == 0 && time.Since(l.idleSince) >= d
}

// alive says whether the connection stands. It asks nobody.
func (l *link) alive() bool {
	ok, err := l.conn.IsAlive()
	return err == nil && ok
}

// close lets nobody in any more and ends the connection as soon as nobody uses
// it. It may be called once.
func (l *link) close() {
	l.mu.Lock()
	l.closing = true
	idle := l.users == 0
	l.mu.Unlock()
	if idle {
		l.end()
	}
}

// end gives the connection back.
func (l *link) end() {
	defer close(l.closed)
	l.handles.retain(nil)
	if _, err := l.conn.Close(); err != nil {
		// Only a connection that never was one fails to close.
		panic(fmt.Sprintf("cannot close a libvirt connection: %v", err))
	}
}
