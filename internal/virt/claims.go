package virt

import (
	"slices"
	"sync"
)

// claims is the images that operations under way need which VMs do not have yet,
// or which are about to change or go. An operation adds its own before it looks
// for those of others: of two at one time, at least one sees the other.
type claims struct {
	mu   sync.Mutex
	held map[*claim]bool // guarded by mu
}

// claim is one such need.
type claim struct{ use }

func (c *claims) add(u use) *claim {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held == nil {
		c.held = map[*claim]bool{}
	}
	mine := &claim{u}
	c.held[mine] = true
	return mine
}

func (c *claims) drop(mine *claim) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.held, mine)
}

// others lists what others than mine have claimed.
func (c *claims) others(mine []*claim) []use {
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []use
	for other := range c.held {
		if !slices.Contains(mine, other) {
			list = append(list, other.use)
		}
	}
	return list
}
