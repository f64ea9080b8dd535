package daemon

import (
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/dbus"
	"org.kvmmanager/internal/testutil/bustest"
)

// TestAStallIsNoDeath has the service answer nothing for more than half of the
// time that systemd waits, whenever that begins.
func TestAStallIsNoDeath(t *testing.T) {
	const interval = 2 * time.Second
	folder := t.TempDir()
	systemd, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(folder, "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = systemd.Close() })
	t.Setenv("NOTIFY_SOCKET", filepath.Join(folder, "notify"))
	t.Setenv("WATCHDOG_USEC", fmt.Sprint(interval.Microseconds()))
	t.Setenv("WATCHDOG_PID", fmt.Sprint(os.Getpid()))

	bus := bustest.Start(t)
	d := &daemon{ask: bus.Connect(t), serve: bus.Connect(t), log: slog.New(slog.DiscardHandler)}
	slow := &stalled{until: time.Now().Add(interval * 6 / 10)}
	if err := d.serve.Export(slow, api.RootPath, "org.freedesktop.DBus.Properties"); err != nil {
		t.Fatal(err)
	}
	go func() { _ = d.loop(t.Context(), &signals{}) }()
	if err := systemd.SetReadDeadline(time.Now().Add(interval)); err != nil {
		t.Fatal(err)
	}
	for word := make([]byte, 100); ; {
		n, err := systemd.Read(word)
		if err != nil {
			t.Fatalf("systemd hears nothing in its time: %v", err)
		}
		if string(word[:n]) == "WATCHDOG=1" {
			return
		}
	}
}

// stalled answers nothing for a time.
type stalled struct{ until time.Time }

func (s *stalled) Get(string, string) (dbus.Variant, *dbus.Error) {
	time.Sleep(time.Until(s.until))
	return dbus.MakeVariant("1"), nil
}
