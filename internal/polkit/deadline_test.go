package polkit

import (
	"context"
	"testing"

	"org.kvmmanager/internal/testutil/bustest"
)

// deadline is a context that ends long after any event should have come.
func deadline(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), bustest.Timeout)
	t.Cleanup(cancel)
	return ctx
}
