package bus

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/godbus/dbus/v5"
)

// bumper is a handler that changes the object and then answers: the call
// "Echo 7" makes the size 7, says that 7 happened, and returns 7.
func bumper(tree *atomic.Pointer[Tree]) Handler {
	return func(_ context.Context, c *Call) ([]any, error) {
		text := c.Args[0].(string)
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return nil, err
		}
		tree.Load().Apply(
			Put(c.Path, "test.Thing", thing("a", n)),
			Emit(c.Path, "test.Thing", "Happened", text),
			Put(dbus.ObjectPath("/test/new/n"+text), "test.Deep", nil),
		)
		return []any{text}, nil
	}
}

func TestSignalsComeBeforeTheReplyOfTheCallThatCausedThem(t *testing.T) {
	t.Parallel()
	var tree atomic.Pointer[Tree]
	r := newRig(t, bumper(&tree))
	tree.Store(r.tree)
	signals := listen(t, r)
	const calls = 50
	answers := make(chan *dbus.Call, calls)
	for n := range calls {
		r.object("/test/things/a").Go("test.Thing.Echo", 0, answers, strconv.Itoa(100+n))
	}
	answered := make(map[string]dbus.Sequence)
	for range calls {
		call := wait(t, answers, "an answer")
		if call.Err != nil {
			t.Fatal(call.Err)
		}
		answered[call.Body[0].(string)] = call.ResponseSequence
	}
	for seen := 0; seen < 3*calls; seen++ {
		s := wait(t, signals, "a signal")
		if answer := answered[numberOf(s)]; s.Sequence >= answer {
			t.Errorf("%s is number %d, the answer %d", describe(s), s.Sequence, answer)
		}
	}
}

// numberOf is the number that a signal of bumper is about.
func numberOf(s *dbus.Signal) string {
	switch s.Name {
	case propertiesName + ".PropertiesChanged":
		return fmt.Sprint(s.Body[1].(map[string]dbus.Variant)["Size"].Value())
	case objectManagerName + ".InterfacesAdded":
		return string(s.Body[0].(dbus.ObjectPath)[len("/test/new/n"):])
	default:
		return s.Body[0].(string)
	}
}

func TestReadsAreNeverOlderThanTheSignalsBeforeThem(t *testing.T) {
	t.Parallel()
	r := newRig(t, echo)
	signals := listen(t, r)
	const changes, readers = 300, 4
	// Reads of all kinds go on while one writer counts up.
	stop := make(chan struct{})
	reads := make(chan read, 100000)
	var wg sync.WaitGroup
	for i := range readers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for {
				select {
				case <-stop:
					return
				default:
					reads <- r.readSize(i % 3)
				}
			}
		}()
	}
	for n := range uint64(changes) {
		r.tree.Apply(Put("/test/things/a", "test.Thing", thing("a", n+2)))
	}
	announcedAt := make(map[dbus.Sequence]uint64)
	last := uint64(0)
	for last < changes+1 {
		s := wait(t, signals, "a signal")
		size := s.Body[1].(map[string]dbus.Variant)["Size"].Value().(uint64)
		if size != last+1 && last != 0 {
			t.Fatalf("%d was announced after %d", size, last)
		}
		last = size
		announcedAt[s.Sequence] = size
	}
	close(stop)
	wg.Wait()
	close(reads)
	for got := range reads {
		if got.err != nil {
			t.Fatal(got.err)
		}
		for at, size := range announcedAt {
			if at < got.at && got.size < size {
				t.Fatalf("a read gave %d after %d was announced", got.size, size)
			}
		}
	}
}

// read is the size that somebody read, and when the answer came.
type read struct {
	size uint64
	at   dbus.Sequence
	err  error
}

func (r *rig) readSize(how int) (got read) {
	var value dbus.Variant
	var call *dbus.Call
	switch how {
	case 0:
		call = r.call("/test/things/a", propertiesName+".Get", "test.Thing", "Size")
		got.err = call.Store(&value)
	case 1:
		var all map[string]dbus.Variant
		call = r.call("/test/things/a", propertiesName+".GetAll", "test.Thing")
		got.err = call.Store(&all)
		value = all["Size"]
	default:
		var all map[dbus.ObjectPath]map[string]map[string]dbus.Variant
		call = r.call("/test", objectManagerName+".GetManagedObjects")
		got.err = call.Store(&all)
		value = all["/test/things/a"]["test.Thing"]["Size"]
	}
	got.size, _ = value.Value().(uint64)
	got.at = call.ResponseSequence
	return got
}

func TestOneApplyIsSeenWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	tree := New("/test", testInterfaces(t), echo, somebody, newTestLog())
	apply := func(size uint64) {
		var changes []Change
		for i := range 50 {
			changes = append(changes, Put(dbus.ObjectPath(fmt.Sprintf("/test/n%d", i)), "test.Thing", thing("n", size)))
		}
		tree.Apply(changes...)
	}
	apply(0)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for size := range uint64(1000) {
			apply(size)
		}
	}()
	for {
		select {
		case <-done:
			return
		default:
		}
		sizes := make(map[any]int)
		for _, o := range tree.managed() {
			sizes[o.parts[0].props.(props)["Size"]]++
		}
		if len(sizes) != 1 {
			t.Fatalf("half an Apply was seen: %v", sizes)
		}
	}
}
