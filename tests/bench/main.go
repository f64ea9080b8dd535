// Bench measures the service in the reference system, side by side with
// libvirt-dbus on the same libvirtd where that can do the same, and prints a
// table. ./dev bench calls it; it needs root, and the VMs that it makes go
// away with the system that it runs in.
//
// Usage: bench [flags] [NAME…]; without a name all lines are measured.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"org.kvmmanager/tests/bench/rig"
)

// bench is what the lines share.
type bench struct {
	rig   *rig.Rig
	vms   int // how many "many" are
	start time.Time
}

// line is one bar, or a few that are measured together.
type line struct {
	name string
	run  func(*bench, context.Context) ([]result, error)
}

// lines are measured in this order: what needs few VMs comes first.
var lines = []line{
	{"security", (*bench).security},
	{"create", (*bench).create},
	{"upload", (*bench).upload},
	{"start", (*bench).startReply},
	{"start-wait", (*bench).startWait},
	{"change", (*bench).change},
	{"stuck", (*bench).stuck},
	{"stall", (*bench).stall},
	{"idle", (*bench).idle},
	{"restart", (*bench).restart},
	{"kill", (*bench).kill},
	{"memory", (*bench).memory},
	{"load", (*bench).load},
	{"client", (*bench).client},
	{"client-volumes", (*bench).clientVolumes},
}

// some is the number of VMs for the lines that need no more.
const some = 100

func main() {
	asJSON := flag.Bool("json", false, "print JSON instead of a table")
	vms := flag.Int("vms", 1000, "`number` of VMs where many are asked for")
	asBusy := flag.Bool("busy", false, "be the clients that are busy while others are measured, until the input ends")
	asAttacker := flag.Bool("attack", false, "attack the service until the input ends")
	asAlice := flag.Bool("work", false, "work for a minute and print how long everything took")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM)
	defer stop()
	for is, be := range map[*bool]func(context.Context) error{asBusy: beBusy, asAttacker: beAttacker, asAlice: beAlice} {
		if *is {
			exitOn(be(ctx))
			return
		}
	}
	rows, err := measure(ctx, *vms, flag.Args())
	write := writeTable
	if *asJSON {
		write = writeJSON
	}
	if len(rows) > 0 {
		if err := write(os.Stdout, rows); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
		}
	}
	exitOn(err)
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// measure runs the lines of these names. A line that fails is an error in the
// end, and the others are measured all the same.
func measure(ctx context.Context, vms int, names []string) ([]result, error) {
	chosen, err := choose(names)
	if err != nil {
		return nil, err
	}
	r, err := rig.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b := &bench{rig: r, vms: vms, start: time.Now()}
	b.sayLoad()
	defer b.sayLoad()
	var rows []result
	var failed []string
	for _, l := range chosen {
		b.say("measuring %s", l.name)
		more, err := l.run(b, ctx)
		for i := range more {
			more[i].Line = l.name
		}
		rows = append(rows, more...)
		if err != nil {
			b.say("%s failed: %v", l.name, err)
			failed = append(failed, l.name)
		}
	}
	if len(failed) > 0 {
		return rows, fmt.Errorf("cannot measure: %s", strings.Join(failed, ", "))
	}
	return rows, nil
}

// choose finds the lines of these names; all without any.
func choose(names []string) ([]line, error) {
	if len(names) == 0 {
		return lines, nil
	}
	known := map[string]line{}
	var all []string
	for _, l := range lines {
		known[l.name] = l
		all = append(all, l.name)
	}
	var chosen []line
	for _, name := range names {
		l, ok := known[name]
		if !ok {
			return nil, fmt.Errorf("there is no line %q, but these: %s", name, strings.Join(all, ", "))
		}
		chosen = append(chosen, l)
	}
	return chosen, nil
}

// say prints one line of progress.
func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "[%4.0f s] %s\n", time.Since(b.start).Seconds(), fmt.Sprintf(format, args...))
}

// sayLoad tells how busy the machine is with other things: times mean little on
// one that is.
func (b *bench) sayLoad() {
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		b.say("%d processors, load %s", runtime.NumCPU(), strings.Join(strings.Fields(string(load))[:3], " "))
	}
}

// need makes the rig's VMs n, with a service that shows them all.
func (b *bench) need(ctx context.Context, n int) (*rig.Mirror, error) {
	if err := b.rig.NeedVMs(n); err != nil {
		return nil, err
	}
	if err := b.rig.Activate(ctx, rig.BusName); err != nil {
		return nil, fmt.Errorf("cannot start the service: %w", err)
	}
	m, err := rig.Follow(ctx, nil)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if _, err := b.rig.AwaitTruth(ctx, m); err != nil {
		m.Close()
		return nil, err
	}
	return m, nil
}
