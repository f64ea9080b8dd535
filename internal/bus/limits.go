package bus

import "sync"

const (
	// maxCallsPerSender is how many calls of one sender the handler may have
	// under way, waiting ones such as open password dialogs included.
	maxCallsPerSender = 64
	// maxCalls is how many of all senders.
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
	perSender, total int

	mu       sync.Mutex
	underWay int
	senders  map[string]int // those with any under way
}

func newLimits(perSender, total int) *limits {
	return &limits{perSender: perSender, total: total, senders: make(map[string]int)}
}

// enter counts a call; false when there are too many already.
func (l *limits) enter(sender string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.underWay >= l.total || l.senders[sender] >= l.perSender {
		return false
	}
	l.underWay++
	l.senders[sender]++
	return true
}

// leave ends what a successful enter began.
func (l *limits) leave(sender string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.underWay--
	if l.senders[sender]--; l.senders[sender] == 0 {
		delete(l.senders, sender)
	}
}
