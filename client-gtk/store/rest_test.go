package store_test

import (
	"fmt"
	"testing"
	"time"

	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/model"
)

func tick(n int, path model.Path) *client.Samples {
	return &client.Samples{At: time.UnixMicro(int64(n)), Values: map[model.Path]model.Sample{path: {MemoryUsed: uint64(n)}}}
}

func TestHistoryKeepsTheLastPoints(t *testing.T) {
	t.Parallel()
	h := store.NewHistory(3)
	v := vm(1, "web", func(v *model.VM) { v.State = model.VMRunning })
	if _, known := h.Latest(v.Path()); known {
		t.Error("there is a point before the first sample")
	}
	for n, want := range []string{"", "[1]", "[1 2]", "[1 2 3]", "[2 3 4]", "[3 4 5]", "[4 5 6]", "[5 6 7]"} {
		if n == 0 {
			continue
		}
		h.Add(tick(n, v.Path()))
		var got []uint64
		h.Each(v.Path(), func(p store.Point) { got = append(got, p.MemoryUsed) })
		if latest, _ := h.Latest(v.Path()); fmt.Sprint(got) != want || latest.MemoryUsed != uint64(n) || !latest.At.Equal(time.UnixMicro(int64(n))) {
			t.Errorf("after %d samples: %v, %+v", n, got, latest)
		}
	}
	h.Take(&client.Batch{VMs: []client.Change[model.VM]{{Old: v, New: v}}})
	if _, known := h.Latest(v.Path()); !known {
		t.Error("a VM that runs on is forgotten")
	}
	h.Take(&client.Batch{VMs: []client.Change[model.VM]{{Old: v, New: vm(1, "web")}}})
	h.Each(v.Path(), func(store.Point) { t.Error("a VM that is off has a history") })
	host := &model.Host{ID: "h"}
	h.Add(tick(1, host.Path()))
	h.Take(&client.Batch{Hosts: []client.Change[model.Host]{{Old: host}}})
	if _, known := h.Latest(host.Path()); known {
		t.Error("a host that is gone has a history")
	}
}

func job(number, operation string, state model.JobState, progress float64) *model.Job {
	return &model.Job{Number: number, Operation: operation, State: state, Progress: progress}
}

func TestJobsAreSummedUp(t *testing.T) {
	t.Parallel()
	j := store.NewJobs()
	old := map[string]*model.Job{}
	for _, step := range []struct {
		what     string
		change   []*model.Job
		active   int
		progress float64
		failed   int
	}{
		{"what failed long ago", []*model.Job{job("1", "start", model.JobFailed, -1)}, 0, -1, 0},
		{"something unknown", []*model.Job{job("2", "start", model.JobRunning, -1)}, 1, -1, 0},
		{"something known beside it", []*model.Job{job("3", "save", model.JobRunning, 0.5)}, 2, 0.25, 0},
		{"it goes on", []*model.Job{job("3", "save", model.JobRunning, 0.75)}, 2, 0.375, 0},
		{"the unknown ends", []*model.Job{job("2", "start", model.JobDone, -1)}, 1, 0.875, 0},
		{"the other fails", []*model.Job{job("3", "save", model.JobFailed, 0.8)}, 0, -1, 1},
		{"it is told again", []*model.Job{job("3", "save", model.JobFailed, 0.8)}, 0, -1, 0},
		{"another burst", []*model.Job{job("4", "save", model.JobRunning, 0.1)}, 1, 0.1, 0},
		{"one that is too quick to be seen fails", []*model.Job{job("5", "start", model.JobFailed, -1)}, 1, 0.1, 1},
	} {
		b := &client.Batch{}
		for _, job := range step.change {
			b.Jobs = append(b.Jobs, client.Change[model.Job]{Old: old[job.Number], New: job})
			old[job.Number] = job
		}
		failed := j.Take(b)
		if j.Active() != step.active || j.Progress() != step.progress || len(failed) != step.failed || len(j.Under()) != step.active {
			t.Errorf("%s: %d active, progress %v, failed %v", step.what, j.Active(), j.Progress(), failed)
		}
	}
	// The service goes, and its jobs with it.
	j.Take(&client.Batch{Jobs: []client.Change[model.Job]{{Old: old["4"]}, {Old: old["5"]}}})
	if j.Active() != 0 || j.Progress() != -1 {
		t.Errorf("after the service has gone: %d, %v", j.Active(), j.Progress())
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	var w store.Words
	for _, test := range []struct{ got, want string }{
		{w.Size(0), "0 B"},
		{w.Size(1023), "1023 B"},
		{w.Size(1024), "1 KiB"},
		{w.Size(1536), "1.5 KiB"},
		{w.Size(10<<20 + 1<<19), "10 MiB"},
		{w.Size(20 << 30), "20 GiB"},
		{w.Size(1<<30 - 1), "1 GiB"},
		{w.Size(1<<64 - 1), "16 EiB"},
		{w.Rate(2.5 * 1024), "2.5 KiB/s"},
		{w.Rate(-1), "0 B/s"},
		{w.Percent(12.4), "12 %"},
		{w.Duration(-time.Second), "0 s"},
		{w.Duration(59 * time.Second), "59 s"},
		{w.Duration(61 * time.Second), "1 min"},
		{w.Duration(2*time.Hour + 5*time.Minute), "2 h 5 min"},
		{w.Duration(76 * time.Hour), "3 d 4 h"},
		{w.VMState(vm(1, "a")), "Off"},
		{w.VMState(vm(1, "a", func(v *model.VM) { v.HasSavedState = true })), "Saved"},
		{w.VMState(vm(1, "a", func(v *model.VM) { v.State, v.StateReason = model.VMPaused, "io-error" })), "Paused by a storage error"},
		{w.VMState(vm(1, "a", func(v *model.VM) { v.State = "levitating" })), "levitating"},
		{w.HostState(model.Disconnected), "Not connected"},
		{w.PoolState(model.PoolInaccessible), "Inaccessible"},
		{w.JobState(model.JobCancelling), "Cancelling"},
		{w.Operation("power-off"), "Turning off"},
		{w.Operation("unheard-of"), "unheard-of"},
	} {
		if test.got != test.want {
			t.Errorf("got %q, want %q", test.got, test.want)
		}
	}
	started := vm(1, "a", func(v *model.VM) { v.State, v.StartedAt = model.VMRunning, time.UnixMicro(1) })
	if got := w.Uptime(started, time.UnixMicro(1).Add(90*time.Minute)); got != "1 h 30 min" {
		t.Errorf("the uptime is %q", got)
	}
	if got := w.VMStateFor(started, nil, time.Time{}, time.UnixMicro(1).Add(90*time.Minute)); got != "Running for 1 h 30 min" {
		t.Errorf("what runs is %q", got)
	}
	if got := w.VMStateFor(started, &model.Host{State: model.Disconnected}, time.Time{}, time.Now()); got != "Running · Not connected" {
		t.Errorf("what ran when its host was lost is %q", got)
	}
	if got := w.Uptime(vm(1, "a"), time.Now()); got != "" {
		t.Errorf("a VM that is off has the uptime %q", got)
	}
	german := store.Words{Translate: func(s string) string {
		return map[string]string{"Running": "Läuft", "%d min": "%d Min."}[s]
	}}
	if german.VMState(started) != "Läuft" || german.Duration(time.Minute) != "1 Min." {
		t.Error("the translation is not used")
	}
}

// TestEveryStateHasWords takes a word that is its own key for a missing one.
func TestEveryStateHasWords(t *testing.T) {
	t.Parallel()
	var w store.Words
	for _, s := range []model.VMState{
		model.VMRunning, model.VMPaused, model.VMShuttingDown, model.VMShutOff, model.VMCrashed,
		model.VMSuspended, model.VMStarting, model.VMSaving, model.VMRestoring, model.VMMigrating,
	} {
		if got := w.VMState(&model.VM{State: s}); got == string(s) {
			t.Errorf("%s has no words", s)
		}
	}
	for _, s := range []model.JobState{model.JobQueued, model.JobRunning, model.JobCancelling, model.JobDone, model.JobFailed, model.JobCancelled} {
		if got := w.JobState(s); got == string(s) {
			t.Errorf("%s has no words", s)
		}
	}
	for _, s := range []model.PoolState{model.PoolInactive, model.PoolBuilding, model.PoolRunning, model.PoolDegraded, model.PoolInaccessible} {
		if got := w.PoolState(s); got == string(s) {
			t.Errorf("%s has no words", s)
		}
	}
}

func TestTheFamilyOfAnOperatingSystem(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{
		"": "", "http://debian.org/debian/13": "linux", "http://fedoraproject.org/fedora/41": "linux", "http://libosinfo.org/linux/2024": "linux",
		"http://microsoft.com/win/11": "windows", "http://freebsd.org/freebsd/14.2": "bsd", "http://openbsd.org/openbsd/7.6": "bsd",
		"http://apple.com/macosx/10.7": "", "http://libosinfo.org/unknown": "",
	} {
		if family := store.OSFamily(&model.VM{OSID: id}); family != want {
			t.Errorf("%s is of the family %q, not %q", id, family, want)
		}
	}
}
