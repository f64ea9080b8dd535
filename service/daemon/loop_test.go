package daemon

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// patience is how long a test waits for what must happen.
const patience = 10 * time.Second

func TestTheLossOfEitherConnectionEndsTheService(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(*daemon) *dbus.Conn{
		"the one that has the name": func(d *daemon) *dbus.Conn { return d.serve },
		"the one that asks polkit":  func(d *daemon) *dbus.Conn { return d.ask },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &daemon{ask: connection(t), serve: connection(t)}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			_ = lose(d).Close()
			if err := d.loop(ctx, &signals{}); !errors.Is(err, errLost) {
				t.Errorf("it ended with %v", err)
			}
		})
	}
}

// connection is one to a bus that says nothing.
func connection(t *testing.T) *dbus.Conn {
	t.Helper()
	ours, theirs := net.Pipe()
	t.Cleanup(func() { _ = theirs.Close() })
	conn, err := dbus.NewConn(ours)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}
