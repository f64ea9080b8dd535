package objects

import (
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/service/jobs"
	"org.kvmmanager/service/journal"
)

// audit writes the journal's record of one decision or change.
func (r *request) audit(action string, err error) { r.writeAudit(action, "", err) }

// auditCall records a call that changed something, unless a job of the call
// does so when it ends.
func (r *request) auditCall(err error) {
	if actions := r.actions(); len(actions) > 0 && !r.audited {
		r.audit(actions[0], err)
	}
}

// auditJob records the outcome of a job.
func (r *request) auditJob(job *jobs.Job, err error) {
	r.writeAudit(r.method.action, string(job.Path()), err)
}

func (r *request) writeAudit(action, job string, err error) {
	outcome := "done"
	if err != nil {
		kind, _ := errs.Of(err)
		outcome = string(kind)
	}
	record := journal.AuditRecord{
		Action: action, Object: string(r.Path), Method: r.Interface + "." + r.Member,
		UID: r.uid, PID: r.pid, Job: job, Outcome: outcome,
	}
	journal.Audit(r.service.log, record)
}
