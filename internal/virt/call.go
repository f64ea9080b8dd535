package virt

import (
	"context"
	"sync/atomic"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/errs"
)

// outcome is what a call gave.
type outcome[T any] struct {
	value T
	err   error
}

// await runs fn in a goroutine of its own and waits for it, for the end of
// ctx, or for the loss of the connection. A value that came too late goes to
// drop, if there is one.
func await[T any](ctx context.Context, c *Conn, fn func() (T, error), drop func(T)) (T, error) {
	done := make(chan outcome[T])
	gone := make(chan struct{})
	go func() {
		v, err := fn()
		select {
		case done <- outcome[T]{v, err}:
		case <-gone:
			if drop != nil && err == nil {
				drop(v)
			}
		}
	}()
	var none T
	select {
	case o := <-done:
		return o.value, o.err
	case <-ctx.Done():
		close(gone)
		return none, c.waitError(ctx)
	case <-c.gone:
		close(gone)
		return none, c.goneError()
	}
}

// work is one operation: whose turn it takes and what becomes of a value that
// nobody waits for any more. One that is settled is waited for to its end once it
// has its turn. One in a pool is not begun while the pool does not answer.
type work[T any] struct {
	uuid    string
	pool    string // UUID
	lane    lane
	drop    func(T)
	settled bool
}

// operate runs fn on a connection for operations, in its turn.
func operate[T any](ctx context.Context, c *Conn, w work[T], fn func(*libvirt.Connect) (T, error)) (T, error) {
	var none T
	leave, err := c.enterPool(ctx, w.pool, w.lane)
	if err != nil {
		return none, err
	}
	done, err := c.turns.take(ctx, w.uuid, w.lane)
	if err != nil {
		leave()
		return none, err
	}
	if w.settled {
		ctx = context.WithoutCancel(ctx)
	}
	return await(ctx, c, func() (T, error) {
		defer leave()
		defer done()
		l, err := c.enterOps()
		if err != nil {
			return none, translate(err, true)
		}
		defer l.leave()
		v, err := fn(l.conn)
		if err != nil {
			err = translate(err, l.alive())
		}
		return v, err
	}, w.drop)
}

// onVM runs an operation on one VM.
func onVM[T any](ctx context.Context, c *Conn, w work[T], fn func(*libvirt.Domain) (T, error)) (T, error) {
	return operate(ctx, c, w, func(conn *libvirt.Connect) (T, error) {
		dom, err := conn.LookupDomainByUUIDString(w.uuid)
		if err != nil {
			var none T
			return none, err
		}
		defer dom.Free()
		return fn(dom)
	})
}

// do runs an operation without a value on one VM.
func (c *Conn) do(ctx context.Context, uuid string, l lane, fn func(*libvirt.Domain) error) error {
	_, err := onVM(ctx, c, work[struct{}]{uuid: uuid, lane: l}, func(dom *libvirt.Domain) (struct{}, error) {
		return struct{}{}, fn(dom)
	})
	return err
}

// enterOps gives a link for an operation, entered.
func (c *Conn) enterOps() (*link, error) {
	if c.pools.ops != nil {
		return c.pools.ops.enter()
	}
	return c.enterMain()
}

// waitError is what somebody gets whose context has ended. The background's
// context ends with the connection, and then that is the reason.
func (c *Conn) waitError(ctx context.Context) error {
	select {
	case <-c.gone:
		return c.goneError()
	default:
		return ctx.Err()
	}
}

// reason is why a connection ended; nil means that its owner closed it.
type reason struct{ atomic.Pointer[errs.Error] }

// goneError is what calls get once the connection has ended.
func (c *Conn) goneError() error {
	if e := c.why.Load(); e != nil {
		return e
	}
	return errClosed()
}
