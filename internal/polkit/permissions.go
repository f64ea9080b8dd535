package polkit

import (
	"context"
	"sync"
)

// parallelChecks bounds how many questions of one caller polkit has to think
// about at the same time.
const parallelChecks = 8

// Permissions implements Checker.
func (a *Authority) Permissions(ctx context.Context, sender string, actions []string, details map[string]string) (map[string]Permission, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var (
		mu          sync.Mutex // guards permissions
		permissions = make(map[string]Permission, len(actions))
		group       sync.WaitGroup
		slots       = make(chan struct{}, parallelChecks)
	)
	for _, action := range actions {
		slots <- struct{}{}
		group.Add(1)
		go func() {
			defer func() { <-slots; group.Done() }()
			result, err := a.Check(ctx, sender, action, details, false)
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
