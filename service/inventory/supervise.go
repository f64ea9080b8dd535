package inventory

import (
	"context"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/journal"
)

const (
	firstBackoff = 500 * time.Millisecond
	// A local socket costs next to nothing to try, and people who start
	// libvirtd expect to see it at once.
	localBackoff  = time.Second
	remoteBackoff = 30 * time.Second
	// readTimeout bounds one read, so that one object that cannot be read
	// holds up the others for a short while only.
	readTimeout = 3 * time.Second
	listTimeout = time.Minute
	// openTimeout bounds one attempt to connect: a host that dies while it is
	// being connected to would never be tried again.
	openTimeout = time.Minute
	retryDelay  = 2 * time.Second
)

// supervise keeps the host connected until ctx ends.
func (h *Host) supervise(ctx context.Context) {
	defer close(h.done)
	defer h.queue.drop(removed())
	defer h.poolQueue.drop(removed())
	defer h.volumeQueue.drop(removed())
	backoff := firstBackoff
	for ctx.Err() == nil {
		started := time.Now()
		err := h.connectAndServe(ctx)
		if ctx.Err() != nil {
			return
		}
		h.disconnected(err)
		if time.Since(started) > remoteBackoff {
			backoff = firstBackoff
		}
		// The jitter keeps many clients of one server from coming back together.
		if h.pause(ctx, backoff+rand.N(backoff/4)) {
			backoff = firstBackoff
			continue
		}
		backoff = min(backoff*2, h.longestBackoff())
	}
}

func (h *Host) connectAndServe(ctx context.Context) error {
	conn, err := h.open(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := h.connected(ctx, conn); err != nil {
		return err
	}
	return h.serve(ctx, conn)
}

func (h *Host) open(ctx context.Context) (Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	return h.inv.hypervisor.Open(ctx, h.Info().URI)
}

// serve reads what events name until the connection is lost.
func (h *Host) serve(ctx context.Context, conn Conn) error {
	ctx, cancel := context.WithCancel(ctx)
	var readers sync.WaitGroup
	readers.Add(3)
	go func() { defer readers.Done(); h.readPools(ctx, conn) }()
	go func() { defer readers.Done(); h.readVolumes(ctx, conn) }()
	go func() { defer readers.Done(); h.resolvePaths(ctx, conn) }()
	defer readers.Wait()
	defer cancel()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case event, ok := <-conn.Events():
			if !ok {
				return conn.Err()
			}
			h.note(event)
		case <-h.queue.wake:
			h.drainEvents(conn)
			if k, waiters, ok := h.queue.take(); ok {
				tell(waiters, h.reread(ctx, conn, k))
			}
		}
	}
}

// drainEvents takes the events that have come already, so that a burst about
// one object is one read.
func (h *Host) drainEvents(conn Conn) {
	for {
		select {
		case event, ok := <-conn.Events():
			if !ok {
				return // serve sees it, too
			}
			h.note(event)
		default:
			return
		}
	}
}

func (h *Host) note(event Event) {
	if event.Crashed {
		h.crashes[event.ID] = true
	}
	if event.Kind == PoolEvent {
		h.poolQueue.add(key{event.Kind, event.ID}, nil)
		return
	}
	h.queue.add(key{event.Kind, event.ID}, nil)
}

// connected lists everything and publishes it together with the news that the
// host is connected.
func (h *Host) connected(ctx context.Context, conn Conn) error {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	info, err := conn.Host(ctx)
	if err != nil {
		return err
	}
	all, err := list(ctx, conn)
	if err != nil {
		return err
	}
	h.apply(func(u *Update) {
		h.conn = conn
		info.ID, info.URI, info.State = h.id, h.info.URI, model.Connected
		h.putAll(u, all)
		h.putInfo(u, &info)
	})
	h.queueStorage(all)
	select {
	case <-h.retry: // it is what was asked for
	default:
	}
	h.log.Info("connected to the hypervisor", journal.MessageID(journal.HostConnected), "uri", info.URI, "vms", len(all.vms), "version", info.LibvirtVersion)
	return nil
}

// disconnected says so. What was known stays visible: the VMs run on.
func (h *Host) disconnected(err error) {
	_, message := errs.Of(err)
	first := false
	h.apply(func(u *Update) {
		first = h.info.State != model.Disconnected
		h.conn = nil
		next := *h.info
		next.State, next.StateMessage = model.Disconnected, message
		h.putInfo(u, &next)
	})
	_, why := h.Conn()
	h.queue.drop(why)
	h.poolQueue.drop(why)
	h.volumeQueue.drop(why)
	if first {
		h.log.Warn("no connection to the hypervisor", journal.MessageID(journal.HostDisconnected), "uri", h.info.URI, "error", err)
	}
}

// pause waits, but no longer than firstBackoff once somebody asks to connect
// now. It says whether somebody did.
func (h *Host) pause(ctx context.Context, d time.Duration) (asked bool) {
	started := time.Now()
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return asked
		case <-timer.C:
			return asked
		case <-h.retry:
			asked = true
			timer.Reset(max(0, min(d, firstBackoff)-time.Since(started)))
		}
	}
}

func (h *Host) longestBackoff() time.Duration {
	if _, rest, ok := strings.Cut(h.Info().URI, "://"); ok && strings.HasPrefix(rest, "/") {
		return localBackoff
	}
	return remoteBackoff
}
