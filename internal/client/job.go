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

// AwaitJob waits until a job has ended, and returns it with its error. When
// ctx ends first the job goes on. A job that ended more than half a minute ago
// is NotFound; one whose service has stopped is Disconnected, and nobody knows
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
	return job, failure
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
