// Package jobs runs long work: each job has an object that shows its progress,
// can be cancelled while that is possible, and stays readable for a while
// after it ended.
package jobs

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"time"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/journal"
)

// Publisher shows jobs. Its methods return when the change has been announced;
// calls about one job come in order.
type Publisher interface {
	PublishJob(job *model.Job) // new or changed
	// CompleteJob announces the job's last change, and then its end.
	CompleteJob(job *model.Job)
	// UnlistJob takes a job that has ended out of the list of objects. It stays
	// readable until it is withdrawn.
	UnlistJob(job *model.Job)
	WithdrawJob(job *model.Job)
}

// Func does the work. It reports through the job, and what it changed must be
// announced before it returns. When it returns an error, nothing half-made is
// left behind.
type Func func(ctx context.Context, job *Job) (result map[string]any, err error)

// Spec describes a job before it starts.
type Spec struct {
	Operation   string // kebab-case: start, power-off
	Objects     []model.Path
	UID         uint32 // who asked for it
	Cancellable bool
	// Announced runs when the job has been announced, before any of its work; nil for
	// none.
	Announced func(*model.Job)
	// Single, if not empty, names work that is done once at a time: while a job
	// with the same name is under way, Start returns that one.
	Single string
	// Joined is called by Start when it returns another job, if it is not nil.
	Joined func()
	// Urgent work is begun however many jobs there are. It must have an end, and
	// be Single.
	Urgent bool
	Run    Func
}

// Manager owns the jobs.
type Manager struct {
	publisher Publisher
	log       *slog.Logger
	keep      time.Duration // how long an ended job stays readable

	mu      sync.Mutex
	last    uint64
	jobs    map[model.Path]*Job
	single  map[string]*Job // those under way, by Spec.Single
	users   map[uint32]int  // how many jobs of each user are under way
	ended   []*Job          // those of jobs that have ended, the oldest first
	listed  []*Job          // those of ended that are still listed
	closing bool
	running sync.WaitGroup
}

// Keep is how long the service keeps an ended job.
const Keep = 30 * time.Second

// An ended job stays in the list of objects for listedFor, so that whoever follows
// the list sees its end, and maxListed of them at most: under load most of the list
// would be jobs that are over.
const (
	listedFor = 5 * time.Second
	maxListed = 32
)

const (
	// maxJobs bounds what callers can pile up: the jobs that are under way, and
	// those that have ended.
	maxJobs = 512
	// maxPerUser is how many jobs of one user are under way at most. root may have
	// half of all.
	maxPerUser = 128
	// assured is how many jobs each user may have under way even if there are
	// maxJobs of others.
	assured = 16
)

// New makes a manager whose ended jobs stay readable for keep.
func New(publisher Publisher, keep time.Duration, log *slog.Logger) *Manager {
	return &Manager{publisher: publisher, log: log, keep: keep, jobs: map[model.Path]*Job{}, single: map[string]*Job{}, users: map[uint32]int{}}
}

// Start announces a job and starts its work, and returns at once. It is Busy when
// there are too many, or when the service is about to stop. If the work is Single
// and under way already, it returns that job, and begun is false.
func (m *Manager) Start(spec Spec) (job *Job, begun bool, err error) {
	m.mu.Lock()
	if other := m.single[spec.Single]; other != nil {
		m.mu.Unlock()
		if spec.Joined != nil {
			spec.Joined()
		}
		if spec.Announced != nil {
			spec.Announced(other.Value())
		}
		return other, false, nil
	}
	if err := m.admit(&spec); err != nil {
		m.mu.Unlock()
		return nil, false, err
	}
	m.last++
	m.users[spec.UID]++
	ctx, cancel := context.WithCancel(context.Background())
	job = &Job{manager: m, cancel: cancel, done: make(chan struct{}), value: &model.Job{
		Number: strconv.FormatUint(m.last, 10), Operation: spec.Operation, Objects: spec.Objects,
		State: model.JobRunning, Progress: -1, StartedAt: time.Now(), StartedBy: spec.UID,
		Cancellable: spec.Cancellable,
	}}
	job.mu.Lock() // who finds it before it is announced waits
	m.jobs[job.value.Path()] = job
	if spec.Single != "" {
		m.single[spec.Single] = job
	}
	m.running.Add(1)
	m.mu.Unlock()

	m.publisher.PublishJob(job.value)
	if spec.Announced != nil {
		spec.Announced(job.value)
	}
	job.mu.Unlock()
	go m.run(ctx, job, &spec)
	return job, true, nil
}

// admit returns why a job cannot be begun now. The caller holds mu.
func (m *Manager) admit(spec *Spec) error {
	most := maxPerUser
	if spec.UID == 0 {
		most = maxJobs / 2
	}
	own := m.users[spec.UID]
	switch {
	case m.closing:
		return errs.New(errs.Busy, "The service is stopping. Try again in a moment.")
	case spec.Urgent:
	case own >= most:
		return errs.New(errs.Busy, "You have %d operations under way. Wait until some of them have ended, or cancel them.", own)
	case own >= assured && len(m.jobs)-len(m.ended) >= maxJobs:
		return errs.New(errs.Busy, "There are too many operations under way. Wait until some of them have ended.")
	}
	return nil
}

// leave ends what a successful admit began.
func (m *Manager) leave(spec *Spec) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.users[spec.UID]--; m.users[spec.UID] == 0 {
		delete(m.users, spec.UID)
	}
	delete(m.single, spec.Single)
}

// Find gives the job at this path; nil when it is unknown or was forgotten.
func (m *Manager) Find(path model.Path) *Job {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.jobs[path]
}

// Any says whether a job that has not ended is as the caller describes it.
func (m *Manager) Any(match func(*model.Job) bool) bool {
	m.mu.Lock()
	jobs := slices.Collect(maps.Values(m.jobs))
	m.mu.Unlock()
	return slices.ContainsFunc(jobs, func(j *Job) bool {
		value := j.Value()
		return !value.State.Ended() && match(value)
	})
}

// Close refuses new jobs, and cancels and waits for those under way until ctx
// ends.
func (m *Manager) Close(ctx context.Context) {
	m.mu.Lock()
	m.closing = true
	for _, job := range m.jobs {
		job.cancel()
	}
	m.mu.Unlock()
	ended := make(chan struct{})
	go func() { m.running.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-ctx.Done():
	}
}

func (m *Manager) run(ctx context.Context, job *Job, spec *Spec) {
	defer m.running.Done()
	defer job.cancel()
	result, err := m.contain(ctx, job, spec.Run)
	m.leave(spec)
	job.end(ctx, result, err)
	m.keepEnded(job)
}

// keepEnded keeps a job for a while, in place of the oldest if there are too many.
func (m *Manager) keepEnded(job *Job) {
	m.mu.Lock()
	m.ended, m.listed = append(m.ended, job), append(m.listed, job)
	job.forgetting = time.AfterFunc(m.keep, func() { m.forget(job) })
	job.unlisting = time.AfterFunc(listedFor, func() { m.unlist(job) })
	var oldest, surplus *Job
	if len(m.ended) > maxJobs {
		oldest = m.ended[0]
	}
	if len(m.listed) > maxListed {
		surplus = m.listed[0]
	}
	m.mu.Unlock()
	if surplus != nil {
		m.unlist(surplus)
	}
	if oldest != nil {
		m.forget(oldest)
	}
}

// unlist takes an ended job out of the list of objects.
func (m *Manager) unlist(job *Job) {
	m.mu.Lock()
	i := slices.Index(m.listed, job)
	if i >= 0 {
		m.listed = slices.Delete(m.listed, i, i+1)
		job.unlisting.Stop()
	}
	m.mu.Unlock()
	if i >= 0 {
		m.publisher.UnlistJob(job.Value())
	}
}

// contain turns a panic of the work into an error: one job must not end the
// service.
func (m *Manager) contain(ctx context.Context, job *Job, work Func) (result map[string]any, err error) {
	defer func() {
		if p := recover(); p != nil {
			m.log.Error("a job panicked", journal.MessageID(journal.InternalError), "operation", job.Value().Operation, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = errs.New(errs.Internal, "The service made a mistake. Its journal has the details.")
		}
	}()
	return work(ctx, job)
}

func (m *Manager) forget(job *Job) {
	value := job.Value()
	m.mu.Lock()
	known := m.jobs[value.Path()] == job
	delete(m.jobs, value.Path())
	isJob := func(j *Job) bool { return j == job }
	m.ended, m.listed = slices.DeleteFunc(m.ended, isJob), slices.DeleteFunc(m.listed, isJob)
	job.forgetting.Stop()
	job.unlisting.Stop()
	m.mu.Unlock()
	if known {
		m.publisher.WithdrawJob(value)
	}
}
