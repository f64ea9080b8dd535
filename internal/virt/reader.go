package virt

import (
	"context"

	"libvirt.org/go/libvirt"
)

// reader carries reads over one link, as many at once as it bears.
type reader struct {
	enter  func() (*link, error)
	places chan struct{}
}

func newReader(enter func() (*link, error)) *reader {
	return &reader{enter: enter, places: make(chan struct{}, callsPerLink)}
}

// read runs fn on the connection for what is answered at once.
func read[T any](ctx context.Context, c *Conn, fn func(*libvirt.Connect) (T, error)) (T, error) {
	return readOver(ctx, c, c.quick, func(l *link) (T, error) { return fn(l.conn) })
}

// readOver runs fn on one of the connections for reads.
func readOver[T any](ctx context.Context, c *Conn, r *reader, fn func(*link) (T, error)) (T, error) {
	var none T
	if ctx.Err() != nil {
		return none, c.waitError(ctx) // a select might still take a free place
	}
	select {
	case r.places <- struct{}{}:
	case <-ctx.Done():
		return none, c.waitError(ctx)
	case <-c.gone:
		return none, c.goneError()
	}
	return await(ctx, c, func() (T, error) {
		defer func() { <-r.places }()
		l, err := r.enter()
		if err != nil {
			return none, translate(err, true)
		}
		defer l.leave()
		v, err := fn(l)
		if err != nil {
			err = translate(err, l.alive())
		}
		return v, err
	}, nil)
}
