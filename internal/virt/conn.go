package virt

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/service/inventory"
)

// closePatience is how long Close waits for calls under way.
const closePatience = 2 * time.Second

// Conn is one connection to a hypervisor. See the package comment for how it
// spreads calls over several connections of libvirt's.
type Conn struct {
	uri   string
	log   *slog.Logger
	main  *link // events, and what is answered at once
	quick *reader
	texts *reader // definitions
	pools pools   // empty with the test driver: main carries everything
	turns *turns
	queue *queue

	registered registrations
	memory     *memory
	fetches    fetches
	parsed     parsed
	chores     chores
	pooled     poolMarks
	eyes       *eyes
	claims     claims
	bases      bases
	scratch    string   // begins the names of our scratch pools
	places     places   // empty unless the daemon is on this machine
	watch      *watcher // nil where nothing is watched
	files      *prober
	storage    storagePlaces
	hidden     chan struct{} // capacity hiddenAtOnce: calls of probeHidden

	gone    chan struct{} // closed when the connection was lost or closed
	why     reason        // set before gone is closed
	endOnce sync.Once
	finish  sync.Once
	ctx     context.Context // of the background work; ends with the connection
	cancel  context.CancelFunc
	tasks   sync.WaitGroup // the background work
}

var _ inventory.Conn = (*Conn)(nil)

// open connects and registers for every event.
func open(uri string, log *slog.Logger) (*Conn, error) {
	main, err := dial(uri)
	if err != nil {
		return nil, openError(uri, err)
	}
	c := &Conn{
		uri: uri, log: log.With("uri", redact(uri)),
		main:  main,
		turns: newTurns(), queue: newQueue(), gone: make(chan struct{}),
		memory: newMemory(), scratch: newScratch(), chores: chores{set: make(map[chore]struct{}), wake: make(chan struct{}, 1)},
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.places, _ = placesOf(uri)
	c.files = newProber(func(string) { c.storageAnswers() })
	c.eyes = &eyes{sys: "/sys", udev: "/run/udev/data", mount: "/proc/self/mountinfo"}
	if IsHere(uri) {
		c.eyes.files = c.files
	}
	c.hidden = make(chan struct{}, hiddenAtOnce)
	c.quick, c.texts = newReader(c.enterMain), newReader(c.enterMain)
	if !isTest(uri) {
		c.pools = pools{texts: newPool(uri), ops: newPool(uri)}
		c.texts = newReader(c.pools.texts.enter)
	}
	if err := c.register(); err != nil {
		c.Close()
		return nil, openError(uri, err)
	}
	c.startBackground()
	return c, nil
}

// pools are the connections besides the main one.
type pools struct{ texts, ops *pool }

// enterMain enters the main link.
func (c *Conn) enterMain() (*link, error) {
	if !c.main.enter() {
		return nil, c.goneError()
	}
	return c.main, nil
}

// eachReader calls fn for the links that keep handles.
func (c *Conn) eachReader(fn func(*link)) {
	fn(c.main)
	if c.pools.texts != nil {
		c.pools.texts.each(fn)
	}
}

// openError says that connecting failed. What libvirt reports then is about
// the way to it, whatever its code.
func openError(uri string, err error) error {
	kind, text := errs.Disconnected, err.Error()
	var virt libvirt.Error
	if errors.As(err, &virt) {
		text = sentence(virt.Message)
		if v := judge(virt); v.kind == errs.PermissionDenied {
			kind = v.kind
		}
	}
	if !IsHere(uri) && !hasNetwork() {
		text += " As it is installed, the service has no network. See remote-hosts.conf among the examples in its documentation."
	}
	return errs.Wrap(kind, err, "libvirt cannot be reached at %s: %s", redact(uri), text)
}

// hasNetwork says whether this process may talk to other machines, which its unit
// does not let it unless the administrator has said so.
func hasNetwork() bool {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		_ = unix.Close(fd)
	}
	return err == nil
}

// Events delivers hints; see inventory.Conn.
func (c *Conn) Events() <-chan inventory.Event { return c.queue.out }

// Err says why Events was closed.
func (c *Conn) Err() error {
	select {
	case <-c.gone:
	default:
		return nil
	}
	if e := c.why.Load(); e != nil {
		return e
	}
	return nil
}

// lost is told by libvirt that the connection has ended. It may hold locks of
// libvirt's, so nothing here calls it.
func (c *Conn) lost(why libvirt.ConnectCloseReason) {
	text := "The connection to libvirt was lost."
	switch why {
	case libvirt.CONNECT_CLOSE_REASON_EOF:
		text = "libvirt closed the connection. It may be stopped or restarting."
	case libvirt.CONNECT_CLOSE_REASON_KEEPALIVE:
		text = "The host does not answer any more."
	}
	c.end(errs.New(errs.Disconnected, "%s", text))
}

// end lets waiting calls go and closes Events.
func (c *Conn) end(why *errs.Error) {
	c.endOnce.Do(func() {
		c.why.Store(why)
		close(c.gone)
		c.cancel()
		c.queue.close()
	})
}

// Close ends the connection. Calls under way get Disconnected at once; what
// they hold in libvirt is waited for a short while, and given back later if
// that does not suffice.
func (c *Conn) Close() {
	c.end(nil)
	c.finish.Do(func() {
		done := make(chan struct{})
		go func() {
			defer close(done)
			c.release()
		}()
		select {
		case <-done:
		case <-time.After(closePatience):
			c.log.Warn("calls into libvirt are still under way; their connection stays open until they end")
		}
	})
}

// release gives everything back, in the order that libvirt wants.
func (c *Conn) release() {
	if c.watch != nil {
		c.watch.close()
	}
	c.tasks.Wait()
	c.registered.undo(c.main)
	var links []*link
	for _, p := range []*pool{c.pools.ops, c.pools.texts} {
		if p != nil {
			links = append(links, p.close()...)
		}
	}
	c.main.close()
	for _, l := range append(links, c.main) {
		<-l.closed
	}
}

// isTest says whether a URI is the test driver's. There each connection to a
// file has a state of its own.
func isTest(uri string) bool { return strings.HasPrefix(uri, "test:") }

// IsHere says whether a URI is that of a libvirt on this machine.
func IsHere(uri string) bool {
	u, err := url.Parse(uri)
	return err == nil && u.Host == ""
}

// redact leaves out a password, should a URI have one.
func redact(uri string) string {
	u, err := url.Parse(uri)
	if err != nil {
		return "this address"
	}
	return u.Redacted()
}
