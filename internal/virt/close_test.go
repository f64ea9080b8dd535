package virt

import (
	"os"
	"runtime"
	"testing"
	"time"
)

// openFiles counts this process's descriptors.
func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// Not parallel: it counts what belongs to the whole process.
func TestConnectionsLeaveNothingBehind(t *testing.T) {
	uri := node(t, 3)
	cycle := func() {
		conn, err := New(discard()).Open(t.Context(), uri)
		if err != nil {
			t.Fatal(err)
		}
		c := conn.(*Conn)
		vms, err := c.VMs(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, vm := range vms {
			if _, err := c.VM(t.Context(), vm.UUID); err != nil {
				t.Fatal(err)
			}
			if err := c.Pause(t.Context(), vm.UUID); err != nil {
				t.Fatal(err)
			}
		}
		conn.Close()
		for range conn.Events() {
		}
		select {
		case <-c.main.closed:
		case <-time.After(patience):
			t.Fatal("a reference keeps the connection open")
		}
	}
	cycle() // starts the event loop and whatever else stays
	files, goroutines := openFiles(t), runtime.NumGoroutine()
	for range 200 {
		cycle()
	}
	if n := openFiles(t); n > files {
		t.Errorf("%d files were open, now %d are", files, n)
	}
	for deadline := time.Now().Add(patience); runtime.NumGoroutine() > goroutines; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines ran, now %d do", goroutines, runtime.NumGoroutine())
		}
	}
}
