package polkit

import (
	"context"
	"os"
)

// SameUID lets the user that the service runs as do everything, and nobody
// else anything. It serves the session bus.
type SameUID struct{ uid uint32 }

// NewSameUID makes a checker for this process's user.
func NewSameUID() *SameUID { return &SameUID{uint32(os.Getuid())} }

// Check implements Checker.
func (s *SameUID) Check(_ context.Context, caller Caller, _ string, _ map[string]string, _ bool) (Result, error) {
	return Result{Authorized: caller.UID == s.uid}, nil
}

// Permissions implements Checker.
func (s *SameUID) Permissions(ctx context.Context, caller Caller, actions []string, details map[string]string) (map[string]Permission, error) {
	result, err := s.Check(ctx, caller, "", details, false)
	if err != nil {
		return nil, err
	}
	permissions := make(map[string]Permission, len(actions))
	for _, action := range actions {
		permissions[action] = result.Permission()
	}
	return permissions, nil
}

// Watch implements Checker. A process's user never changes.
func (*SameUID) Watch(context.Context, func()) error { return nil }
