package objects

import "context"

func jobMethods() map[string]*method {
	return map[string]*method{
		"Cancel": {
			action: open, also: cancelAction,
			message: ask("Authentication is required to cancel an operation that somebody else started."), run: (*request).cancelJob,
		},
	}
}

func (r *request) cancelJob(context.Context) ([]any, error) { return nil, r.job.Cancel() }

// cancelAction lets everybody cancel the jobs that they started.
func cancelAction(r *request) string {
	if r.job.Value().StartedBy == r.UID {
		return open
	}
	return actionCancel
}
