package bus

import (
	"context"
	"sync"
	"time"

	"org.kvmmanager/internal/errs"
)

const (
	// maxServed is how many calls are looked at or answered from memory at the
	// same time, and maxServedPerUser how many of one user: as many answers of a
	// user others wait for in the socket.
	maxServed        = 64
	maxServedPerUser = 2
	// maxQueued is how many calls of one user wait for that, and maxRefusals how
	// many refusals of further ones wait to be sent. The bus allows a user 256
	// connections, and each to wait for 128 answers.
	maxQueued   = 1024
	maxRefusals = 256 * 128
	// maxBytesPerUser is what the calls of one user take up, waiting or under
	// way, and maxBytes those of all users.
	maxBytesPerUser = 8 << 20
	maxBytes        = 64 << 20
	// Until the bus has told whose a connection is, it may have so many bytes, or
	// a long call within what there is for all long ones; and these are all bytes
	// of such connections.
	maxStrangerBytes = 256 << 10
	maxStrangersLong = 8 << 20
	maxStrangers     = 24 << 20
	// maxSenders is how many connections are remembered, twice.
	maxSenders = 2048
	// lookupPatience is how long the bus may take to tell whose a connection is.
	lookupPatience = 20 * time.Second

	// What a call and a descriptor count as, in bytes. A value is one that was
	// decoded.
	callCost  = 256
	fdCost    = 64 << 10
	valueCost = 128
)

// shares decides whose call is served next. Users take turns, and so do the
// connections of one user; what a user's calls take up is limited, so whoever
// sends too many waits for them alone.
//
// Who a connection belongs to is asked once, since the bus never gives a
// unique name again.
type shares struct {
	lookup Callers         // nil: all are one user
	serve  func(*incoming) // in a goroutine of its own

	mu      sync.Mutex
	senders map[string]*sender // asked about lately
	earlier map[string]*sender // those before
	users   map[userKey]*user
	turns   []*user // with calls that wait
	served  int
	bytes   int // of all users
	strange int // of calls whose sender is not known
	long    int // of those that are long
}

// userKey is a user's id, or that of those whom the bus does not know.
type userKey int64

const unknownUser userKey = -1

// sender is one connection.
type sender struct {
	user    userKey
	pid     uint32
	known   bool        // user and pid are
	asking  bool        // the bus is being asked
	waiting []*incoming // calls that wait
	bytes   int         // of calls that wait until the sender is known
}

// user is the calls of one user that wait or are under way.
type user struct {
	key      userKey
	turns    []*sender // with calls that wait
	queued   int
	refusals int // those of queued that are only refused
	served   int
	bytes    int
}

func newShares(lookup Callers, serve func(*incoming)) *shares {
	return &shares{
		lookup: lookup, serve: serve, senders: make(map[string]*sender), users: make(map[userKey]*user),
	}
}

// reserve takes room for a call whose body has not been read, or returns why
// there is none.
func (q *shares) reserve(in *incoming) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := q.sender(in.sender)
	in.cost = callCost + in.bodyLength + int(min(in.fdCount, maxFDs))*fdCost
	if s.known {
		return q.charge(q.user(s.user), in)
	}
	in.long = s.bytes+in.cost > maxStrangerBytes
	if len(s.waiting) >= maxQueued || q.strange+in.cost > maxStrangers || in.long && q.long+in.cost > maxStrangersLong {
		in.cost, in.long = 0, false
		return errTooManyWait
	}
	in.strange = true
	s.bytes += in.cost
	q.strange += in.cost
	if in.long {
		q.long += in.cost
	}
	return nil
}

var errTooManyWait = tooMany("Too many of your calls wait to be served. Wait for the answers to some of them.")

// charge lets a user pay for a call. The caller holds mu.
func (q *shares) charge(u *user, in *incoming) error {
	if u.queued-u.refusals >= maxQueued || u.bytes+in.cost > maxBytesPerUser || q.bytes+in.cost > maxBytes {
		in.cost = 0
		return errTooManyWait
	}
	u.bytes += in.cost
	q.bytes += in.cost
	in.charged = true
	return nil
}

// extend charges more for a call that is under way.
func (q *shares) extend(in *incoming, bytes int) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	u := q.user(in.user())
	if u.bytes+bytes > maxBytesPerUser || q.bytes+bytes > maxBytes {
		return errTooManyWait
	}
	u.bytes += bytes
	q.bytes += bytes
	in.cost += bytes
	return nil
}

// add has a call served when it is its turn.
func (q *shares) add(in *incoming) {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := q.sender(in.sender)
	switch {
	case s.known:
		q.admit(s, in, nil)
		q.dispatch()
	case len(s.waiting) < 2*maxQueued:
		s.waiting = append(s.waiting, in)
		if !s.asking {
			s.asking = true
			go q.identify(in, s)
		}
	default: // more than the bus lets it wait for
		in.closeFDs()
	}
}

// identify asks the bus who a connection belongs to, and then has its calls
// served.
func (q *shares) identify(in *incoming, s *sender) {
	var uid, pid uint32
	var err error
	if q.lookup != nil {
		ctx, cancel := context.WithTimeout(in.link.ctx, lookupPatience)
		defer cancel()
		uid, pid, err = q.lookup(ctx, in.sender)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	s.asking, s.known = false, true
	s.user, s.pid = userKey(uid), pid
	if err != nil {
		// It has left, or the bus does not answer. The next call asks again.
		s.user = unknownUser
		q.forget(in.sender)
		err = errs.Wrap(errs.Timeout, err, "The message bus did not say who is calling. Try again.")
	}
	waiting := s.waiting
	s.waiting, s.bytes = nil, 0
	for _, in := range waiting {
		q.admit(s, in, err)
	}
	q.dispatch()
}

// admit has the call of a known connection wait for its turn, and lets the user
// pay for it unless that was done. err is why it is refused. The caller holds
// mu.
func (q *shares) admit(s *sender, in *incoming, err error) {
	if in.strange {
		q.strange -= in.cost
	}
	if in.long {
		q.long -= in.cost
	}
	in.strange, in.long = false, false
	if in.refused == nil {
		if err == nil && !in.charged {
			err = q.charge(q.user(s.user), in)
		}
		if err != nil {
			in.refuse(err)
		}
	}
	q.enqueue(s, in)
}

// sender finds a connection, or notes a new one. The caller holds mu.
func (q *shares) sender(name string) *sender {
	if s := q.senders[name]; s != nil {
		return s
	}
	s := q.earlier[name]
	if s == nil {
		s = &sender{}
	}
	if len(q.senders) >= maxSenders {
		// Those that were not seen since the last time go: whoever comes again is
		// asked about again.
		q.earlier, q.senders = q.senders, make(map[string]*sender)
	}
	q.senders[name] = s
	return s
}

func (q *shares) forget(name string) {
	delete(q.senders, name)
	delete(q.earlier, name)
}

// user finds a user, or notes a new one. The caller holds mu.
func (q *shares) user(key userKey) *user {
	u := q.users[key]
	if u == nil {
		u = &user{key: key}
		q.users[key] = u
	}
	return u
}

// enqueue puts a call behind those of its connection. The caller holds mu.
func (q *shares) enqueue(s *sender, in *incoming) {
	u := q.user(s.user)
	if in.refused != nil {
		if !in.wantsReply() || u.refusals >= maxRefusals {
			return
		}
		u.refusals++
	}
	in.uid, in.pid, in.known = uint32(s.user), s.pid, s.user != unknownUser
	if len(s.waiting) == 0 {
		if len(u.turns) == 0 {
			q.turns = append(q.turns, u)
		}
		u.turns = append(u.turns, s)
	}
	s.waiting = append(s.waiting, in)
	u.queued++
}

// dispatch serves as many calls as may be. The caller holds mu.
func (q *shares) dispatch() {
	for q.served < maxServed {
		u, in := q.next()
		if in == nil {
			return
		}
		q.served++
		u.served++
		in.slot = true
		go q.serve(in)
	}
}

// next takes the next call of the user whose turn it is. The caller holds mu.
func (q *shares) next() (*user, *incoming) {
	for range q.turns {
		u := q.turns[0]
		q.turns = q.turns[1:]
		if u.served >= maxServedPerUser {
			q.turns = append(q.turns, u)
			continue
		}
		s := u.turns[0]
		u.turns = u.turns[1:]
		in := s.waiting[0]
		s.waiting[0] = nil
		s.waiting = s.waiting[1:]
		if len(s.waiting) > 0 {
			u.turns = append(u.turns, s)
		}
		if len(u.turns) > 0 {
			q.turns = append(q.turns, u)
		}
		u.queued--
		if in.refused != nil {
			u.refusals--
		}
		return u, in
	}
	return nil, nil
}

// free ends what dispatch began: the call is in the handler or over.
func (q *shares) free(in *incoming) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if in.slot {
		in.slot = false
		q.served--
		q.user(in.user()).served--
		q.dispatch()
	}
}

// end gives back what the call took up.
func (q *shares) end(in *incoming) {
	q.free(in)
	q.mu.Lock()
	defer q.mu.Unlock()
	u := q.user(in.user())
	u.bytes -= in.cost
	q.bytes -= in.cost
	in.cost = 0
	if u.bytes == 0 && u.queued == 0 && u.served == 0 {
		delete(q.users, u.key)
	}
}

func (in *incoming) user() userKey {
	if in.known {
		return userKey(in.uid)
	}
	return unknownUser
}

// refuse makes in a call that is only refused.
func (in *incoming) refuse(why error) {
	in.closeFDs()
	in.header, in.frame, in.refused, in.cost = in.stub(), nil, why, 0
}
