package jobs_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/jobs"
)

const deadline = 10 * time.Second

// log notes what is announced, in order.
type log struct {
	mu       sync.Mutex
	values   []model.Job
	ended    []model.Job
	unlisted chan model.Path
	removed  chan model.Path
}

func newLog() *log {
	return &log{unlisted: make(chan model.Path, 2048), removed: make(chan model.Path, 1024)}
}

func (l *log) PublishJob(j *model.Job) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.values = append(l.values, *j)
}

func (l *log) CompleteJob(j *model.Job) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = append(l.ended, *j)
}

func (l *log) UnlistJob(j *model.Job) { l.unlisted <- j.Path() }

func (l *log) WithdrawJob(j *model.Job) { l.removed <- j.Path() }

func (l *log) states() []model.JobState {
	l.mu.Lock()
	defer l.mu.Unlock()
	var states []model.JobState
	for _, v := range append(append([]model.Job{}, l.values...), l.ended...) {
		if len(states) == 0 || states[len(states)-1] != v.State {
			states = append(states, v.State)
		}
	}
	return states
}

func setUp(t *testing.T, keep time.Duration) (*jobs.Manager, *log, context.Context) {
	t.Helper()
	l := newLog()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	t.Cleanup(cancel)
	return jobs.New(l, keep, slog.New(slog.DiscardHandler)), l, ctx
}

func start(t *testing.T, m *jobs.Manager, cancellable bool, run jobs.Func) *jobs.Job {
	t.Helper()
	job, _, err := m.Start(jobs.Spec{Operation: "test", UID: 1000, Cancellable: cancellable, Run: run})
	if err != nil {
		t.Fatal(err)
	}
	return job
}

func TestAJobEndsWithItsOutcome(t *testing.T) {
	t.Parallel()
	full := errs.New(errs.NoSpace, "The disk is full.")
	tests := map[string]struct {
		run     jobs.Func
		state   model.JobState
		name    string
		message string
	}{
		"success": {
			func(context.Context, *jobs.Job) (map[string]any, error) {
				return map[string]any{"kept": []string{"a"}}, nil
			},
			model.JobDone, "", "",
		},
		"a known failure": {
			func(context.Context, *jobs.Job) (map[string]any, error) { return nil, full },
			model.JobFailed, errs.NoSpace.DBusName(), "The disk is full.",
		},
		"an unknown failure keeps its text inside": {
			func(context.Context, *jobs.Job) (map[string]any, error) { return nil, errors.New("secret path") },
			model.JobFailed, errs.Internal.DBusName(), "The service made a mistake. Its journal has the details.",
		},
		"a panic": {
			func(context.Context, *jobs.Job) (map[string]any, error) { panic("oh") },
			model.JobFailed, errs.Internal.DBusName(), "The service made a mistake. Its journal has the details.",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, l, ctx := setUp(t, time.Hour)
			job := start(t, m, false, test.run)
			err := job.Wait(ctx)
			if (err == nil) != (test.state == model.JobDone) {
				t.Errorf("Wait says %v", err)
			}
			got := job.Value()
			if got.State != test.state || got.ErrorName != test.name || got.ErrorMessage != test.message {
				t.Errorf("got %+v", got)
			}
			if len(l.ended) != 1 || l.ended[0].State != test.state {
				t.Errorf("announced %+v", l.ended)
			}
			if m.Find(job.Path()) != job {
				t.Error("the job was forgotten at once")
			}
		})
	}
}

func TestCancellingStopsTheWork(t *testing.T) {
	t.Parallel()
	m, l, ctx := setUp(t, time.Hour)
	job := start(t, m, true, func(ctx context.Context, _ *jobs.Job) (map[string]any, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	})
	if err := job.Cancel(); err != nil {
		t.Fatal(err)
	}
	if err := job.Wait(ctx); !errs.Is(err, errs.Cancelled) {
		t.Errorf("Wait says %v", err)
	}
	want := []model.JobState{model.JobRunning, model.JobCancelling, model.JobCancelled}
	if got := l.states(); len(got) != 3 || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
		t.Errorf("states %v, want %v", got, want)
	}
	if err := job.Cancel(); !errs.Is(err, errs.InvalidState) {
		t.Errorf("cancelling an ended job: %v", err)
	}
}

// TestAJobIsAnnouncedBeforeItCanBeCancelled needs the race detector to be sure.
func TestAJobIsAnnouncedBeforeItCanBeCancelled(t *testing.T) {
	t.Parallel()
	m, l, ctx := setUp(t, time.Hour)
	cancelled := make(chan error, 1)
	go func() {
		var job *jobs.Job
		for job == nil && ctx.Err() == nil {
			job = m.Find(model.JobPath("1"))
		}
		cancelled <- job.Cancel()
	}()
	job := start(t, m, true, func(ctx context.Context, _ *jobs.Job) (map[string]any, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	})
	if err := <-cancelled; err != nil {
		t.Fatal(err)
	}
	if err := job.Wait(ctx); !errs.Is(err, errs.Cancelled) {
		t.Errorf("Wait says %v", err)
	}
	if got := l.states(); len(got) != 3 || got[0] != model.JobRunning {
		t.Errorf("states %v", got)
	}
}

func TestWorkThatCannotBeCancelledIsNot(t *testing.T) {
	t.Parallel()
	m, _, ctx := setUp(t, time.Hour)
	reached, goOn := make(chan bool, 1), make(chan struct{})
	job := start(t, m, true, func(_ context.Context, job *jobs.Job) (map[string]any, error) {
		reached <- job.PointOfNoReturn()
		<-goOn
		return nil, nil
	})
	if !<-reached {
		t.Fatal("the point of no return was not reached")
	}
	if err := job.Cancel(); !errs.Is(err, errs.NotSupported) {
		t.Errorf("cancelling: %v", err)
	}
	close(goOn)
	if err := job.Wait(ctx); err != nil {
		t.Error(err)
	}
}

func TestProgressIsAnnouncedAtMostFourTimesASecond(t *testing.T) {
	t.Parallel()
	m, l, ctx := setUp(t, time.Hour)
	began := time.Now()
	job := start(t, m, false, func(_ context.Context, job *jobs.Job) (map[string]any, error) {
		for i := range uint64(10_000) {
			job.Progress(i, 10_000)
		}
		return nil, nil
	})
	if err := job.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	most := 2 + int(time.Since(began)/(250*time.Millisecond)) // the start, the first report, and one per quarter
	if len(l.values) > most {
		t.Errorf("%d announcements in %v", len(l.values), time.Since(began))
	}
	if job.Value().Progress != 1 {
		t.Errorf("a job that is done is at %v", job.Value().Progress)
	}
}

func TestAnEndedJobIsForgottenAfterAWhile(t *testing.T) {
	t.Parallel()
	m, l, ctx := setUp(t, time.Millisecond)
	job := start(t, m, false, func(context.Context, *jobs.Job) (map[string]any, error) { return nil, nil })
	select {
	case path := <-l.removed:
		if path != job.Path() {
			t.Errorf("withdrew %v", path)
		}
	case <-ctx.Done():
		t.Fatal("the job is still there")
	}
	if m.Find(job.Path()) != nil {
		t.Error("the withdrawn job can be found")
	}
}

// TestAnEndedJobIsUnlistedSoonAndStaysReadable also sees that of many only the last
// stay listed.
func TestAnEndedJobIsUnlistedSoonAndStaysReadable(t *testing.T) {
	t.Parallel()
	const listed = 32
	m, l, ctx := setUp(t, time.Hour)
	var all []*jobs.Job
	for range listed + 8 {
		job := start(t, m, false, func(context.Context, *jobs.Job) (map[string]any, error) { return nil, nil })
		if err := job.Wait(ctx); err != nil {
			t.Fatal(err)
		}
		all = append(all, job)
	}
	for i, job := range all {
		select {
		case path := <-l.unlisted:
			if path != job.Path() && i < 8 {
				t.Errorf("%s was unlisted, and not %s, the oldest", path, job.Path())
			}
		case <-ctx.Done():
			t.Fatalf("%d of %d were unlisted", i, len(all))
		}
		if m.Find(job.Path()) != job {
			t.Errorf("%s cannot be found any more", job.Path())
		}
	}
}

// TestOnlyWhatIsUnderWayIsTooMuch also sees that those that have ended do not pile up.
func TestOnlyWhatIsUnderWayIsTooMuch(t *testing.T) {
	t.Parallel()
	const most = 512
	m, l, ctx := setUp(t, time.Hour)
	var last *jobs.Job
	for range most + 1 {
		last = start(t, m, false, func(context.Context, *jobs.Job) (map[string]any, error) { return nil, nil })
		if err := last.Wait(ctx); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case path := <-l.removed:
		if path == last.Path() || m.Find(path) != nil {
			t.Errorf("%s went, and not the oldest", path)
		}
	case <-ctx.Done():
		t.Fatal("all are kept")
	}
	m.Close(ctx)
}

// TestNobodyTakesAllJobs also sees what is assured to each user, and what begins in
// any case.
func TestNobodyTakesAllJobs(t *testing.T) {
	t.Parallel()
	const most, perUser, root, assured = 512, 128, 256, 16
	m, _, ctx := setUp(t, time.Hour)
	forever := func(ctx context.Context, _ *jobs.Job) (map[string]any, error) { <-ctx.Done(); return nil, ctx.Err() }
	begin := func(uid uint32, n int) {
		t.Helper()
		for i := range n {
			if _, _, err := m.Start(jobs.Spec{Operation: "wait", UID: uid, Cancellable: true, Run: forever}); err != nil {
				t.Fatalf("job %d of %d of user %d: %v", i, n, uid, err)
			}
		}
	}
	refused := func(uid uint32) {
		t.Helper()
		if _, _, err := m.Start(jobs.Spec{Operation: "wait", UID: uid, Run: forever}); !errs.Is(err, errs.Busy) {
			t.Errorf("one more of user %d: %v", uid, err)
		}
	}
	begin(1000, perUser)
	refused(1000)
	begin(0, root)
	refused(0)
	begin(1001, most-perUser-root) // now there are as many as may be
	for uid := range uint32(3) {
		begin(1002+uid, assured)
		refused(1002 + uid)
	}
	urgent, begun, err := m.Start(jobs.Spec{Operation: "power-off", UID: 1000, Single: "off", Urgent: true, Cancellable: true, Run: forever})
	if err != nil || !begun {
		t.Fatalf("an urgent one: %v", err)
	}
	told := false
	again, begun, err := m.Start(jobs.Spec{Operation: "power-off", UID: 1001, Single: "off", Urgent: true, Run: forever, Joined: func() { told = true }})
	if err != nil || begun || again != urgent || !told {
		t.Errorf("the same once more: %v, begun %v, told %v", err, begun, told)
	}
	if err := urgent.Cancel(); err != nil {
		t.Fatal(err)
	}
	_ = urgent.Wait(ctx)
	again, begun, err = m.Start(jobs.Spec{Operation: "power-off", UID: 1000, Single: "off", Urgent: true, Run: forever})
	if err != nil || !begun || again == urgent {
		t.Errorf("after its end: %v, begun %v", err, begun)
	}
	m.Close(ctx)
}

func TestClosingCancelsAndRefuses(t *testing.T) {
	t.Parallel()
	m, _, ctx := setUp(t, time.Hour)
	job := start(t, m, false, func(ctx context.Context, _ *jobs.Job) (map[string]any, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	})
	m.Close(ctx)
	if !job.Value().State.Ended() {
		t.Error("Close returned while a job runs")
	}
	if _, _, err := m.Start(jobs.Spec{Operation: "late"}); !errs.Is(err, errs.Busy) {
		t.Errorf("a job after Close: %v", err)
	}
}
