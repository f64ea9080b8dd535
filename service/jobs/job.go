package jobs

import (
	"context"
	"sync"
	"time"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

// progressInterval is the least time between two announcements of progress.
const progressInterval = 250 * time.Millisecond

// Job is one piece of work.
type Job struct {
	manager *Manager
	cancel  context.CancelFunc
	done    chan struct{} // closed after the end was announced
	// unlisting and forgetting come a while after the end. The manager's mu guards
	// them.
	unlisting, forgetting *time.Timer

	mu       sync.Mutex // held while publishing, so that changes stay in order
	value    *model.Job
	reported time.Time
	err      error
}

// Value is what the job shows right now.
func (j *Job) Value() *model.Job {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.value
}

// Path is the job's object path.
func (j *Job) Path() model.Path { return j.Value().Path() }

// Wait returns when the job's end has been announced, with its failure, or
// with ctx's error; the job runs on then.
func (j *Job) Wait(ctx context.Context) error {
	select {
	case <-j.done:
		return j.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Done is closed after the job's end was announced.
func (j *Job) Done() <-chan struct{} { return j.done }

// Cancel asks the job to stop. A job that cannot be cancelled is NotSupported;
// one that has ended is InvalidState.
func (j *Job) Cancel() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case j.value.State.Ended():
		return errs.New(errs.InvalidState, "The operation has ended already.")
	case !j.value.Cancellable:
		return errs.New(errs.NotSupported, "This operation cannot be cancelled.")
	case j.value.State == model.JobCancelling:
		return nil
	}
	j.change(func(v *model.Job) { v.State = model.JobCancelling })
	j.cancel()
	return nil
}

// Abandon cancels the job if that is possible, and does not mind otherwise.
func (j *Job) Abandon() { _ = j.Cancel() }

// Phase announces what the job is doing, in words for people.
func (j *Job) Phase(words string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.value.Phase != words {
		j.change(func(v *model.Job) { v.Phase = words })
	}
}

// Progress announces how far the job has come, at most four times a second. A
// total of zero means that nobody knows.
func (j *Job) Progress(done, total uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if total == 0 || time.Since(j.reported) < progressInterval {
		return
	}
	j.reported = time.Now()
	j.change(func(v *model.Job) {
		v.BytesDone, v.BytesTotal = min(done, total), total
		v.Progress = float64(v.BytesDone) / float64(total)
	})
}

// PointOfNoReturn makes the job impossible to cancel from here on. It is
// false when it has been cancelled before: then the work must stop.
func (j *Job) PointOfNoReturn() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.value.State == model.JobCancelling {
		return false
	}
	if j.value.Cancellable {
		j.change(func(v *model.Job) { v.Cancellable = false })
	}
	return true
}

// change publishes a changed copy. The caller holds mu.
func (j *Job) change(edit func(*model.Job)) {
	next := *j.value
	edit(&next)
	j.value = &next
	j.manager.publisher.PublishJob(j.value)
}

// end announces the outcome.
func (j *Job) end(ctx context.Context, result map[string]any, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	next := *j.value
	next.Cancellable, next.Result = false, result
	switch kind, message := errs.Of(err); {
	case err == nil:
		next.State, next.Progress = model.JobDone, 1
	case kind == errs.Cancelled || ctx.Err() != nil && j.value.State == model.JobCancelling:
		err = errs.Wrap(errs.Cancelled, err, "The operation was cancelled.")
		next.State, next.ErrorName, next.ErrorMessage = model.JobCancelled, errs.Cancelled.DBusName(), "The operation was cancelled."
	default:
		next.State, next.ErrorName, next.ErrorMessage = model.JobFailed, kind.DBusName(), message
		j.manager.log.Warn("a job failed", "operation", next.Operation, "job", next.Number, "error", err)
	}
	j.value, j.err = &next, err
	j.manager.publisher.CompleteJob(j.value)
	close(j.done)
}
