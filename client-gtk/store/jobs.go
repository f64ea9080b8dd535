package store

import (
	"cmp"
	"slices"

	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/model"
)

// Jobs sums up the work under way. Work that ended while other work goes on
// still counts as done, so that the overall progress does not jump back; when
// nothing is under way any more the next work begins anew.
type Jobs struct {
	looked  bool                      // the first batch has been taken in
	counted map[model.Path]*model.Job // those of the present burst
	active  int
	unknown int     // active ones whose progress cannot be known
	done    float64 // sum of the progress of all others
}

// NewJobs makes an empty summary.
func NewJobs() *Jobs { return &Jobs{counted: map[model.Path]*model.Job{}} }

// Take takes in what changed, and returns the jobs that failed meanwhile. What
// had failed before anybody looked is no news.
func (j *Jobs) Take(b *client.Batch) (failed []*model.Job) {
	for _, c := range b.Jobs {
		if c.New == nil {
			j.forget(c.Old)
			continue
		}
		if j.looked && c.New.State == model.JobFailed && (c.Old == nil || c.Old.State != model.JobFailed) {
			failed = append(failed, c.New)
		}
		j.count(c.New)
	}
	if j.active == 0 {
		*j = *NewJobs()
	}
	j.looked = true
	return failed
}

func (j *Jobs) count(job *model.Job) {
	path := job.Path()
	old := j.counted[path]
	if old == nil && job.State.Ended() {
		return
	}
	j.add(old, -1)
	j.counted[path] = job
	j.add(job, 1)
}

// forget is for a job whose object is gone. One that had ended still counts.
func (j *Jobs) forget(job *model.Job) {
	path := job.Path()
	if old := j.counted[path]; old != nil && !old.State.Ended() {
		j.add(old, -1)
		delete(j.counted, path)
	}
}

func (j *Jobs) add(job *model.Job, sign int) {
	switch {
	case job == nil:
		return
	case job.State.Ended():
		j.done += float64(sign)
		return
	case job.Progress < 0:
		j.unknown += sign
	default:
		j.done += float64(sign) * min(job.Progress, 1)
	}
	j.active += sign
}

// Active is how many jobs are under way.
func (j *Jobs) Active() int { return j.active }

// Progress is how far all of it is, from 0 to 1; -1 when that cannot be known
// of anything that is under way.
func (j *Jobs) Progress() float64 {
	if j.active == 0 || j.unknown == j.active {
		return -1
	}
	return max(0, min(1, j.done/float64(len(j.counted))))
}

// Under is the jobs under way, oldest first.
func (j *Jobs) Under() []*model.Job {
	var list []*model.Job
	for _, job := range j.counted {
		if !job.State.Ended() {
			list = append(list, job)
		}
	}
	slices.SortFunc(list, func(a, b *model.Job) int {
		return cmp.Or(a.StartedAt.Compare(b.StartedAt), cmp.Compare(len(a.Number), len(b.Number)), cmp.Compare(a.Number, b.Number))
	})
	return list
}
