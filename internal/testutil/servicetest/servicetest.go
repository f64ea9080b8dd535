// Package servicetest runs the real objects of the service on a private bus,
// with a fake hypervisor behind them and a fake polkit beside them.
package servicetest

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/dbus"
	"org.kvmmanager/internal/bus"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/polkit"
	"org.kvmmanager/internal/testutil/bustest"
	"org.kvmmanager/internal/testutil/fakehv"
	"org.kvmmanager/internal/testutil/polkittest"
	"org.kvmmanager/service/inventory"
	"org.kvmmanager/service/objects"
	"org.kvmmanager/service/unfinished"
)

// World is what outlives the service: the bus, the machine and polkit.
type World struct {
	Bus    *bustest.Bus
	HV     *fakehv.Hypervisor
	Polkit *polkittest.Authority
	// Unfinished is what the service finds of earlier ones, if set.
	Unfinished *unfinished.Records
	t          testing.TB
}

// New makes a world without a service. Without rules polkit says yes. Each of
// the bus's extras goes into its configuration.
func New(t testing.TB, rules []polkittest.Rule, extra ...string) *World {
	t.Helper()
	w := &World{t: t, Bus: bustest.Start(t, extra...), HV: fakehv.New()}
	if rules == nil {
		rules = []polkittest.Rule{{Answer: polkittest.Yes}}
	}
	w.Polkit = polkittest.New(t, w.Bus.Address, rules...)
	return w
}

// Service is one life of the service.
type Service struct {
	*objects.Service
	Name     string // unique name
	Pictures string // the folder of pictures of snapshots
	t        testing.TB
	conn     *dbus.Conn
	stop     sync.Once
}

// hostStore is a HostStore that remembers nothing.
type hostStore struct{ inv *inventory.Inventory }

func (s hostStore) Add(id, uri string) (*inventory.Host, error) { return s.inv.Add(id, uri) }
func (s hostStore) Remove(id string) error                      { return s.inv.Remove(id) }

// Serve starts a service without hosts and without its well-known name. It
// ends with the test, or earlier with Stop.
func (w *World) Serve(ctx context.Context) *Service {
	w.t.Helper()
	return serve(ctx, w.t, w.Bus.Address, w.HV, w.Unfinished)
}

// Serve starts a service on the bus at address.
func Serve(ctx context.Context, t testing.TB, address string, hv inventory.Hypervisor) *Service {
	t.Helper()
	return serve(ctx, t, address, hv, nil)
}

func serve(ctx context.Context, t testing.TB, address string, hv inventory.Hypervisor, left *unfinished.Records) *Service {
	t.Helper()
	ask, err := bus.New("/", nil, nil, nil, slog.New(slog.DiscardHandler)).Connect(address) // as the daemon does
	if err != nil {
		t.Fatal(err)
	}
	s := &Service{t: t, Pictures: t.TempDir()}
	s.Service, err = objects.New(objects.Options{
		Version: "1.2.3", Hypervisor: hv, Authority: polkit.New(ask), Watcher: bus.NewWatcher(ask),
		Log: slog.New(slog.DiscardHandler), KeepJobs: time.Minute,
		Unfinished: left, Pictures: s.Pictures,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.UseHosts(hostStore{s.Inventory()})
	if err := s.WatchPermissions(ctx); err != nil {
		t.Fatal(err)
	}
	if s.conn, err = s.Tree().Connect(address); err != nil {
		t.Fatal(err)
	}
	s.Name = s.conn.Names()[0]
	t.Cleanup(func() { s.Stop(); _ = ask.Close() })
	return s
}

// WithHost adds the host "local" and waits until it is connected.
func (s *Service) WithHost(ctx context.Context) *Service {
	s.t.Helper()
	host, err := s.Inventory().Add("local", "fake:///system")
	if err != nil {
		s.t.Fatal(err)
	}
	s.HostsChanged()
	if err := host.AwaitState(ctx, func(state model.ConnectionState) bool { return state == model.Connected }); err != nil {
		s.t.Fatal(err)
	}
	return s
}

// OwnName takes the service's well-known name.
func (s *Service) OwnName() *Service {
	s.t.Helper()
	if reply, err := s.conn.RequestName(api.BusName, dbus.NameFlagDoNotQueue); err != nil || reply != dbus.RequestNameReplyPrimaryOwner {
		s.t.Fatalf("cannot own the name: %v, reply %d", err, reply)
	}
	return s
}

// Stop ends the service as a crash does: it just leaves the bus.
func (s *Service) Stop() {
	s.stop.Do(func() {
		_ = s.conn.Close()
		ctx, cancel := context.WithTimeout(context.Background(), bustest.Timeout)
		defer cancel()
		s.Close(ctx)
	})
}

// Done ends when the service's connection does.
func (s *Service) Done() <-chan struct{} { return s.conn.Context().Done() }
