package bus

import (
	"context"
	"os"
	"testing"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/testutil/bustest"
)

// newWatch is a watcher on a connection of its own.
func newWatch(t *testing.T) (*bustest.Bus, *Watcher) {
	t.Helper()
	b := bustest.Start(t)
	return b, NewWatcher(b.Connect(t))
}

func watchName(t *testing.T, w *Watcher, name string) (gone chan struct{}, stop func()) {
	t.Helper()
	gone = make(chan struct{}, 2)
	stop, err := w.Watch(t.Context(), name, func() { gone <- struct{}{} })
	if err != nil {
		t.Fatal(err)
	}
	return gone, stop
}

func TestWatchTellsOnceWhenANameLeaves(t *testing.T) {
	t.Parallel()
	b, w := newWatch(t)
	leaver, stayer := b.Connect(t), b.Connect(t)
	first, _ := watchName(t, w, leaver.Names()[0])
	second, _ := watchName(t, w, leaver.Names()[0])
	other, _ := watchName(t, w, stayer.Names()[0])
	_ = leaver.Close()
	wait(t, first, "the news")
	wait(t, second, "the news for the second")
	_ = stayer.Close()
	wait(t, other, "the other's news")
	if len(first) != 0 || len(second) != 0 {
		t.Error("the news came twice")
	}
	if n := w.watched(leaver.Names()[0]); n != 0 {
		t.Errorf("%d watches remain", n)
	}
}

func TestWatchTellsOfANameThatHasLeftAlready(t *testing.T) {
	t.Parallel()
	b, w := newWatch(t)
	leaver, witness := b.Connect(t), b.Connect(t)
	name := leaver.Names()[0]
	left, _ := watchName(t, NewWatcher(witness), name)
	_ = leaver.Close()
	wait(t, left, "the departure")
	gone, stop := watchName(t, w, name)
	wait(t, gone, "the news")
	stop() // harmless
}

func TestWatchesRaceWithDepartures(t *testing.T) {
	t.Parallel()
	b, w := newWatch(t)
	var all []chan struct{}
	for range 20 {
		leaver := b.Connect(t)
		go func() { _ = leaver.Close() }() // before, during or after
		gone, _ := watchName(t, w, leaver.Names()[0])
		all = append(all, gone)
	}
	for _, gone := range all {
		wait(t, gone, "the news")
	}
}

func TestAStoppedWatchIsSilentAndLeavesTheOthers(t *testing.T) {
	t.Parallel()
	b, w := newWatch(t)
	leaver := b.Connect(t)
	stopped, stop := watchName(t, w, leaver.Names()[0])
	other, _ := watchName(t, w, leaver.Names()[0])
	stop()
	stop()
	_ = leaver.Close()
	wait(t, other, "the news")
	if len(stopped) != 0 {
		t.Error("a stopped watch spoke")
	}
}

// TestAllWatchesNeedOneRule watches more names than a connection may have rules.
func TestAllWatchesNeedOneRule(t *testing.T) {
	t.Parallel()
	b := bustest.Start(t, `<limit name="max_match_rules_per_connection">1</limit>`)
	w := NewWatcher(b.Connect(t))
	for range 20 {
		leaver := b.Connect(t)
		gone, _ := watchName(t, w, leaver.Names()[0])
		watchName(t, w, b.Connect(t).Names()[0])
		_ = leaver.Close()
		wait(t, gone, "the news")
	}
}

func TestWatchSaysWhenItCannot(t *testing.T) {
	t.Parallel()
	b := bustest.Start(t, `<limit name="max_match_rules_per_connection">0</limit>`)
	w := NewWatcher(b.Connect(t))
	if _, err := w.Watch(t.Context(), b.Connect(t).Names()[0], func() {}); err == nil {
		t.Error("a watch that the bus refused was accepted")
	}
	b, w = newWatch(t)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.Watch(ended, b.Connect(t).Names()[0], func() {}); err == nil {
		t.Error("a watch with an ended context was accepted")
	}
	// What failed for one works for the next.
	leaver := b.Connect(t)
	gone, _ := watchName(t, w, leaver.Names()[0])
	_ = leaver.Close()
	wait(t, gone, "the news")
}

func TestCredentialsAreThoseOfTheCaller(t *testing.T) {
	t.Parallel()
	b, w := newWatch(t)
	uid, pid, err := w.Credentials(t.Context(), b.Connect(t).Names()[0])
	if err != nil || uid != uint32(os.Getuid()) || pid != uint32(os.Getpid()) {
		t.Errorf("the credentials are %d, %d, %v", uid, pid, err)
	}
	if _, _, err := w.Credentials(t.Context(), ":1.9999"); err == nil {
		t.Error("a name of nobody has credentials")
	}
}

func TestAForgedDepartureIsIgnored(t *testing.T) {
	t.Parallel()
	b, w := newWatch(t)
	stayer, forger := b.Connect(t), b.Connect(t)
	gone, _ := watchName(t, w, stayer.Names()[0])
	name := stayer.Names()[0]
	m := &dbus.Message{Type: dbus.TypeSignal, Headers: map[dbus.HeaderField]dbus.Variant{
		dbus.FieldDestination: dbus.MakeVariant(w.conn.Names()[0]),
		dbus.FieldPath:        dbus.MakeVariant(dbus.ObjectPath("/org/freedesktop/DBus")),
		dbus.FieldInterface:   dbus.MakeVariant(daemonName),
		dbus.FieldMember:      dbus.MakeVariant("NameOwnerChanged"),
		dbus.FieldSignature:   dbus.MakeVariant(dbus.ParseSignatureMust("sss")),
	}, Body: []any{name, name, ""}}
	forger.Send(m, nil)
	// Another departure, later on the same way, shows that the forgery arrived.
	forged, _ := watchName(t, w, forger.Names()[0])
	_ = forger.Close()
	wait(t, forged, "the forger's departure")
	if len(gone) != 0 {
		t.Error("the forgery was believed")
	}
}
