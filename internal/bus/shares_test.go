package bus

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/godbus/dbus/v5"
)

// queueRig is shares whose calls are served when the test says so.
type queueRig struct {
	*shares
	started chan *incoming
	link    *link
	uids    map[string]uint32
	answer  chan struct{} // the bus answers when it is closed
}

func newQueueRig(t *testing.T, uids map[string]uint32) *queueRig {
	t.Helper()
	r := &queueRig{started: make(chan *incoming, 100000), uids: uids, answer: make(chan struct{}), link: &link{ctx: t.Context()}}
	r.shares = newShares(func(_ context.Context, sender string) (uint32, uint32, error) {
		<-r.answer
		uid, known := r.uids[sender]
		if !known {
			return 0, 0, errors.New("it has left")
		}
		return uid, 1, nil
	}, func(in *incoming) { r.started <- in })
	return r
}

// call sends a call as the link does, and reports whether there was room.
func (r *queueRig) call(sender string, bytes int, fds uint32) bool {
	h := &header{typ: dbus.TypeMethodCall, sender: sender, bodyLength: bytes, fdCount: fds}
	in := &incoming{header: h, link: r.link}
	if err := r.reserve(in); err != nil {
		r.add(&incoming{header: h.stub(), link: r.link, refused: err})
		return false
	}
	r.add(in)
	return true
}

func (r *queueRig) next(t *testing.T) *incoming {
	t.Helper()
	return wait(t, r.started, "a call to be served")
}

func TestUsersAndTheirConnectionsTakeTurns(t *testing.T) {
	t.Parallel()
	r := newQueueRig(t, map[string]uint32{":b1": 2, ":b2": 2, ":a1": 1})
	close(r.answer)
	for _, sender := range []string{":b1", ":b2", ":a1"} {
		r.call(sender, 0, 0) // from now on the bus has said whose they are
		r.end(r.next(t))
	}
	for range 500 {
		r.call(":b1", 0, 0)
		r.call(":b2", 0, 0)
	}
	var flood []*incoming
	for range maxServedPerUser {
		flood = append(flood, r.next(t))
	}
	// The flood has all it may have, and the others are served at once.
	r.call(":a1", 0, 0)
	if in := r.next(t); in.sender != ":a1" {
		t.Fatalf("%s was served", in.sender)
	}
	if len(r.started) != 0 {
		t.Errorf("%d more calls of one user are served", len(r.started))
	}
	turns := map[string]int{}
	for range 200 {
		r.end(flood[0])
		flood = append(flood[1:], r.next(t))
		turns[flood[len(flood)-1].sender]++
	}
	if turns[":b1"] < 90 || turns[":b2"] < 90 {
		t.Errorf("the connections had %v turns", turns)
	}
}

func TestAUsersBytesAreLimited(t *testing.T) {
	t.Parallel()
	r := newQueueRig(t, map[string]uint32{":b": 2, ":a": 1})
	close(r.answer)
	r.call(":b", 0, 0)
	r.call(":a", 0, 0)
	known := []*incoming{r.next(t), r.next(t)}
	taken := 0
	for r.call(":b", 1<<20, 0) {
		taken++
	}
	if taken != maxBytesPerUser>>20-1 {
		t.Errorf("%d MiB were taken", taken)
	}
	if !r.call(":a", 1<<20, 0) {
		t.Error("the other user has no room")
	}
	for _, in := range known {
		r.end(in)
	}
	for range taken + 2 { // with the refusal
		r.end(r.next(t))
	}
	fds := 0
	for r.call(":b", 0, 16) {
		fds += 16
	}
	if fds > 128 {
		t.Errorf("%d descriptors were taken", fds)
	}
}

func TestStrangersHaveLittleRoom(t *testing.T) {
	t.Parallel()
	uids := map[string]uint32{":alice": 1}
	for i := range 1000 {
		uids[fmt.Sprint(":b", i)] = 2
	}
	r := newQueueRig(t, uids)
	long := 0
	for i := range 1000 {
		if r.call(fmt.Sprint(":b", i), 1<<20, 0) {
			long++
		}
	}
	if long != maxStrangersLong>>20-1 {
		t.Errorf("%d long calls of strangers were read", long)
	}
	if !r.call(":alice", 64<<10, 0) {
		t.Error("an ordinary call of a stranger has no room")
	}
	close(r.answer)
	served := map[string]bool{}
	for len(served) < 1001 {
		in := r.next(t)
		served[in.sender] = in.refused == nil
		r.end(in)
	}
	if !served[":alice"] {
		t.Error("an ordinary call was refused")
	}
	if r.strange != 0 || r.long != 0 || r.bytes != 0 {
		t.Errorf("%d, %d and %d bytes are lost", r.strange, r.long, r.bytes)
	}
}

func TestWhoeverHasLeftIsRefusedAndForgotten(t *testing.T) {
	t.Parallel()
	r := newQueueRig(t, nil)
	close(r.answer)
	r.call(":gone", 100, 0)
	in := r.next(t)
	if in.refused == nil || in.cost != 0 {
		t.Errorf("the call is %+v", in)
	}
	r.end(in)
	if len(r.senders) != 0 || len(r.users) != 0 {
		t.Errorf("%d senders and %d users remain", len(r.senders), len(r.users))
	}
}

func TestOnlySoManyConnectionsAreRemembered(t *testing.T) {
	t.Parallel()
	uids := map[string]uint32{}
	r := newQueueRig(t, uids)
	for i := range 2*maxSenders + 100 {
		uids[fmt.Sprint(":", i)] = uint32(i % 7)
	}
	close(r.answer)
	for i := range 2*maxSenders + 100 {
		r.call(fmt.Sprint(":", i), 0, 0)
		r.end(r.next(t))
	}
	if n := len(r.senders) + len(r.earlier); n > 2*maxSenders {
		t.Errorf("%d connections are remembered", n)
	}
}
