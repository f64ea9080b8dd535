package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/dbus"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/tests/bench/rig"
)

const (
	// stallTime is how long the attack lasts, and the quiet time before it.
	stallTime = time.Minute
	// workEvery is the pause between two rounds of work.
	workEvery = 20 * time.Millisecond

	// The bars of the attack.
	stallP99    = 250 // ms
	stallRSS    = 150 // MB
	stallMemory = 30  // MB, when it is over
)

// A VM of libvirt's test driver, which does what it is told at once: what is
// measured is the way to it.
var (
	stallHost = dbus.ObjectPath(model.HostPath("demo"))
	stallVM   = dbus.ObjectPath(model.VMPath("6695eb01-f6a4-8304-79aa-97f2502e193f"))
)

// stall measures what alice notices of an attack by bob, who uses every way that
// a user without rights has, all at the same time. See attacks.
func (b *bench) stall(ctx context.Context) ([]result, error) {
	if err := b.rig.Activate(ctx, rig.BusName); err != nil {
		return nil, fmt.Errorf("cannot start the service: %w", err)
	}
	service, err := b.rig.PID(ctx, rig.BusName)
	if err != nil {
		return nil, err
	}
	quiet, err := work(ctx)
	if err != nil {
		return nil, err
	}
	b.say("attacking")
	attackers, err := startAttack(ctx)
	if err != nil {
		return nil, err
	}
	watched, stop := context.WithCancel(ctx)
	defer stop()
	peak := make(chan uint64, 1)
	go func() { peak <- peakRSS(watched, service) }()
	attacked, err := work(ctx)
	sent := attackers.stop()
	stop()
	if err != nil {
		return nil, err
	}
	for _, line := range sent {
		b.say("sent: %s", line)
	}
	var bad []string
	if now, err := b.rig.PID(ctx, rig.BusName); err != nil || now != service {
		bad = append(bad, "the service was restarted")
	}
	var rows []result
	for _, kind := range workKinds {
		rows = append(rows, figure(kind, "ms", attacked.Took[kind]...).beside("quiet", quiet.Took[kind]...).
			note("p99 %s ms, quiet %s ms", short(figure("", "", attacked.Took[kind]...).Ours.P99), short(figure("", "", quiet.Took[kind]...).Ours.P99)))
	}
	all := figure("everything that alice does", "ms", attacked.all()...).beside("quiet", quiet.all()...)
	rows = append(rows, all.bar(fmt.Sprintf("p99 < %d", stallP99), all.Ours.P99 < stallP99).
		note("p99 %s ms, quiet %s ms", short(all.Ours.P99), short(all.Peer.P99)).problems(append(bad, attacked.Failed...)))
	rss := megabytes(<-peak)
	rows = append(rows, figure("largest RSS during the attack", "MB", rss).bar(fmt.Sprintf("< %d", stallRSS), rss < stallRSS))
	after, err := settle(ctx, service)
	if err != nil {
		return rows, err
	}
	memory := megabytes(after.settled)
	return append(rows, figure("memory (PSS) after the attack", "MB", memory).bar(fmt.Sprintf("< %d", stallMemory), memory < stallMemory).
		note("right after it %s, then settled", short(megabytes(after.first)))), nil
}

// peakRSS follows a process until ctx ends.
func peakRSS(ctx context.Context, p rig.Process) (peak uint64) {
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	for {
		if rss, err := p.RSS(); err == nil {
			peak = max(peak, rss)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return peak
		}
	}
}

// attackers is a process of bob's.
type attackers struct{ *busy }

func startAttack(ctx context.Context) (*attackers, error) {
	process, err := asUser(ctx, "bob", "-attack")
	if err != nil {
		return nil, err
	}
	b, err := start(process)
	if err != nil {
		return nil, err
	}
	return &attackers{b}, nil
}

// stop ends the attack and returns what was sent.
func (a *attackers) stop() (sent []string) {
	_ = a.until.Close()
	for lines := bufio.NewScanner(a.said); lines.Scan(); {
		sent = append(sent, lines.Text())
	}
	_ = a.process.Wait()
	return sent
}

// The kinds of alice's work.
const (
	workRead        = "reading a VM's properties"
	workPermissions = "GetPermissions"
	workFresh       = "GetPermissions on a connection of its own"
	workChange      = "SetTitle"
	workSignal      = "SetTitle until its signal"
	workStart       = "Start or PowerOff with wait"
	workOther       = "Ping to systemd, for comparison"
)

var workKinds = []string{workRead, workPermissions, workFresh, workChange, workSignal, workStart, workOther}

// worked is what alice's work took, in milliseconds, and what of it failed.
type worked struct {
	Took   map[string][]float64
	Failed []string
}

// all is the times of all that went to the service.
func (w *worked) all() (all []float64) {
	for kind, took := range w.Took {
		if kind != workOther {
			all = append(all, took...)
		}
	}
	return all
}

// work has alice work for a minute in a process of her own.
func work(ctx context.Context) (*worked, error) {
	process, err := asUser(ctx, "alice", "-work")
	if err != nil {
		return nil, err
	}
	out, err := process.Output()
	if err != nil {
		return nil, fmt.Errorf("alice cannot work: %w", err)
	}
	w := &worked{}
	return w, json.Unmarshal(out, w)
}

// beAlice is that process.
func beAlice(ctx context.Context) error {
	conn, err := rig.Connect()
	if err != nil {
		return err
	}
	defer conn.Close()
	signals := make(chan *dbus.Signal, 1000)
	conn.Signal(signals)
	if err := conn.AddMatchSignal(dbus.WithMatchSender(api.BusName), dbus.WithMatchObjectPath(stallVM),
		dbus.WithMatchMember("PropertiesChanged")); err != nil {
		return err
	}
	w := &worked{Took: map[string][]float64{}}
	for n, end := 0, time.Now().Add(stallTime); time.Now().Before(end) && pause(ctx, workEvery) == nil; n++ {
		w.round(ctx, conn, signals, n)
	}
	return json.NewEncoder(os.Stdout).Encode(w)
}

// round does each kind of work once.
func (w *worked) round(ctx context.Context, conn *dbus.Conn, signals <-chan *dbus.Signal, n int) {
	call := func(to *dbus.Conn, path dbus.ObjectPath, method string, args ...any) error {
		return to.Object(api.BusName, path).CallWithContext(ctx, method, 0, args...).Err
	}
	w.time(workRead, func() error {
		return call(conn, stallVM, "org.freedesktop.DBus.Properties.GetAll", api.VMInterface)
	})
	w.time(workPermissions, func() error {
		return call(conn, api.RootPath, api.ManagerInterface+".GetPermissions", stallVM, rig.Options())
	})
	w.time(workFresh, func() error {
		fresh, err := rig.Connect()
		if err != nil {
			return err
		}
		defer fresh.Close()
		return call(fresh, api.RootPath, api.ManagerInterface+".GetPermissions", stallVM, rig.Options())
	})
	title := fmt.Sprintf("round %d", n)
	w.time(workSignal, func() error {
		w.time(workChange, func() error { return call(conn, stallVM, api.VMInterface+".SetTitle", title, rig.Options()) })
		return awaitTitle(ctx, signals, title)
	})
	w.time(workStart, func() error {
		// Whatever it was before.
		err := call(conn, stallVM, api.VMInterface+".PowerOff", rig.Options("wait", true))
		if isError(err, "InvalidState") {
			err = call(conn, stallVM, api.VMInterface+".Start", rig.Options("wait", true))
		}
		return err
	})
	w.time(workOther, func() error {
		return conn.Object("org.freedesktop.systemd1", "/org/freedesktop/systemd1").CallWithContext(ctx, "org.freedesktop.DBus.Peer.Ping", 0).Err
	})
}

func isError(err error, kind string) bool {
	var failed dbus.Error
	return errors.As(err, &failed) && strings.HasSuffix(failed.Name, "."+kind)
}

// time notes how long something took, also when it failed, which is a problem.
func (w *worked) time(kind string, do func() error) {
	start := time.Now()
	err := do()
	w.Took[kind] = append(w.Took[kind], ms(time.Since(start)))
	if err != nil {
		if problem := fmt.Sprintf("%s failed: %v", kind, err); !slices.Contains(w.Failed, problem) {
			w.Failed = append(w.Failed, problem)
		}
	}
}

// awaitTitle waits until the VM's title is announced.
func awaitTitle(ctx context.Context, signals <-chan *dbus.Signal, title string) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		select {
		case s := <-signals:
			if len(s.Body) > 1 {
				changed, _ := s.Body[1].(map[string]dbus.Variant)
				if changed["Title"].Value() == title {
					return nil
				}
			}
		case <-ctx.Done():
			return fmt.Errorf("the change was not announced: %w", ctx.Err())
		}
	}
}
