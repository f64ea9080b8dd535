//go:build system

package system_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// randomOperations is how many random operations there are; -seed, which the bus
// fuzzer has as well, chooses them.
var randomOperations = flag.Int("ops", 30, "number of random operations")

// TestRandomOperationsWithFaults makes VMs and changes and removes them, at
// random, while jobs are cancelled, the disk is full, and the service and libvirtd
// are killed. After each operation all is as before it or as it was meant; in the
// end the tree, libvirt and the disk agree, and nothing is left.
func TestRandomOperationsWithFaults(t *testing.T) {
	useTiny(t)
	w := newWild(t, *fuzzSeed)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("again: ./dev test ./tests/system/ -run %s -seed %d -ops %d", t.Name(), *fuzzSeed, *randomOperations)
		}
	})
	begin, did := time.Now(), map[string]int{}
	for n := range *randomOperations {
		before := w.truth()
		w.respell(before)
		o := w.choose(before)
		f := w.chooseFault(o)
		r := w.run(o, f)
		did[fmt.Sprintf("%s %s", o.method, r)]++
		line := fmt.Sprintf("%d: %s of %s, with %s: %s", n, o.method, o.about, f.name, r)
		w.judge(line, before, o, f, r)
		if t.Failed() {
			t.Fatal("the rest would be about this only")
		}
		if testing.Verbose() {
			t.Log(line)
		}
	}
	w.finish()
	t.Logf("%d operations in %.0f s: %v", *randomOperations, time.Since(begin).Seconds(), did)
}

// wild is what the random operations play with.
type wild struct {
	t    *testing.T
	c    *client
	rand *rand.Rand
	// loose is the volumes that stayed when their VM went, as was asked for.
	loose map[string]bool
	some  string // a file of random bytes
	open  []*os.File
	// result is that of the last job that has succeeded.
	result map[string]dbus.Variant
}

// opens opens a file for one call.
func (w *wild) opens(path string) dbus.UnixFD {
	w.t.Helper()
	f, err := os.Open(path)
	if err != nil {
		w.t.Fatal(err)
	}
	w.open = append(w.open, f)
	return dbus.UnixFD(f.Fd())
}

func (w *wild) closeFiles() {
	for _, f := range w.open {
		_ = f.Close()
	}
	w.open = nil
}

// names is what the VMs are called: few, so that they get in each other's way.
var names = []string{"wild-a", "wild-b", "wild & <c>", "wild-d"}

// operation is a call, and what it is to do.
type operation struct {
	method string
	about  string // the VM
	object dbus.ObjectPath
	args   []any
	job    bool
	// after is what the world is like when it has been done.
	after func(world)
	// also is whether a state between before and after is right, of an operation
	// that was cut off; nil when none is.
	also func(world) bool
	// loosens is the volumes that stay without a VM when it has been done.
	loosens []string
	clears  string // the volume that it deletes; empty for most
	// moves is the volume that it makes another one of, outside whether that is in
	// no pool for the time, and deletes whether it is to go then.
	moves            string
	outside, deletes bool
	sure             bool // it succeeds unless something goes wrong
}

// outcome is how an operation ended.
type outcome string

const (
	succeeded outcome = "done"
	refused   outcome = "refused"
	unknown   outcome = "cut off"
)

// choose takes one of the operations that the world has a use for.
func (w *wild) choose(before world) operation {
	for {
		about := names[w.rand.IntN(len(names))]
		make := w.newVM
		if vm, there := before[about]; there {
			make = w.change(vm)
		}
		if o := make(about, before); o.method != "" {
			o.about = about
			return o
		}
	}
}

// run makes a call while something goes wrong, and waits until everything is up
// again.
func (w *wild) run(o operation, f fault) outcome {
	if o.outside {
		w.dissolveElsewhere()
	}
	if f.before != nil {
		f.before()
	}
	stop := make(chan struct{})
	struck := make(chan struct{})
	go func() {
		defer close(struck)
		select {
		case <-time.After(f.delay):
			if f.strike != nil {
				f.strike()
			}
		case <-stop:
		}
	}()
	defer w.closeFiles()
	call := w.c.call(o.object, o.method, o.args...)
	r := outcomeOf(call.Err)
	if r == succeeded && o.job {
		r = w.ended(call.Body[0].(dbus.ObjectPath), f)
	}
	if f.certain {
		<-struck // also if it comes too late
	}
	close(stop)
	<-struck
	if f.after != nil {
		f.after()
	}
	w.settle()
	if o.outside {
		w.makeElsewhere()
	}
	return r
}

// ended waits for a job's end, after cancelling it if that is the fault.
func (w *wild) ended(job dbus.ObjectPath, f fault) outcome {
	if f.cancels {
		time.Sleep(f.delay) // the moment is the point
		_ = w.c.call(job, "Job.Cancel", none())
	}
	r := unknown
	eventually(w.t, "the job has ended", func() bool {
		call := w.c.call(job, properties+"GetAll", "org.kvmmanager.Job")
		if call.Err != nil {
			return true // with the service
		}
		switch call.Body[0].(map[string]dbus.Variant)["State"].Value() {
		case "done":
			r = succeeded
			w.result = call.Body[0].(map[string]dbus.Variant)["Result"].Value().(map[string]dbus.Variant)
		case "failed", "cancelled":
			r = refused
			if name := call.Body[0].(map[string]dbus.Variant)["ErrorName"].Value().(string); lost(name) {
				r = unknown
			}
		default:
			return false
		}
		return true
	})
	return r
}

// outcomeOf judges a call.
func outcomeOf(err error) outcome {
	switch name := errorName(err); {
	case name == "":
		return succeeded
	case lost(name):
		return unknown
	default:
		return refused
	}
}

// lost says whether an error leaves open what became of a call.
func lost(name string) bool {
	switch name {
	case "org.freedesktop.DBus.Error.NoReply", "org.freedesktop.DBus.Error.ServiceUnknown", "org.freedesktop.DBus.Error.Disconnected",
		"org.kvmmanager.Error.Disconnected", "org.kvmmanager.Error.Timeout":
		return true
	}
	return false
}
