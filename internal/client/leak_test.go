package client_test

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/testutil/fakehv"
)

// eventually looks again until the other goroutines have come that far.
func eventually(ctx context.Context, t *testing.T, what string, is func() bool) {
	t.Helper()
	for !is() {
		if ctx.Err() != nil {
			t.Fatal(what)
		}
		runtime.Gosched()
	}
}

// reading is how many goroutines run code of the package.
func reading() int {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	n := 0
	for _, stack := range bytes.Split(stacks, []byte("\n\n")) {
		if strings.Contains(string(stack), "internal/client/busconn.") {
			n++
		}
	}
	return n
}

func TestCloseLeavesNothingBehind(t *testing.T) { //nolint:paralleltest // it counts
	w := newWorld(t)
	w.client.Close()
	files, goroutines := openFiles(t), reading()
	c := w.connect()
	if err := c.AwaitReady(w.ctx); err != nil {
		t.Fatal(err)
	}
	s, statistics := c.Subscribe(), c.SubscribeStatistics(time.Second)
	if _, err := s.Next(w.ctx); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() {
		var err error
		for err == nil {
			_, err = s.Next(w.ctx)
		}
		ended <- err
	}()
	goOn := make(chan struct{})
	w.HV.Hook("set-title", func(context.Context, string) error { <-goOn; return nil })
	call := make(chan error)
	go func() { call <- c.SetTitle(w.ctx, webPath, "x") }()
	c.Close()
	for _, err := range []error{<-ended, <-call} {
		if !errs.Is(err, errs.Disconnected) {
			t.Errorf("who waited got %v", err)
		}
	}
	close(goOn)
	if _, err := statistics.Next(w.ctx); err != nil {
		_, err = statistics.Next(w.ctx) // the first may be samples
		if !errs.Is(err, errs.Disconnected) {
			t.Errorf("statistics end with %v", err)
		}
	}
	eventually(w.ctx, t, "goroutines are left", func() bool { return reading() <= goroutines })
	eventually(w.ctx, t, "descriptors are left", func() bool { return openFiles(t) <= files })
}

func TestDescriptorsArriveAndNoneIsLost(t *testing.T) { //nolint:paralleltest // it counts
	w := newWorld(t)
	files := openFiles(t)
	display, info, err := w.client.OpenDisplay(w.ctx, dbPath, 0)
	if err != nil || info.Type != "vnc" {
		t.Fatal(info, err)
	}
	console, err := w.client.OpenConsole(w.ctx, dbPath, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []interface {
		WriteString(string) (int, error)
		Read([]byte) (int, error)
		Close() error
	}{display, console} {
		got := make([]byte, 5)
		if _, err := file.WriteString("hello"); err != nil {
			t.Fatal(err)
		}
		if _, err := file.Read(got); err != nil || string(got) != "hello" {
			t.Errorf("got %q, %v", got, err)
		}
		_ = file.Close()
	}
	text, err := func() (string, error) {
		image, mime, err := w.client.TakeScreenshot(w.ctx, dbPath)
		text, err := content(image, err)
		return mime + " " + text, err
	}()
	if err != nil || text != "image/png "+fakehv.Screen {
		t.Errorf("the screenshot is %q, %v", text, err)
	}
	eventually(w.ctx, t, "descriptors are left", func() bool { return openFiles(t) <= files })

	// One who gave up cannot close what comes later.
	entered, goOn := make(chan struct{}), make(chan struct{})
	w.HV.Hook("screenshot", func(context.Context, string) error { close(entered); <-goOn; return nil })
	ctx, cancel := context.WithCancel(w.ctx)
	late := make(chan error)
	go func() {
		_, _, err := w.client.TakeScreenshot(ctx, dbPath)
		late <- err
	}()
	<-entered
	cancel()
	if err := <-late; !errors.Is(err, context.Canceled) {
		t.Errorf("who gave up got %v", err)
	}
	close(goOn)
	eventually(w.ctx, t, "a late descriptor is left", func() bool { return openFiles(t) <= files })
}

// BenchmarkConnect is a client from nothing to a complete mirror.
func BenchmarkConnect(b *testing.B) {
	w := quietWorld(b)
	for i := range 1000 {
		w.HV.Put(rich(i, "vm"+string(rune('a'+i%26))))
	}
	w.serve()
	b.ReportAllocs()
	for b.Loop() {
		c, err := client.Connect(w.ctx, client.Options{Address: w.Bus.Address})
		if err != nil {
			b.Fatal(err)
		}
		if err := c.AwaitReady(w.ctx); err != nil {
			b.Fatal(err)
		}
		if len(c.VMs()) != 1000 {
			b.Fatal("VMs are missing")
		}
		c.Close()
	}
}
