package polkit

import (
	"context"
	"fmt"
	"os"

	"github.com/godbus/dbus/v5"
)

// SameUID lets the user that the service runs as do everything, and nobody
// else anything. It serves the session bus.
type SameUID struct {
	conn *dbus.Conn
	uid  uint32
}

// NewSameUID makes a checker for this process's user and the callers on the
// bus of conn.
func NewSameUID(conn *dbus.Conn) *SameUID {
	return &SameUID{conn: conn, uid: uint32(os.Getuid())}
}

// Check implements Checker.
func (s *SameUID) Check(ctx context.Context, sender, _ string, _ map[string]string, _ bool) (Result, error) {
	var uid uint32
	err := s.conn.BusObject().CallWithContext(ctx, busDaemon+".GetConnectionUnixUser", 0, sender).Store(&uid)
	if err != nil {
		return Result{}, fmt.Errorf("cannot learn who %s is: %w", sender, err)
	}
	return Result{Authorized: uid == s.uid}, nil
}

// Permissions implements Checker.
func (s *SameUID) Permissions(ctx context.Context, sender string, actions []string, details map[string]string) (map[string]Permission, error) {
	result, err := s.Check(ctx, sender, "", details, false)
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
