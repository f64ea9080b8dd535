package store_test

import (
	"strings"
	"testing"
	"time"

	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/model"
)

func TestANewSnapshotGetsANameThatIsFree(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.Local)
	first := store.SnapshotName("snapshot-", now, nil)
	if first != "snapshot-2026-03-04-050607" {
		t.Errorf("the name is %s", first)
	}
	taken := []*model.Snapshot{{Name: first}, {Name: first + "-2"}}
	if got := store.SnapshotName("snapshot-", now, taken); got != first+"-3" {
		t.Errorf("the next name is %s", got)
	}
}

func TestARequestThatTheServiceWouldRefuseIsExplained(t *testing.T) {
	t.Parallel()
	off, on := &model.VM{State: model.VMShutOff}, &model.VM{State: model.VMRunning}
	all := []*model.Snapshot{{Name: "taken"}}
	for name, tt := range map[string]struct {
		request store.SnapshotRequest
		vm      *model.VM
		says    string
	}{
		"none":                        {store.SnapshotRequest{}, off, "needs a name"},
		"one that is there":           {store.SnapshotRequest{Name: "taken"}, off, "already"},
		"a slash":                     {store.SnapshotRequest{Name: "a/b"}, off, "slash"},
		"a dot first":                 {store.SnapshotRequest{Name: ".a"}, off, "dot"},
		"a space of what is off":      {store.SnapshotRequest{Name: "before update ✓"}, off, ""},
		"a space of what runs":        {store.SnapshotRequest{Name: "before update"}, on, "letters"},
		"one in files of its own":     {store.SnapshotRequest{Name: "before update", Kind: model.SnapshotExternal}, on, ""},
		"one with frozen files":       {store.SnapshotRequest{Name: "before update", Quiesce: true}, on, ""},
		"a plain one of what runs":    {store.SnapshotRequest{Name: "Before_update-1.0"}, on, ""},
		"with a description too long": {store.SnapshotRequest{Name: "a", Description: strings.Repeat("x", model.MaxDescription+1)}, off, "description"},
	} {
		got := store.Words{}.SnapshotProblem(tt.request, tt.vm, all)
		if (got == "") != (tt.says == "") || !strings.Contains(got, tt.says) {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestWhatIsDeletedWithASnapshotIsCounted(t *testing.T) {
	t.Parallel()
	const vm = model.Path("/vm")
	root := &model.Snapshot{Name: "a", VM: vm}
	child := &model.Snapshot{Name: "b", VM: vm, Parent: root.Path()}
	all := []*model.Snapshot{root, child, {Name: "c", VM: vm, Parent: child.Path()}, {Name: "d", VM: vm, Parent: root.Path()}, {Name: "e", VM: vm}}
	if got := store.Below(root, all); got != 3 {
		t.Errorf("%d are below the first", got)
	}
	if got := store.Below(all[4], all); got != 0 {
		t.Errorf("%d are below the last", got)
	}
}

func TestGoingBackSaysWhatIsLost(t *testing.T) {
	t.Parallel()
	w := store.Words{}
	off := w.RevertLoses(&model.VM{Name: "web", State: model.VMShutOff}, &model.Snapshot{VMState: model.VMShutOff})
	on := w.RevertLoses(&model.VM{Name: "web", State: model.VMRunning}, &model.Snapshot{VMState: model.VMRunning})
	if !strings.Contains(off, "“web”") || strings.Contains(off, "plug") || strings.Contains(off, "memory") {
		t.Errorf("of one that is off: %s", off)
	}
	if !strings.Contains(on, "plug") || !strings.Contains(on, "memory") {
		t.Errorf("of one that runs: %s", on)
	}
}

func TestSnapshotsNeedTheirRightAndNoTemplate(t *testing.T) {
	t.Parallel()
	for _, action := range []store.Action{store.TakeSnapshot, store.Snapshots} {
		if why := (store.Words{}).WhyNot(action, &model.VM{State: model.VMShutOff, Template: true}, nil, nil); !strings.Contains(why, "template") {
			t.Errorf("%s of a template: %q", action, why)
		}
	}
}
