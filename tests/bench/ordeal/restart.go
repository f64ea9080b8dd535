package ordeal

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/model"
	"org.kvmmanager/tests/bench/rig"
)

// RestartReport is how the service took libvirtd's restarts.
type RestartReport struct {
	// SaidDown is how long after libvirtd's end the host was not connected
	// any more, for each round; Right how long after libvirtd took connections
	// again the host was connected and everything was shown as it is.
	SaidDown, Right []time.Duration
	Problems        []string
	// Descriptors and PSS of the service after the first round and after the
	// last.
	Descriptors [2]int
	PSS         [2]uint64
}

const (
	restartVMs     = 20
	restartRunning = 3
)

// away are the ways in which libvirtd goes, in turn. Each returns when it is
// gone or, if it comes back by itself, at once.
var away = []struct {
	name string
	gone func(*restarts, context.Context) error
	back func(context.Context) error
}{
	{"stop", (*restarts).stopped, startLibvirtd},
	{"kill", (*restarts).killed, nil},
	{"restart", (*restarts).restarted, nil},
}

// sockets start libvirtd again as soon as anybody calls.
var sockets = []string{"libvirtd.socket", "libvirtd-ro.socket", "libvirtd-admin.socket"}

type restarts struct {
	*ordeal
	libvirtd rig.Process
	report   RestartReport
}

// Restart lets libvirtd go away and come back for a number of rounds, while
// VMs run and others are changed.
func Restart(ctx context.Context, r *rig.Rig, rounds int) (*RestartReport, error) {
	o, err := prepare(ctx, r, restartVMs, restartRunning)
	if err != nil {
		return nil, err
	}
	defer o.end()
	s := &restarts{ordeal: o}
	service, err := r.PID(ctx, rig.BusName)
	if err != nil {
		return nil, err
	}
	for round := range rounds {
		if err := s.round(ctx, round); err != nil {
			return nil, fmt.Errorf("round %d: %w", round, err)
		}
		if round == 0 || round == rounds-1 {
			now, err := sizeOf(service)
			if err != nil {
				return nil, fmt.Errorf("the service did not live through it: %w", err)
			}
			at := min(round, 1)
			s.report.Descriptors[at], s.report.PSS[at] = now.descriptors, now.pss
		}
	}
	s.report.Problems = o.problems
	return &s.report, nil
}

func (s *restarts) round(ctx context.Context, round int) error {
	ctx, cancel := context.WithTimeout(ctx, 2*patience)
	defer cancel()
	way := away[round%len(away)]
	when := fmt.Sprintf("round %d, %s", round, way.name)
	var err error
	if s.libvirtd, err = rig.MainPID(ctx, rig.LibvirtdUnit); err != nil {
		return err
	}
	// systemd gives up on what is started too often.
	if _, err := rig.Run(ctx, "systemctl", "reset-failed", rig.LibvirtdUnit); err != nil {
		return err
	}
	if err := s.change(round, "before"); err != nil {
		return err
	}
	told := s.listen(ctx)
	if err := way.gone(s, ctx); err != nil {
		return err
	}
	if err := s.wasTold(ctx, when, told); err != nil {
		return err
	}
	if way.back != nil {
		if err := way.back(ctx); err != nil {
			return err
		}
	}
	return s.backAgain(ctx, round, when)
}

// listen reports when the host is not connected any more.
func (s *restarts) listen(ctx context.Context) <-chan time.Time {
	told := make(chan time.Time, 1)
	go func() {
		defer close(told)
		if s.mirror.AwaitHost(ctx, func(state string) bool { return state != string(model.Connected) }) == nil {
			told <- time.Now()
		}
	}()
	return told
}

// wasTold compares when libvirtd ended with when the service said so.
func (s *restarts) wasTold(ctx context.Context, when string, told <-chan time.Time) error {
	if err := s.libvirtd.AwaitEnd(ctx); err != nil {
		return err
	}
	end := time.Now()
	at, ok := <-told
	if !ok {
		return fmt.Errorf("%s: the service did not say that the host is gone", when)
	}
	s.report.SaidDown = append(s.report.SaidDown, max(0, at.Sub(end)))
	return nil
}

// backAgain waits for libvirtd, changes something at once, and takes the time
// until the service shows all of it.
func (s *restarts) backAgain(ctx context.Context, round int, when string) error {
	if err := s.rig.AwaitLibvirt(ctx); err != nil {
		return fmt.Errorf("%s: libvirtd did not come back: %w", when, err)
	}
	start := time.Now()
	if err := s.change(round, "after"); err != nil {
		return err
	}
	if _, err := s.rig.AwaitTruth(ctx, s.mirror); err != nil {
		return fmt.Errorf("%s: %w", when, err)
	}
	s.report.Right = append(s.report.Right, time.Since(start))
	s.checkBystanders(when)
	return nil
}

// change makes changes by other means than the service: a new title, and a VM
// that comes and goes.
func (s *restarts) change(round int, when string) error {
	const titled, passing = rig.VM(restartRunning + 1), rig.VM(restartVMs + 1)
	err := s.rig.With(titled, func(d *libvirt.Domain) error {
		return d.SetMetadata(libvirt.DOMAIN_METADATA_TITLE, fmt.Sprintf("%s round %d", when, round), "", "", libvirt.DOMAIN_AFFECT_CONFIG)
	})
	if err != nil {
		return fmt.Errorf("cannot change a title: %w", err)
	}
	if err := s.rig.Undefine(passing); err != nil {
		return err
	}
	if round%2 == 0 {
		return s.rig.Define(passing)
	}
	return nil
}

// stopped ends libvirtd so that nobody's call brings it back.
func (s *restarts) stopped(ctx context.Context) error {
	_, err := rig.Run(ctx, "systemctl", append([]string{"stop", rig.LibvirtdUnit}, sockets...)...)
	return err
}

func startLibvirtd(ctx context.Context) error {
	_, err := rig.Run(ctx, "systemctl", append([]string{"start", rig.LibvirtdUnit}, sockets...)...)
	return err
}

func (s *restarts) killed(context.Context) error { return s.libvirtd.Kill(unix.SIGKILL) }

func (s *restarts) restarted(ctx context.Context) error {
	_, err := rig.Run(ctx, "systemctl", "restart", "--no-block", rig.LibvirtdUnit)
	return err
}
