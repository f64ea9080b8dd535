package objects

import (
	"context"

	"org.kvmmanager/internal/wire"
)

func jobMethods() map[string]*method {
	return map[string]*method{
		"Cancel": {
			action: open, also: cancelAction,
			message: ask("Authentication is required to cancel an operation that somebody else started."), run: (*request).cancelJob,
		},
		"Wait": {action: open, also: waitAction, message: readMessage, run: (*request).waitForJob},
	}
}

func (r *request) cancelJob(context.Context) ([]any, error) { return nil, r.job.Cancel() }

// waitAction lets everybody wait for the jobs that they started.
func waitAction(r *request) string {
	if r.job.Value().StartedBy == r.UID {
		return open
	}
	return actionRead
}

// waitForJob answers with the job's result.
func (r *request) waitForJob(ctx context.Context) ([]any, error) {
	if err := r.job.Wait(ctx); err != nil {
		return nil, err
	}
	return []any{wire.Dict(r.job.Value().Result)}, nil
}

// cancelAction lets everybody cancel the jobs that they started.
func cancelAction(r *request) string {
	if r.job.Value().StartedBy == r.UID {
		return open
	}
	return actionCancel
}
