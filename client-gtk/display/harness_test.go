//go:build display

// The tests with this tag need a display, the service and the guest tiny: they
// run in the reference system, under Xvfb.
package display_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"testing"
	"time"

	coreglib "github.com/diamondburned/gotk4/pkg/core/glib"
	"github.com/diamondburned/gotk4/pkg/gdk/v4"
	"github.com/diamondburned/gotk4/pkg/glib/v2"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/model"
)

const (
	tiny  = "tiny"
	limit = time.Minute
)

// TestMain gives the main thread to GTK, which wants one and always the same.
func TestMain(m *testing.M) {
	runtime.LockOSThread()
	gtk.Init()
	loop := glib.NewMainLoop(nil, false)
	var code int
	go func() {
		code = m.Run()
		onMain(loop.Quit)
	}()
	loop.Run()
	os.Exit(code)
}

// onMain runs f on GTK's thread and waits for it.
func onMain(f func()) {
	done := make(chan struct{})
	coreglib.IdleAdd(func() {
		defer close(done)
		f()
	})
	<-done
}

// world is a window, and a running guest that the service knows.
type world struct {
	*testing.T
	window *gtk.Window
	client *client.Client
	vm     model.Path
	ctx    context.Context
}

func newWorld(t *testing.T, guest string) *world {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*limit)
	t.Cleanup(cancel)
	w := &world{T: t, ctx: ctx}
	c, err := client.Connect(ctx, client.Options{})
	w.must(err)
	t.Cleanup(c.Close)
	w.must(c.AwaitReady(ctx))
	w.client, w.vm = c, running(w, c, guest)
	onMain(func() {
		w.window = gtk.NewWindow()
		w.window.SetDefaultSize(800, 600)
	})
	t.Cleanup(func() { onMain(w.window.Destroy) })
	return w
}

// running waits for the guest, and starts it unless it runs already.
func running(w *world, c *client.Client, guest string) model.Path {
	w.Helper()
	for ; w.ctx.Err() == nil; time.Sleep(50 * time.Millisecond) {
		for _, vm := range c.VMs() {
			if vm.Name != guest {
				continue
			}
			if vm.State == model.VMShutOff {
				w.start(c, vm.Path())
			}
			return vm.Path()
		}
	}
	w.Fatal("there is no guest " + guest)
	return ""
}

func (w *world) start(c *client.Client, vm model.Path) {
	w.Helper()
	job, err := c.Start(w.ctx, vm)
	w.must(err)
	_, err = c.AwaitJob(w.ctx, job)
	w.must(err)
}

// withSpice makes a guest like tiny that has a SPICE display and lives as long
// as the test.
func withSpice(t *testing.T) (guest string) {
	t.Helper()
	guest = "tiny-spice"
	definition := virsh(t, "dumpxml", "--inactive", tiny)
	for pattern, by := range map[string]string{
		`<name>.*</name>`:            "<name>" + guest + "</name>",
		`<uuid>.*</uuid>`:            "",
		`<mac .*/>`:                  "",
		`(?s)<disk .*</disk>`:        "",
		`(?s)<graphics.*</graphics>`: "<graphics type='spice'><listen type='none'/></graphics>",
		`(?s)<audio.*?/>`:            "",
		`<sound.*</sound>`:           "",
	} {
		definition = regexp.MustCompile(pattern).ReplaceAllString(definition, by)
	}
	file := filepath.Join(t.TempDir(), "guest.xml")
	if err := os.WriteFile(file, []byte(definition), 0o600); err != nil {
		t.Fatal(err)
	}
	virsh(t, "create", file)
	t.Cleanup(func() { virsh(t, "destroy", guest) })
	return guest
}

func virsh(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("virsh", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("virsh %s: %v: %s", args[0], err, out)
	}
	return string(out)
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// show puts a widget into the window and waits until it is on screen.
func (w *world) show(widget func() gtk.Widgetter) {
	w.Helper()
	onMain(func() {
		w.window.SetChild(widget())
		w.window.Present()
	})
	w.await("the window is on screen", func() bool { return gtk.BaseWidget(w.window.Child()).Mapped() })
}

// await looks at every frame of the window whether something is so.
func (w *world) await(what string, met func() bool) {
	w.Helper()
	done := make(chan struct{})
	var tick uint
	onMain(func() {
		tick = w.window.AddTickCallback(func(gtk.Widgetter, gdk.FrameClocker) bool {
			if !met() {
				return true
			}
			close(done)
			return false
		})
	})
	select {
	case <-done:
	case <-time.After(limit):
		onMain(func() { w.window.RemoveTickCallback(tick) })
		w.Fatalf("waited in vain for: %s", what)
	}
}

func (w *world) openDisplay() *os.File {
	w.Helper()
	f, _, err := w.client.OpenDisplay(w.ctx, w.vm, 0)
	w.must(err)
	return f
}

func (w *world) openConsole() *os.File {
	w.Helper()
	f, err := w.client.OpenConsole(w.ctx, w.vm, "", client.Force())
	w.must(err)
	return f
}
