package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/tests/bench/rig"
)

// program is what is measured: how to start it, and the role of its list.
type program struct {
	name    string
	command []string
	role    string
}

var (
	ourClient   = program{"kvm-manager", []string{"kvm-manager"}, "list"}
	otherClient = program{"virt-manager", []string{"virt-manager", "--connect", "qemu:///system", "--no-fork"}, "tree table"}
)

const (
	clientStarts  = 15
	clientRunning = 10
	clientCalm    = 20 * time.Second
	// filled is how many rows fill the list's view. GTK 4 makes none for what is
	// beyond it.
	filled = 12
	// smooth is for how long the main loop may be busy at once.
	smooth = 50 * time.Millisecond
	storm  = 10 * time.Second
)

// client measures the client, and virt-manager beside it: the same VMs, the same
// libvirtd, on one display without a window manager. Installing it first may
// take a quarter of an hour.
func (b *bench) client(ctx context.Context) ([]result, error) {
	desktop, err := b.desktop(ctx)
	if err != nil {
		return nil, err
	}
	defer desktop.Close()
	m, err := b.need(ctx, some)
	if err != nil {
		return nil, err
	}
	m.Close()
	rows, err := b.clientStart(ctx, desktop)
	if err != nil {
		return rows, err
	}
	more, err := b.clientIdle(ctx, desktop)
	rows = append(rows, more...)
	if err != nil {
		return rows, err
	}
	more, err = b.clientStalls(ctx, desktop)
	rows = append(rows, more...)
	if err != nil {
		return rows, err
	}
	more, err = b.clientConsole(ctx)
	return append(rows, more...), err
}

// desktop installs the client, and opens a display for it.
func (b *bench) desktop(ctx context.Context) (*rig.Desktop, error) {
	b.say("client: installing it")
	if _, err := rig.Run(ctx, "/src/tests/system/install", "all"); err != nil {
		return nil, err
	}
	return rig.OpenDesktop(ctx, "1280x900")
}

// clientConsole measures what a guest's screen can do, with a VNC server that
// does nothing else, and GTK's own painting beside it. Both are tests of the
// package that draws it, on a screen of the guest's size.
func (b *bench) clientConsole(ctx context.Context) ([]result, error) {
	b.say("client: a guest's screen")
	d, err := rig.OpenDesktop(ctx, "1920x1080")
	if err != nil {
		return nil, err
	}
	defer d.Close()
	folder, err := os.MkdirTemp("", "screen-")
	if err != nil {
		return nil, fmt.Errorf("no folder for the benchmark of the screen: %w", err)
	}
	defer os.RemoveAll(folder)
	program := filepath.Join(folder, "display.test")
	// The flags of the client's build, so that its binding is not built again.
	// It is built outside of the desktop, which has a home of its own.
	if _, err := rig.Run(ctx, "go", "test", "-c", "-trimpath", "-buildmode=pie", "-tags", "display", "-o", program, "/src/client-gtk/display"); err != nil {
		return nil, err
	}
	out, err := d.Tool(ctx, "taskset", "--cpu-list", "0", program, "-test.run", "^$", "-test.bench", ".", "-test.benchtime", "1x", "-test.count", "3")
	if err != nil {
		return nil, err
	}
	said := metrics(out)
	for _, name := range []string{"Console frames/s", "Console ms/letter", "Console ms/screen", "Painting frames/s"} {
		if len(said[name]) == 0 {
			return nil, fmt.Errorf("the benchmark of the screen does not say %q: %s", name, out)
		}
	}
	frames := figure("frames of 1080p, all of it changing, on one core", "1/s", said["Console frames/s"]...).
		beside("GTK's painting alone", said["Painting frames/s"]...)
	letter := figure("from a key to its painted letter", "ms", said["Console ms/letter"]...)
	screen := figure("from a key to its painted answer of 1080p", "ms", said["Console ms/screen"]...)
	return []result{
		frames.bar("≥ 25, or 0.75 × GTK", frames.Ours.Median >= min(25, 0.75*frames.Peer.Median)).
			note("VNC without compression, painted with cairo under Xvfb"),
		letter.bar("< 60", letter.Ours.Median < 60),
		screen,
	}, nil
}

// metrics is what the benchmarks of a package report, by their name and unit.
func metrics(out string) map[string][]float64 {
	found := map[string][]float64{}
	for line := range strings.Lines(out) {
		fields := strings.Fields(line)
		for i := 2; i < len(fields); i++ {
			name, isBenchmark := strings.CutPrefix(fields[0], "Benchmark")
			value, err := strconv.ParseFloat(fields[i-1], 64)
			if isBenchmark && err == nil {
				name, _, _ = strings.Cut(name, "-") // the number of processors
				found[name+" "+fields[i]] = append(found[name+" "+fields[i]], value)
			}
		}
	}
	return found
}

// opened starts a program and waits until its list is filled.
func opened(ctx context.Context, d *rig.Desktop, p program, env ...string) (*rig.Program, time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	started := time.Now()
	running, err := d.Start(p.command, env...)
	if err != nil {
		return nil, 0, err
	}
	err = rig.Poll(ctx, func() error { return listed(ctx, running, p) })
	if err != nil {
		running.Stop()
		return nil, 0, fmt.Errorf("%s does not open: %w", p.name, err)
	}
	return running, time.Since(started), nil
}

func listed(ctx context.Context, running *rig.Program, p program) error {
	n, err := running.Listed(ctx, p.role)
	if err == nil && n < filled {
		err = fmt.Errorf("the list has %d of %d rows", n, filled)
	}
	return err
}

// clientStart measures how long it takes until the list is there. The first
// start of each, which reads its files, does not count.
func (b *bench) clientStart(ctx context.Context, d *rig.Desktop) ([]result, error) {
	b.say("client: starting")
	took := map[string][]float64{}
	for i := range clientStarts + 1 {
		for _, p := range []program{ourClient, otherClient} {
			running, t, err := opened(ctx, d, p)
			if err != nil {
				return nil, err
			}
			running.Stop()
			if i > 0 {
				took[p.name] = append(took[p.name], ms(t))
			}
		}
	}
	r := figure(fmt.Sprintf("client's start until its list is filled, %d VMs", some), "ms", took[ourClient.name]...).beside(otherClient.name, took[otherClient.name]...)
	return []result{r.bar("≤ 0.5 ×", r.Ours.Median <= r.Peer.Median/2).note("warm; seen through the accessibility tree, which costs both")}, nil
}

// clientIdle measures memory and CPU time of both while nobody touches them.
func (b *bench) clientIdle(ctx context.Context, d *rig.Desktop) ([]result, error) {
	b.say("client: doing nothing")
	for _, v := range rig.VMs(clientRunning) {
		if err := b.rig.With(v, (*libvirt.Domain).Create); err != nil {
			return nil, err
		}
		defer func() { _ = b.rig.PowerOff(v) }()
	}
	ours, _, err := opened(ctx, d, ourClient)
	if err != nil {
		return nil, err
	}
	defer ours.Stop()
	theirs, _, err := opened(ctx, d, otherClient)
	if err != nil {
		return nil, err
	}
	defer theirs.Stop()
	if err := pause(ctx, clientCalm); err != nil {
		return nil, err
	}
	memory := map[*rig.Program]uint64{}
	for _, p := range []*rig.Program{ours, theirs} {
		if memory[p], _, err = p.Memory(); err != nil {
			return nil, err
		}
	}
	used, err := idleCPU(ctx, ours.Process, theirs.Process)
	if err != nil {
		return nil, err
	}
	theirs.Stop()
	if err := hide(ctx, d, ours); err != nil {
		return nil, err
	}
	hidden, err := idleCPU(ctx, ours.Process)
	if err != nil {
		return nil, err
	}
	m := figure(fmt.Sprintf("client's memory (PSS) with %d VMs", some), "MB", megabytes(memory[ours])).beside(otherClient.name, megabytes(memory[theirs]))
	c := figure("client's CPU while nobody touches it, a minute", "ms", ms(used[0])).beside(otherClient.name, ms(used[1]))
	return []result{
		m.bar("less", m.Ours.Median < m.Peer.Median),
		c.bar("less", c.Ours.Median < c.Peer.Median).note("%d VMs run", clientRunning),
		figure("client's CPU while it cannot be seen, a minute", "ms", ms(hidden[0])),
	}, nil
}

// hide takes a program's window from the display: without a window manager
// there is nobody to minimise it.
func hide(ctx context.Context, d *rig.Desktop, p *rig.Program) error {
	windows, err := d.Tool(ctx, "xdotool", "search", "--onlyvisible", "--pid", fmt.Sprint(int(p.Process)))
	if err != nil {
		return err
	}
	for _, window := range strings.Fields(windows) {
		if _, err := d.Tool(ctx, "xdotool", "windowunmap", window); err != nil {
			return err
		}
	}
	return nil
}

// clientStalls measures the longest time that the client does not listen, with
// many VMs, while somebody types and scrolls and while VMs change.
func (b *bench) clientStalls(ctx context.Context, d *rig.Desktop) ([]result, error) {
	b.say("client: many VMs")
	m, err := b.need(ctx, b.vms)
	if err != nil {
		return nil, err
	}
	m.Close()
	ours, file, err := b.openedWithStalls(ctx, d)
	if err != nil {
		return nil, err
	}
	defer os.Remove(file)
	defer ours.Stop()
	rows, err := b.stalls(ctx, d, file, fmt.Sprintf("%d VMs", b.vms), []part{
		{what: "search is typed", do: b.typeSearch},
		{what: "list is scrolled", do: b.scroll},
		{what: "100 titles a second change", do: b.changeTitles},
	})
	if err != nil {
		return rows, err
	}
	return rows, b.listIsRight(ctx, d, ours)
}

// openedWithStalls starts the client, waits until it has come to rest, and gives
// the file in which it tells how busy it is.
func (b *bench) openedWithStalls(ctx context.Context, d *rig.Desktop) (*rig.Program, string, error) {
	file, err := os.CreateTemp("", "stalls-")
	if err != nil {
		return nil, "", err
	}
	_ = file.Close()
	ours, _, err := opened(ctx, d, ourClient, "KVM_MANAGER_STALLS="+file.Name())
	if err != nil {
		return nil, "", err
	}
	if err := pause(ctx, 5*time.Second); err != nil {
		ours.Stop()
		return nil, "", err
	}
	return ours, file.Name(), nil
}

// part is something that is done to the client.
type part struct {
	what string
	do   func(context.Context, *rig.Desktop) error
	once bool // GTK makes the widgets first, so there is no bar
}

// stalls does this and that to the client, with that much in it, and judges how
// long it did not listen meanwhile.
func (b *bench) stalls(ctx context.Context, d *rig.Desktop, file, with string, parts []part) ([]result, error) {
	var rows []result
	for _, part := range parts {
		from := time.Now()
		if err := part.do(ctx, d); err != nil {
			return rows, err
		}
		if err := pause(ctx, time.Second); err != nil {
			return rows, err
		}
		stalls, err := stallsSince(file, from)
		if err != nil {
			return rows, err
		}
		r := figure(fmt.Sprintf("client does not listen, %s, %s", with, part.what), "ms", stalls...)
		if !part.once {
			r = r.bar("max < 50", r.Ours.Max < ms(smooth))
		}
		rows = append(rows, r.note("the longest wait of each tenth of a second"))
	}
	return rows, nil
}

func (b *bench) typeSearch(ctx context.Context, d *rig.Desktop) error {
	const text = "bench-0777"
	for n := range 2 * len(text) {
		typed := text[:min(n+1, 2*len(text)-n-1)] // and deleted again
		if err := errors.Join(d.Do(ctx, "search", typed), pause(ctx, 120*time.Millisecond)); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) scroll(ctx context.Context, d *rig.Desktop) error {
	if _, err := d.Tool(ctx, "xdotool", "mousemove", "150", "400"); err != nil {
		return err
	}
	for _, button := range []string{"5", "4"} { // down, and up again
		if _, err := d.Tool(ctx, "xdotool", "click", "--repeat", "150", "--delay", "20", button); err != nil {
			return err
		}
	}
	return nil
}

// changeTitles changes the titles of all VMs in turn, and at last to ones that
// listIsRight knows.
func (b *bench) changeTitles(ctx context.Context, _ *rig.Desktop) error {
	vms := rig.VMs(b.vms)
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for i := range max(len(vms), int(storm/(10*time.Millisecond))) {
		v := vms[i%len(vms)]
		if err := v.Call(ctx, b.rig.Bus, "SetTitle", "gale "+v.Name(), rig.Options()); err != nil {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// listIsRight looks whether the list knows the last titles.
func (b *bench) listIsRight(ctx context.Context, d *rig.Desktop, ours *rig.Program) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := d.Do(ctx, "search", "gale bench-0077"); err != nil {
		return err
	}
	return rig.Poll(ctx, func() error {
		n, err := ours.Listed(ctx, ourClient.role)
		// The VM, and the heading of its host.
		if err == nil && n != 2 {
			err = fmt.Errorf("the list shows %d rows, not 2", n)
		}
		return err
	})
}

// stallsSince reads what the client wrote from a moment on.
func stallsSince(file string, from time.Time) ([]float64, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("the client does not say how busy it is: %w", err)
	}
	defer f.Close()
	var stalls []float64
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var at, took int64
		if _, err := fmt.Sscan(lines.Text(), &at, &took); err == nil && at >= from.UnixMicro() {
			stalls = append(stalls, float64(took)/1000)
		}
	}
	if len(stalls) == 0 {
		return nil, errors.New("the client has said nothing")
	}
	return stalls, nil
}
