package virt

import (
	"fmt"
	"testing"

	"org.kvmmanager/service/inventory"
)

func vmEvent(n int) inventory.Event {
	return inventory.Event{Kind: inventory.VMEvent, ID: fmt.Sprint(n)}
}

func TestEventsKeepTheirOrder(t *testing.T) {
	t.Parallel()
	q := newQueue()
	t.Cleanup(q.close)
	for n := range 100 {
		q.push(vmEvent(n))
	}
	for n := range 100 {
		if e := <-q.out; e != vmEvent(n) {
			t.Fatalf("%v came in place %d", e, n)
		}
	}
}

func TestAnOverflowBecomesOneHostEvent(t *testing.T) {
	t.Parallel()
	q := newQueue()
	t.Cleanup(q.close)
	for n := range queueLimit + 100 {
		q.push(vmEvent(n)) // nobody listens, and it returns all the same
	}
	hosts, vms := 0, 0
	for last := vmEvent(queueLimit + 99); ; {
		e := <-q.out
		if e.Kind == inventory.HostEvent {
			hosts++
		} else {
			vms++
		}
		if e == last {
			break
		}
	}
	// One event may have been on its way already, and what came after the
	// overflow is listed, too.
	if hosts != 1 || vms > 101 {
		t.Errorf("%d host events and %d VM events", hosts, vms)
	}
}

func TestAWaitingEventIsNotQueuedTwiceButACrashIsKept(t *testing.T) {
	t.Parallel()
	q := newQueue()
	t.Cleanup(q.close)
	q.push(vmEvent(0)) // may be on its way at once
	crash := inventory.Event{Kind: inventory.VMEvent, ID: "1", Crashed: true}
	for range 10 {
		q.push(vmEvent(1))
		q.push(crash)
	}
	q.push(vmEvent(2))
	var got []inventory.Event
	for e := range q.out {
		got = append(got, e)
		if e == vmEvent(2) {
			break
		}
	}
	if len(got) != 4 || got[1] != vmEvent(1) || got[2] != crash {
		t.Errorf("got %v", got)
	}
}

func TestAClosedQueueEnds(t *testing.T) {
	t.Parallel()
	q := newQueue()
	q.push(vmEvent(1))
	q.push(vmEvent(2))
	q.close()
	q.close()
	q.push(vmEvent(3))
	for range q.out { // ends
	}
}
