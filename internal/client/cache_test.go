package client_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/dbus"
	"org.kvmmanager/internal/bus"
	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/testutil/bustest"
	"org.kvmmanager/internal/testutil/fakehv"
	"org.kvmmanager/internal/testutil/polkittest"
	"org.kvmmanager/internal/wire"
)

const configure = "org.kvmmanager.vm.configure"

func (w *world) permission(path model.Path) client.Permission {
	w.t.Helper()
	all, err := w.client.GetPermissions(w.ctx, path)
	if err != nil {
		w.t.Fatal(err)
	}
	return all[configure]
}

func TestPermissionsAreAskedForOnceUntilTheyChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t, polkittest.Rule{Answer: polkittest.Authenticate})
	s := w.client.Subscribe()
	w.next(s)
	if got := w.permission(webPath); got != client.NeedsPassword {
		t.Errorf("at first: %q", got)
	}
	w.Polkit.Checks()
	w.Polkit.Add(polkittest.Rule{Action: configure, Details: map[string]string{"vm.name": "web"}, Answer: polkittest.Yes})
	if got := w.permission(webPath); got != client.NeedsPassword || len(w.Polkit.Checks()) > 0 {
		t.Errorf("again: %q", got)
	}
	w.Polkit.EmitChanged()
	w.await(s, "the change", func(b *client.Batch) bool { return b.PermissionsChanged })
	if got := w.permission(webPath); got != client.Allowed {
		t.Errorf("after the rules changed: %q", got)
	}
	// A rule can look at the name.
	if got := w.permission(dbPath); got != client.NeedsPassword {
		t.Errorf("of another: %q", got)
	}
	renamed := fakehv.VM(2, "web")
	w.HV.Drop(fakehv.UUID(1))
	w.HV.Put(renamed)
	w.settle("mark")
	if got := w.permission(dbPath); got != client.Allowed {
		t.Errorf("after its name changed: %q", got)
	}
}

func TestPermissionsOfOneObjectAreOneCall(t *testing.T) {
	t.Parallel()
	address, noted := recorder(t)
	ctx, cancel := context.WithTimeout(context.Background(), bustest.Timeout)
	defer cancel()
	c := connected(ctx, t, address)
	done := make(chan error)
	for range 10 {
		go func() {
			_, err := c.GetPermissions(ctx, webPath)
			done <- err
		}()
	}
	for range 10 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if call := await(ctx, t, noted, "permissions"); call.Member != "GetPermissions" {
		t.Errorf("got %s", call.Member)
	}
	_ = c.SetTitle(ctx, "/org/kvmmanager/vms/web", "x")
	if call := await(ctx, t, noted, "a title"); call.Member != "SetTitle" {
		t.Errorf("the service was asked again: %s", call.Member)
	}
}

func TestTheShortestIntervalIsSubscribedToOnce(t *testing.T) {
	t.Parallel()
	address, noted := recorder(t)
	ctx, cancel := context.WithTimeout(context.Background(), bustest.Timeout)
	defer cancel()
	c := connected(ctx, t, address)
	want := func(member string, interval uint32) {
		t.Helper()
		call := await(ctx, t, noted, member)
		if call.Member != member || interval > 0 && call.Args[0] != interval {
			t.Errorf("got %s %v, want %s %d", call.Member, call.Args, member, interval)
		}
		// The next one is not sent before the answer to this one has come.
		_ = c.SetTitle(ctx, "/org/kvmmanager/vms/web", "x")
		await(ctx, t, noted, "a title")
	}
	slow := c.SubscribeStatistics(2 * time.Second)
	want("SubscribeStatistics", 2000)
	slower := c.SubscribeStatistics(3 * time.Second)
	fast := c.SubscribeStatistics(time.Second)
	want("SubscribeStatistics", 1000)
	slower.Close()
	fast.Close()
	want("SubscribeStatistics", 2000)
	slow.Close()
	want("UnsubscribeStatistics", 0)
}

func TestASubscriptionThatFailsIsTriedAgain(t *testing.T) {
	t.Parallel()
	var failed atomic.Bool
	address, noted, _ := recorderWith(t, func(xml string) string { return xml }, func(*bus.Call) error {
		if failed.Swap(true) {
			return nil
		}
		return errs.New(errs.Busy, "Try again.")
	})
	ctx, cancel := context.WithTimeout(context.Background(), bustest.Timeout)
	defer cancel()
	c := connected(ctx, t, address)
	s := c.SubscribeStatistics(2 * time.Second)
	var at [2]time.Time
	for i := range at {
		if call := await(ctx, t, noted, "subscribing"); call.Member != "SubscribeStatistics" || call.Args[0] != uint32(2000) {
			t.Errorf("got %s %v", call.Member, call.Args)
		}
		at[i] = time.Now()
	}
	if pause := at[1].Sub(at[0]); pause < time.Second {
		t.Errorf("the service was asked again after %v", pause)
	}
	s.Close()
	if call := await(ctx, t, noted, "the end"); call.Member != "UnsubscribeStatistics" {
		t.Errorf("got %s", call.Member)
	}
}

func TestStatisticsGoOnAfterARestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.client.SubscribeStatistics(500 * time.Millisecond)
	first, err := s.Next(w.ctx)
	if err != nil {
		t.Fatal(err)
	}
	if first.Host != hostPath || len(first.Values) != 2 || first.Values[dbPath].MemoryUsed != 1<<30 {
		t.Errorf("the first samples are %+v", first)
	}
	w.service.Stop()
	w.serve()
	again := time.Now()
	for {
		samples, err := s.Next(w.ctx)
		if err != nil {
			t.Fatal(err)
		}
		if samples.At.After(again) {
			break
		}
	}
	s.Close()
}

func TestALateReaderGetsTheNewestSamples(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.client.SubscribeStatistics(time.Hour)
	if _, err := s.Next(w.ctx); err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		samples := map[dbus.ObjectPath]map[string]dbus.Variant{
			dbus.ObjectPath(dbPath): {"cpu-percent": dbus.MakeVariant(float64(i)), "net-rx-bytes": dbus.MakeVariant(uint64(i))},
		}
		w.service.Tree().Apply(bus.Emit(wire.ObjectPath(hostPath), api.HostInterface, "StatisticsSampled", uint64(1000+i), samples))
	}
	w.settle("mark")
	got, err := s.Next(w.ctx)
	if err != nil {
		t.Fatal(err)
	}
	if v := got.Values[dbPath]; !got.At.Equal(time.UnixMicro(1099)) || v.CPUPercent != 99 || v.NetRX != 99 {
		t.Errorf("the samples are %+v", got)
	}
}
