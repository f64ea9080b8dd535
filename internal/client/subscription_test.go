package client

import (
	"testing"

	"org.kvmmanager/internal/model"
)

// TestTheEndOfAJobIsSeenByWhoWasBusy although the service does not list it any more.
func TestTheEndOfAJobIsSeenByWhoWasBusy(t *testing.T) {
	t.Parallel()
	path := model.JobPath("1")
	job := func(state model.JobState) *model.Job { return &model.Job{Number: "1", State: state} }
	running, done, again := job(model.JobRunning), job(model.JobDone), job(model.JobRunning)
	for name, test := range map[string]struct {
		known bool // the subscriber had seen it running
		then  func(c *Client)
		want  [][2]*model.Job // per batch: old and new
	}{
		"one that it had seen": {true, func(c *Client) { c.jobs.set(path, done); c.jobs.remove(path) }, [][2]*model.Job{{running, done}, {done, nil}}},
		"one that it had not": {false, func(c *Client) {
			c.jobs.set(path, running)
			c.jobs.set(path, done)
			c.jobs.remove(path)
		}, [][2]*model.Job{{nil, done}, {done, nil}}},
		"one that went without an end": {true, func(c *Client) { c.jobs.remove(path) }, [][2]*model.Job{{running, nil}}},
		"one whose number came again": {true, func(c *Client) {
			c.jobs.set(path, done)
			c.jobs.remove(path)
			c.jobs.set(path, again)
		}, [][2]*model.Job{{running, again}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClient()
			if test.known {
				c.jobs.set(path, running)
			}
			s := c.Subscribe()
			if _, err := s.take(); err != nil {
				t.Fatal(err)
			}
			test.then(c)
			for i, want := range test.want {
				b, err := s.take()
				if err != nil || b == nil || len(b.Jobs) != 1 || b.Jobs[0].Old != want[0] || b.Jobs[0].New != want[1] {
					t.Fatalf("batch %d is %+v, %v", i, b, err)
				}
			}
			if b, err := s.take(); b != nil || err != nil {
				t.Errorf("one batch more: %+v, %v", b, err)
			}
		})
	}
}
