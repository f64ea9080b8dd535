package model

import (
	"slices"
	"strings"
	"testing"
)

func TestSnapshotNames(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, wrong string }{
		{"before the update", ""},
		{"<&>\"' ünï 🐧", ""},
		{strings.Repeat("x", MaxSnapshot), ""},
		{strings.Repeat("x", MaxSnapshot+1), "too long"},
		{"", "empty"},
		{".hidden", "dot"},
		{"..", "dot"},
		{"a/b", "slash"},
		{" a", "space"},
		{"a\nb", "control"},
		{"\xff", "UTF-8"},
	} {
		check(t, ValidateSnapshotName(tt.name), tt.wrong)
	}
}

func TestSnapshotsFormATree(t *testing.T) {
	t.Parallel()
	const uuid = "00000000-0000-4000-8000-000000000001"
	vm := &VM{UUID: uuid, Snapshots: []*Snapshot{{Name: "c"}, {Name: "b"}, {Name: "a"}, {Name: "lost"}}}
	LinkSnapshots(uuid, vm.Snapshots, map[string]string{"b": "a", "c": "a", "lost": "gone"})
	root := vm.Snapshot(SnapshotPath(uuid, "a"))
	if root == nil || root.VM != vm.Path() || root.Parent != "" {
		t.Fatalf("the root is %+v", root)
	}
	want := []Path{SnapshotPath(uuid, "b"), SnapshotPath(uuid, "c")}
	if !slices.Equal(root.Children, want) {
		t.Errorf("its children are %v", root.Children)
	}
	if child := vm.Snapshot(want[0]); child.Parent != root.Path() {
		t.Errorf("a child is %+v", child)
	}
	if lost := vm.Snapshot(SnapshotPath(uuid, "lost")); lost.Parent != "" {
		t.Errorf("one without its parent is %+v", lost)
	}
}

func TestTheVMOfASnapshotIsInItsPath(t *testing.T) {
	t.Parallel()
	const uuid = "00000000-0000-4000-8000-000000000001"
	for path, want := range map[Path]Path{
		SnapshotPath(uuid, "a/snapshots/b"): VMPath(uuid),
		VMPath(uuid):                        "",
		VMPath(uuid) + "/snapshots":         "",
		VMPath(uuid) + "/snapshots/":        "",
		Root:                                "",
	} {
		if got := VMOfSnapshot(path); got != want {
			t.Errorf("the VM of %s is %q", path, got)
		}
	}
}
