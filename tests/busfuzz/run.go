package busfuzz

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/godbus/dbus/v5"
)

// surveyInterval is how often the tree is read again during a run.
const surveyInterval = 500 * time.Millisecond

// overtime is how long a run may go on beyond its duration, on a busy machine,
// for the outcomes that it has to see.
const overtime = 2 * time.Minute

// User is somebody who calls.
type User struct {
	Name string
	UID  int
	// Privileged says that the user has all rights; else none.
	Privileged  bool
	Connections int
}

// Options is what a run is made of.
type Options struct {
	Address string // of the bus, unix:path=
	Service string // name on the bus
	Users   []User
	// Hosts are what privileged users may change, with everything on them;
	// all of them when it is nil.
	Hosts    []dbus.ObjectPath
	Seed     uint64
	Duration time.Duration
	// Each is the outcomes that every user has to have, and Any those that
	// somebody has to have: the run goes on until then, so that none that did
	// nothing passes.
	Each, Any []string
}

// Run calls for as long as the options say, or until ctx ends or there are
// enough violations. An error means that it could not begin, or that the
// outcomes that it has to see never came.
func Run(ctx context.Context, o Options) (*Report, error) {
	ctx, cancel := context.WithTimeout(ctx, o.Duration+overtime)
	defer cancel()
	surveyor, err := dial(o.Address, os.Geteuid())
	if err != nil {
		return nil, err
	}
	defer func() { _ = surveyor.close() }()
	owner, err := surveyor.owner(o.Service)
	if err != nil {
		return nil, err
	}
	run := &run{Options: o, surveyor: surveyor, report: newReport(o.Seed, cancel)}
	begin := time.Now()
	if err := run.work(ctx); err != nil {
		return nil, err
	}
	run.report.Elapsed = time.Since(begin)
	if now, err := surveyor.owner(o.Service); err != nil || now != owner {
		run.report.violation("", "", fmt.Errorf("the service is not the same any more: %s was %s, and is %s, %w", o.Service, owner, now, err))
	}
	if _, err := surveyor.survey(o.Service); err != nil {
		run.report.violation("", "", fmt.Errorf("the service does not answer any more: %w", err))
	}
	if missing := run.report.missing(&o); len(missing) > 0 && len(run.report.Violations) == 0 {
		return nil, fmt.Errorf("in %s not one call had the outcome %q: %v", run.report.Elapsed, missing, run.report.Outcomes)
	}
	return run.report, nil
}

// NewSeed is a seed that no other run has.
func NewSeed() uint64 { return uint64(time.Now().UnixNano()) }

type run struct {
	Options
	surveyor *conn
	report   *Report
	latest   atomic.Pointer[Survey]
}

// work has everybody work until ctx ends, and keeps the survey up to date.
func (r *run) work(ctx context.Context) error {
	oracle, err := NewOracle()
	if err != nil {
		return err
	}
	fds, err := openFiles()
	if err != nil {
		return err
	}
	defer fds.close()
	first, err := r.surveyor.survey(r.Service)
	if err != nil {
		return err
	}
	if len(first.Targets) == 0 {
		return errors.New("the service has no objects")
	}
	r.latest.Store(first)
	var workers sync.WaitGroup
	stream := uint64(0)
	for _, user := range r.Users {
		for range user.Connections {
			stream++
			w := &worker{
				Options: r.Options, user: user, gen: NewGenerator(r.Seed, stream, fds.all()),
				oracle: oracle, report: r.report, latest: &r.latest, moves: moves(),
			}
			workers.Add(1)
			go func() { defer workers.Done(); w.work(ctx) }()
		}
	}
	r.follow(ctx)
	workers.Wait()
	return nil
}

// follow reads the tree again and again, and ends the run when it is time.
func (r *run) follow(ctx context.Context) {
	ticker := time.NewTicker(surveyInterval)
	defer ticker.Stop()
	end := time.Now().Add(r.Duration)
	for {
		if time.Now().After(end) && len(r.report.missing(&r.Options)) == 0 {
			r.report.enough()
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		next, err := r.surveyor.survey(r.Service)
		if err != nil {
			r.report.violation("surveyor", "", err)
			return
		}
		r.latest.Store(next)
	}
}

// owner is the unique name behind a name.
func (c *conn) owner(name string) (string, error) {
	answer, err := c.ask(&Call{Destination: daemonName, Path: daemonPath, Interface: daemonName, Member: "GetNameOwner", Args: []any{name}})
	switch {
	case err != nil:
		return "", fmt.Errorf("cannot find %s: %w", name, err)
	case answer.Type == dbus.TypeError:
		return "", fmt.Errorf("cannot find %s: %v", name, answer.Body)
	}
	owner, _ := answer.Body[0].(string)
	return owner, nil
}
