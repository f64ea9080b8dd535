//go:build display

package ui_test

import (
	"context"
	"slices"
	"testing"

	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/model"
)

func TestSnapshotsAreTakenGoneBackToAndDeleted(t *testing.T) {
	s := service(t)
	t.Cleanup(func() {
		for _, left := range s.Snapshots(tiny) {
			_, _ = s.DeleteSnapshot(context.Background(), left.Path(), client.Wait())
		}
	})
	named := func(name string) *model.Snapshot {
		list := s.Snapshots(tiny)
		if i := slices.IndexFunc(list, func(s *model.Snapshot) bool { return s.Name == name }); i >= 0 {
			return list[i]
		}
		return nil
	}
	app := open(t)
	app.await(t, "list item", "A tiny guest")
	app.do(t, "open", string(tiny))
	app.do(t, "show", "snapshots")
	app.await(t, "button", "Take Snapshot…").act(t)
	name := app.await(t, "text box", "Name")
	take := app.await(t, "button", "Take")
	name.write(t, "a/b")
	awaitThat(t, "name that is refused", func() bool { return !take.is(sensitive) })
	name.write(t, "clean & tested")
	app.await(t, "text box", "Description").write(t, "Before <anything>\nelse")
	app.haveNames(t, "the dialog for a snapshot", 6)
	awaitThat(t, "name that is taken", func() bool { return take.is(sensitive) })
	take.act(t)
	row := app.await(t, "button", "clean & tested")
	if got := named("clean & tested"); got == nil || got.Description != "Before <anything>\nelse" {
		t.Fatalf("the snapshot is %+v", got)
	}
	row.act(t)
	app.await(t, "text box", "Description").write(t, "Described")
	app.haveNames(t, "the dialog of a snapshot", 5)
	save := app.await(t, "button", "Save")
	awaitThat(t, "description that can be saved", func() bool { return save.is(sensitive) })
	save.act(t)
	awaitThat(t, "description", func() bool { return named("clean & tested").Description == "Described" })

	app.await(t, "button", "clean & tested").act(t)
	app.await(t, "button", "Go Back to It…").act(t)
	app.await(t, "label", "Go Back to “clean & tested”?")
	app.turnOn(t, "Take a Snapshot First")
	app.await(t, "button", "Go Back").act(t)
	awaitThat(t, "VM that went back", func() bool {
		return len(s.Snapshots(tiny)) == 2 && named("clean & tested").Current
	})

	app.await(t, "button", "clean & tested").act(t)
	app.await(t, "button", "Delete…").act(t)
	app.await(t, "label", "Delete the Snapshot “clean & tested”?")
	app.turnOn(t, "Everything Below It, Too")
	app.await(t, "button", "Delete").act(t)
	app.await(t, "label", "No Snapshots")
	if left := s.Snapshots(tiny); len(left) != 0 {
		t.Errorf("%d snapshots are left", len(left))
	}
}
