package client

import (
	"context"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

// CancelJob asks a job to stop, without waiting for that. In the API it is
// Job.Cancel.
func (c *Client) CancelJob(ctx context.Context, job model.Path, options ...Option) error {
	return c.call(ctx, job, jobIface, "Cancel", options, nil)
}

// WaitForJob waits until a job has ended, and returns its result. In the API it is
// Job.Wait; AwaitJob does the same with what is mirrored, and has the whole job.
func (c *Client) WaitForJob(ctx context.Context, job model.Path, options ...Option) (result map[string]any, err error) {
	err = c.call(ctx, job, jobIface, "Wait", options, nil, &result)
	return result, err
}

// AwaitJob waits until a job has ended, and returns it with its error. When
// ctx ends first the job goes on. A job that has ended is mirrored for some seconds
// only, and read from the service after that; one that ended more than half a minute
// ago is NotFound. One whose service has stopped is Disconnected, and nobody knows
// how it ended. If the service cannot be read, that is the error.
func (c *Client) AwaitJob(ctx context.Context, path model.Path) (*model.Job, error) {
	var job *model.Job
	var failure error
	epoch := c.currentEpoch()
	err := c.await(ctx, func() bool {
		job = c.jobs.values[path]
		failure = c.jobFailure(job, epoch)
		return failure != nil || job != nil && job.State.Ended()
	})
	if err != nil {
		return nil, err
	}
	if job == nil && failure != nil && errs.Is(failure, errs.NotFound) {
		return c.readEndedJob(ctx, path)
	}
	return job, failure
}

// readEndedJob reads a job that is not mirrored any more, and returns it with its
// error.
func (c *Client) readEndedJob(ctx context.Context, path model.Path) (*model.Job, error) {
	c.mu.Lock()
	owner := c.owner
	c.mu.Unlock()
	m, err := c.conn.Call(ctx, ownerCall(owner, string(path), propertiesName, "GetAll", jobIface))
	if isName(err, "UnknownObject", "UnknownInterface") {
		return nil, errs.New(errs.NotFound, "The operation is not known any more.")
	}
	if err != nil {
		return nil, toError(err)
	}
	defer m.Close()
	job := &model.Job{Number: lastElement(path)}
	if m.Body.Struct(job); m.Body.Err() != nil {
		return nil, unexpected(m.Body.Err())
	}
	return job, JobError(job)
}

// jobFailure is the error of a job that failed or cannot be followed. The
// caller holds mu.
func (c *Client) jobFailure(job *model.Job, epoch uint64) error {
	switch {
	case c.status.State == Closed:
		return c.status.Err
	case epoch != c.epoch, c.owner == "":
		return errs.New(errs.Disconnected, "The KVM Manager service stopped while the operation was under way.")
	case job == nil && c.status.State == Ready:
		return errs.New(errs.NotFound, "The operation is not known any more.")
	case job == nil && c.status.settled():
		return c.status.Err // nothing comes that would tell of it
	case job == nil || !job.State.Ended() || job.State == model.JobDone:
		return nil
	}
	return JobError(job)
}

// JobError is the error that a job ended with; nil unless it failed or was
// cancelled.
func JobError(job *model.Job) error {
	if job.ErrorName == "" {
		return nil
	}
	kind, known := errs.FromDBusName(job.ErrorName)
	if !known {
		kind = errs.Internal
	}
	return errs.New(kind, "%s", job.ErrorMessage)
}
