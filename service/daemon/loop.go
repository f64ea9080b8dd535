package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	sd "github.com/coreos/go-systemd/v22/daemon"
	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"

	"org.kvmmanager/dbus"
)

const stopping = sd.SdNotifyStopping

// signals are what the outside world says.
type signals struct{ reload, stopNow chan os.Signal }

func listen() *signals {
	s := &signals{make(chan os.Signal, 1), make(chan os.Signal, 1)}
	signal.Notify(s.reload, syscall.SIGHUP)
	signal.Notify(s.stopNow, syscall.SIGTERM, syscall.SIGINT)
	return s
}

func (s *signals) stop() {
	signal.Stop(s.reload)
	signal.Stop(s.stopNow)
}

var errLost = errors.New("the connection to the bus is lost")

// loop says that the service is ready, and waits.
func (d *daemon) loop(ctx context.Context, s *signals) error {
	notify(sd.SdNotifyReady)
	interval, alive, stop := watchdog()
	defer stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.stopNow:
			return nil
		case <-s.reload:
			notify(reloading())
			d.hosts.load()
			notify(sd.SdNotifyReady)
		case <-alive:
			go d.proveAlive(ctx, interval)
		case <-d.serve.Context().Done():
			return errLost
		case <-d.ask.Context().Done():
			return errLost
		}
	}
}

// watchdog ticks four times per interval that systemd asks for, or never.
func watchdog() (interval time.Duration, tick <-chan time.Time, stop func()) {
	interval, err := sd.SdWatchdogEnabled(false)
	if err != nil || interval == 0 {
		return 0, nil, func() {}
	}
	ticker := time.NewTicker(interval / 4)
	return interval, ticker.C, ticker.Stop
}

// proveAlive makes a call through the bus to our own tree, and tells systemd
// when it is answered: a service that does not answer is restarted. The call is
// served like any other, but waits only for calls of the service's own user, of
// which there are none. However long it takes, an answer within the interval is
// one, and the next tick does not wait for it: no single call decides.
func (d *daemon) proveAlive(ctx context.Context, interval time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, interval)
	defer cancel()
	self := d.ask.Object(d.serve.Names()[0], dbus.ObjectPath(api.RootPath))
	call := self.CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", 0, api.ManagerInterface, "Version")
	if call.Err != nil {
		d.log.Error("the service does not answer itself", "error", call.Err)
		return
	}
	notify(sd.SdNotifyWatchdog)
}

// reloading is systemd's word for it, with the time that it insists on.
func reloading() string {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return sd.SdNotifyReloading
	}
	return fmt.Sprintf("%s\nMONOTONIC_USEC=%d", sd.SdNotifyReloading, now.Nano()/1000)
}

// notify tells systemd, if it is there: without it there is nobody to tell.
func notify(state string) { _, _ = sd.SdNotify(false, state) }
