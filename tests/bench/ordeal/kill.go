package ordeal

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"

	"org.kvmmanager/dbus"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/tests/bench/rig"
)

// KillReport is how the service took being killed in the midst of work.
type KillReport struct {
	// Back is how long after its end the service had its name again, Right how
	// long until it showed everything as it is.
	Back, Right []time.Duration
	// Answered is how many operations had been answered before the kill.
	Answered int
	Problems []string
}

const (
	killVMs     = 20
	killRunning = 3
)

// victim is the VM that the operations are about.
const victim = rig.VM(killRunning + 1)

type kills struct {
	*ordeal
	report KillReport
}

// Kill kills the service at a random moment of each of a number of operations.
func Kill(ctx context.Context, r *rig.Rig, rounds int) (*KillReport, error) {
	o, err := prepare(ctx, r, killVMs, killRunning)
	if err != nil {
		return nil, err
	}
	defer o.end()
	k := &kills{ordeal: o}
	for round := range rounds {
		if err := k.round(ctx, operations[round%len(operations)]); err != nil {
			return nil, fmt.Errorf("round %d: %w", round, err)
		}
	}
	k.report.Problems = o.problems
	return &k.report, nil
}

func (k *kills) round(ctx context.Context, op operation) error {
	ctx, cancel := context.WithTimeout(ctx, 2*patience)
	defer cancel()
	if err := k.ready(ctx, op); err != nil {
		return fmt.Errorf("cannot prepare %s: %w", op.member, err)
	}
	service, err := k.rig.PID(ctx, rig.BusName)
	if err != nil {
		return err
	}
	call := op.start(ctx, k.rig.Bus)
	pause(ctx, rand.N(op.takes))
	if len(call.Done) > 0 {
		k.report.Answered++
	}
	var old string
	k.mirror.Look(func(owner string, _ rig.Managed) { old = owner })
	if err := service.Kill(unix.SIGKILL); err != nil {
		return fmt.Errorf("the service was gone before it was killed: %w", err)
	}
	start := time.Now()
	if err := k.back(ctx, old); err != nil {
		return fmt.Errorf("after a kill during %s: %w", op.member, err)
	}
	k.report.Back = append(k.report.Back, time.Since(start))
	if _, err := k.rig.AwaitTruth(ctx, k.mirror); err != nil {
		return fmt.Errorf("after a kill during %s: %w", op.member, err)
	}
	k.report.Right = append(k.report.Right, time.Since(start))
	k.inspect(op)
	return nil
}

// back waits, without a call that would start it, until another service owns
// the name.
func (k *kills) back(ctx context.Context, old string) error {
	return k.mirror.Await(ctx, "the service come back", func(owner string, _ rig.Managed) bool { return owner != "" && owner != old })
}

// inspect looks for what must not be left: touched VMs, and jobs of the service
// that was killed.
func (k *kills) inspect(op operation) {
	when := "after a kill during " + op.member
	k.checkBystanders(when)
	k.mirror.Look(func(_ string, all rig.Managed) {
		for path, ifaces := range all {
			if ifaces[api.JobInterface] != nil {
				k.problem("%s: there is a job %s", when, path)
			}
		}
	})
	if err := k.whole(); err != nil {
		k.problem("%s: %s is half-made: %v", when, victim.Name(), err)
	}
}

// pause lets a random time of an operation go by: the moment is the point.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// start makes the call without waiting for its answer.
func (op operation) start(ctx context.Context, bus *dbus.Conn) *dbus.Call {
	path, iface := victim.Path(), api.VMInterface
	if op.ofHost {
		path, iface = rig.LocalHost, api.HostInterface
	}
	return bus.Object(api.BusName, path).GoWithContext(ctx, iface+"."+op.member, 0, make(chan *dbus.Call, 1), op.args()...)
}

// ready brings the victim into the state that an operation starts from.
func (k *kills) ready(ctx context.Context, op operation) error {
	if err := k.rig.NeedVM(victim); err != nil {
		return err
	}
	if op.from != model.VMShutOff {
		if err := k.rig.StartPaused(victim); err != nil {
			return err
		}
	}
	if op.ofHost {
		if err := k.rig.Undefine(victim); err != nil {
			return err
		}
	}
	return k.settled(ctx)
}
