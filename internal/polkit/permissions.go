package polkit

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// permissionsHold is how long the answers of Permissions are given again,
	// unless polkit announces a change. A user interface asks several times for
	// what it shows. Nothing is ever allowed because of them.
	permissionsHold = time.Second
	// maxPermissions is how many such answers are kept.
	maxPermissions = 1024
)

// permissionsCache is the answers of Permissions that hold, and those that are
// being asked for.
type permissionsCache struct {
	mu  sync.Mutex
	set map[string]*permissionsAnswer
}

// permissionsAnswer is one of them. done is closed when the others are set.
type permissionsAnswer struct {
	asked       time.Time
	done        chan struct{}
	permissions map[string]Permission
	err         error
}

// Permissions implements Checker. Callers who ask the same at the same time or
// within a second get one answer.
func (a *Authority) Permissions(ctx context.Context, caller Caller, actions []string, details map[string]string) (map[string]Permission, error) {
	key := permissionsKey(caller, actions, details)
	answer, first := a.permissions.find(key)
	if first {
		answer.permissions, answer.err = a.askAll(ctx, caller, actions, details)
		if answer.err != nil {
			a.permissions.drop(key, answer)
		}
		close(answer.done)
	}
	select {
	case <-answer.done:
		return maps.Clone(answer.permissions), answer.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func permissionsKey(caller Caller, actions []string, details map[string]string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%q %d %q", caller.Sender, caller.UID, actions)
	for _, key := range slices.Sorted(maps.Keys(details)) {
		fmt.Fprintf(&b, " %q=%q", key, details[key])
	}
	return b.String()
}

// find returns the answer for key, and whether the caller is the one who has to
// ask for it.
func (c *permissionsCache) find(key string) (answer *permissionsAnswer, first bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if answer := c.set[key]; answer != nil && now.Sub(answer.asked) < permissionsHold {
		return answer, false
	}
	if len(c.set) >= maxPermissions {
		maps.DeleteFunc(c.set, func(_ string, old *permissionsAnswer) bool { return now.Sub(old.asked) >= permissionsHold })
	}
	if c.set == nil || len(c.set) >= maxPermissions {
		c.set = make(map[string]*permissionsAnswer)
	}
	answer = &permissionsAnswer{asked: now, done: make(chan struct{})}
	c.set[key] = answer
	return answer, true
}

func (c *permissionsCache) drop(key string, answer *permissionsAnswer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.set[key] == answer {
		delete(c.set, key)
	}
}

// forget drops all answers, also those that are being asked for.
func (c *permissionsCache) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.set = nil
}

// askAll asks polkit about all actions, as many at the same time as the user may
// have.
func (a *Authority) askAll(ctx context.Context, caller Caller, actions []string, details map[string]string) (map[string]Permission, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var (
		mu          sync.Mutex // guards permissions
		permissions = make(map[string]Permission, len(actions))
		group       sync.WaitGroup
	)
	for _, action := range actions {
		group.Add(1)
		go func() {
			defer group.Done()
			result, err := a.Check(ctx, caller, action, details, false)
			if err != nil {
				cancel(err) // the first one counts, and ends the others
				return
			}
			mu.Lock()
			defer mu.Unlock()
			permissions[action] = result.Permission()
		}()
	}
	group.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	return permissions, nil
}
