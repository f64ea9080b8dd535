package polkit

import (
	"context"
	"testing"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/testutil/bustest"
	"org.kvmmanager/internal/testutil/polkittest"
)

func TestWatchHearsOfChangesAndRestarts(t *testing.T) {
	t.Parallel()
	bus := bustest.Start(t)
	ctx, stop := context.WithCancel(deadline(t))
	defer stop()
	ticks := make(chan struct{}, 16)
	expect := func(what string) {
		t.Helper()
		select {
		case <-ticks:
		case <-ctx.Done():
			t.Fatalf("no word of %s", what)
		}
	}
	if err := New(bus.Connect(t)).Watch(ctx, func() { ticks <- struct{}{} }); err != nil {
		t.Fatal(err)
	}

	fake := polkittest.New(t, bus.Address)
	expect("polkit's start")
	fake.EmitChanged()
	expect("a change")
	fake.Stop()
	again := polkittest.New(t, bus.Address)
	expect("polkit's restart")
	again.EmitChanged()
	expect("a change after the restart")
	if len(ticks) != 0 {
		t.Errorf("%d more changes than there were", len(ticks))
	}
}

func TestWatchFollowsAPolkitThatRunsAlready(t *testing.T) {
	t.Parallel()
	bus := bustest.Start(t)
	ctx, stop := context.WithCancel(deadline(t))
	defer stop()
	fake := polkittest.New(t, bus.Address)
	ticks := make(chan struct{}, 1)
	if err := New(bus.Connect(t)).Watch(ctx, func() { ticks <- struct{}{} }); err != nil {
		t.Fatal(err)
	}
	fake.EmitChanged()
	select {
	case <-ticks:
	case <-ctx.Done():
		t.Fatal("no word of a change")
	}
}

func TestWatchBelievesOnlyPolkitAndTheBus(t *testing.T) {
	t.Parallel()
	owned := func(name, before, after string) []any { return []any{name, before, after} }
	tests := map[string]struct {
		signal dbus.Signal
		want   bool
	}{
		"polkit's own signal": {
			dbus.Signal{Sender: ":1.5", Path: objectPath, Name: changedSignal}, true,
		},
		"the same from somebody else": {
			dbus.Signal{Sender: ":1.6", Path: objectPath, Name: changedSignal}, false,
		},
		"the same from another object": {
			dbus.Signal{Sender: ":1.5", Path: "/", Name: changedSignal}, false,
		},
		"polkit's other signals": {
			dbus.Signal{Sender: ":1.5", Path: objectPath, Name: authorityName + ".Other"}, false,
		},
		"a restart": {
			dbus.Signal{Sender: busDaemon, Name: nameOwnerChanged, Body: owned(busName, "", ":1.7")}, true,
		},
		"polkit goes away": {
			dbus.Signal{Sender: busDaemon, Name: nameOwnerChanged, Body: owned(busName, ":1.5", "")}, false,
		},
		"another service starts": {
			dbus.Signal{Sender: busDaemon, Name: nameOwnerChanged, Body: owned("org.example", "", ":1.7")}, false,
		},
		"a restart that the bus knows nothing of": {
			dbus.Signal{Sender: ":1.6", Name: nameOwnerChanged, Body: owned(busName, "", ":1.6")}, false,
		},
		"a malformed signal": {
			dbus.Signal{Sender: busDaemon, Name: nameOwnerChanged, Body: []any{busName}}, false,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := watch{owner: ":1.5"}
			if got := w.concerns(&test.signal); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestWatchEndsWithItsContext(t *testing.T) {
	t.Parallel()
	bus := bustest.Start(t)
	over, cancel := context.WithCancel(context.Background())
	cancel()
	err := New(bus.Connect(t)).Watch(over, func() { t.Error("called after the end") })
	if err == nil {
		t.Error("a watch that could not begin reported nothing")
	}
	polkittest.New(t, bus.Address).EmitChanged()
}
