package objects

import (
	"context"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/jobs"
)

func poolMethods() map[string]*method {
	return map[string]*method{
		"Start": {
			action: actionStorage, message: ask("Authentication is required to start a storage pool."),
			options: jobOptions(), run: (*request).startPool,
		},
	}
}

// startPool is a job: a pool may be on another machine, which takes its time.
func (r *request) startPool(ctx context.Context) ([]any, error) {
	if r.pool.Active {
		return nil, errs.New(errs.InvalidState, "The storage pool “%s” is active already.", r.pool.Name)
	}
	conn, err := r.conn()
	if err != nil {
		return nil, err
	}
	host, uuid := r.host, r.pool.UUID
	return r.startJob(ctx, jobs.Spec{
		Operation: "start-pool", Objects: []model.Path{r.pool.Path()},
		Run: func(ctx context.Context, _ *jobs.Job) (map[string]any, error) {
			err := conn.StartPool(ctx, uuid)
			_ = host.RefreshPool(context.WithoutCancel(ctx), uuid) // the outcome is the start's
			return nil, err
		},
	})
}
