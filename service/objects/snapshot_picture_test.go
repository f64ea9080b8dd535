package objects_test

import (
	"context"
	"errors"
	"io"
	"os"
	"testing"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/testutil/fakehv"
)

// picture is what a snapshot of the first VM showed; empty if nothing is known
// of that.
func (w *world) picture(name string) string {
	w.t.Helper()
	var fd dbus.UnixFD
	var mime string
	err := w.call(snapshotPath(name), "Snapshot.GetScreenshot", none()).Store(&fd, &mime)
	if errorName(err) == errs.NotFound.DBusName() {
		return ""
	}
	if err != nil {
		w.t.Fatal(err)
	}
	file := os.NewFile(uintptr(fd), "picture")
	defer file.Close()
	content, err := io.ReadAll(file)
	if err != nil || mime != "image/png" {
		w.t.Fatalf("it is %s, %v", mime, err)
	}
	if _, err := file.WriteAt([]byte("x"), 0); err == nil {
		w.t.Error("the image can be written to")
	}
	return string(content)
}

func TestASnapshotWithMemoryHasAPicture(t *testing.T) {
	t.Parallel()
	w := newWorld(t).withHost(running(1, "web"))
	w.take("shown")
	w.take("files", "memory", false)
	if shown, files := w.picture("shown"), w.picture("files"); shown != fakehv.Screen || files != "" {
		t.Errorf("with memory it is %q, without %q", shown, files)
	}
	if err := w.call(snapshotPath("shown"), "Snapshot.Delete", opts("wait", true)).Err; err != nil {
		t.Fatal(err)
	}
	w.hv.Hook("screenshot", func(context.Context, string) error { return errors.New("no screen") })
	w.take("shown")
	if got := w.picture("shown"); got != "" {
		t.Errorf("a snapshot of a guest without screen has the picture %q of an earlier one", got)
	}
}
