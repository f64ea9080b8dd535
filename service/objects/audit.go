package objects

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/service/jobs"
	"org.kvmmanager/service/journal"
)

// auditCall records a call that changed something or read a secret, unless a job
// of the call does so when it ends.
func (r *request) auditCall(err error) {
	actions := slices.DeleteFunc(r.actions(), func(action string) bool { return action == actionRead })
	switch {
	case len(actions) == 0, r.audited:
	case r.method.repeats && err == nil && !r.service.looks.admit(look{r.UID, string(r.Path)}, time.Now()):
	default:
		r.audit(actions[0], "", false, err)
	}
}

// auditJob records the outcome of a job.
func (r *request) auditJob(job *jobs.Job, err error) {
	r.audit(r.method.action, string(job.Path()), false, err)
}

// auditRefusal records that polkit or the person said no.
func (r *request) auditRefusal(action string, err error) {
	if r.service.refusals.admit(r.UID, time.Now()) {
		r.audit(action, "", true, err)
	}
}

func (r *request) audit(action, job string, refused bool, err error) {
	journal.Audit(r.service.log, journal.AuditRecord{
		Action: action, Object: string(r.Path), Method: r.Interface + "." + r.Member,
		UID: r.UID, PID: r.PID, Job: job, Outcome: outcome(err), Refused: refused,
	})
}

// outcome is an error in the words of the audit.
func outcome(err error) string {
	var onBus *dbus.Error
	switch {
	case err == nil:
		return journal.Done
	case errors.As(err, &onBus) && onBus.Name == interactionRequired:
		return journal.InteractionRequired
	default:
		kind, _ := errs.Of(err)
		return string(kind)
	}
}

const (
	refusalWindow = time.Minute
	refusalsAdmit = 30 // per user and window
	refusalsUsers = 1024
)

// refusals keeps one user's refused calls from flooding the journal, where
// they would push out the records of others.
type refusals struct {
	mu    sync.Mutex
	since time.Time
	count map[uint32]int // by uid, in this window
}

func (f *refusals) admit(uid uint32, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now.Sub(f.since) > refusalWindow || len(f.count) > refusalsUsers {
		f.since, f.count = now, map[uint32]int{}
	}
	f.count[uid]++
	return f.count[uid] <= refusalsAdmit
}

const (
	lookWindow = time.Hour
	looksKept  = 4096
)

// look is a user who looks at an object.
type look struct {
	uid  uint32
	path string
}

// looks is who has looked at what lately. A client that shows a small picture
// of a VM takes it every few seconds: that somebody looks is worth a record, and
// each time is not.
type looks struct {
	mu    sync.Mutex
	since map[look]time.Time
}

func (l *looks) admit(who look, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at, known := l.since[who]; known && now.Sub(at) < lookWindow {
		return false
	}
	if l.since == nil || len(l.since) >= looksKept {
		l.since = map[look]time.Time{}
	}
	l.since[who] = now
	return true
}
