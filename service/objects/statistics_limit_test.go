package objects_test

import (
	"testing"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/model"
)

// TestAUserHasFewSubscriptions lets a user leave nothing for others to use up.
func TestAUserHasFewSubscriptions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	subscribe := func(conn *dbus.Conn) string {
		return errorName(w.object(conn, model.Root).CallWithContext(w.ctx, "org.kvmmanager.Manager.SubscribeStatistics", 0, uint32(1000), none()).Err)
	}
	var conns []*dbus.Conn
	for range 16 {
		conn := w.as(bobUID)
		conns = append(conns, conn)
		if name := subscribe(conn); name != "" {
			t.Fatalf("subscription %d fails with %s", len(conns), name)
		}
	}
	if name := subscribe(conns[0]); name != "" {
		t.Errorf("changing a subscription fails with %s", name)
	}
	more := w.as(bobUID)
	if name := subscribe(more); name != "org.freedesktop.DBus.Error.LimitsExceeded" {
		t.Errorf("one subscription more: %q", name)
	}
	if name := subscribe(w.as(aliceUID)); name != "" {
		t.Errorf("another user's subscription fails with %s", name)
	}
	_ = conns[1].Close()
	for name := subscribe(more); name != ""; name = subscribe(more) {
		if w.ctx.Err() != nil {
			t.Fatalf("a subscription whose connection has left still counts: %s", name)
		}
	}
}
