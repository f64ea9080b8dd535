package bus

import "sync"

const (
	// maxCallsPerUser is how many calls of one user the handler may have under
	// way, waiting ones such as open password dialogs included, whatever number
	// of connections they come through. root may have half of all.
	maxCallsPerUser = 128
	// maxCalls is how many of all users.
	maxCalls = 1024
	// maxReads is how many calls are looked at or answered from memory at the
	// same time.
	maxReads = 256
	// maxCallSize is the longest call that is decoded, in bytes. Bulk data
	// travels in descriptors.
	maxCallSize = 4 << 20
)

// limits counts the calls that are in the handler.
type limits struct {
	perUser, total int

	mu       sync.Mutex
	underWay int
	users    map[uint32]int // those with any under way
}

func newLimits(perUser, total int) *limits {
	return &limits{perUser: perUser, total: total, users: make(map[uint32]int)}
}

// enter counts a call; false when there are too many already.
func (l *limits) enter(uid uint32) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	most := l.perUser
	if uid == 0 {
		most = max(most, l.total/2)
	}
	if l.underWay >= l.total || l.users[uid] >= most {
		return false
	}
	l.underWay++
	l.users[uid]++
	return true
}

// leave ends what a successful enter began.
func (l *limits) leave(uid uint32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.underWay--
	if l.users[uid]--; l.users[uid] == 0 {
		delete(l.users, uid)
	}
}
