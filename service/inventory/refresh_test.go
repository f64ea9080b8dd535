package inventory_test

import (
	"context"
	"testing"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/testutil/fakehv"
)

func TestARefreshThatReadsNothingFails(t *testing.T) {
	t.Parallel()
	hv, rec, inv := setUp(t)
	hv.Put(fakehv.VM(1, "web"))
	putTank(hv, true)
	h := addLocal(t, inv, rec)
	for operation, refresh := range map[string]func(context.Context, string) error{
		"read": h.Refresh, "read-network": h.RefreshNetwork, "read-pool": h.RefreshPool, "volumes": h.RefreshVolumes,
	} {
		hv.Hook(operation, func(context.Context, string) error { return errs.New(errs.LibvirtFailed, "libvirt is tired.") })
		if err := refresh(t.Context(), tank); !errs.Is(err, errs.LibvirtFailed) {
			t.Errorf("%s: %v", operation, err)
		}
		hv.Hook(operation, nil)
		if err := refresh(t.Context(), tank); err != nil {
			t.Errorf("%s, once it can be read: %v", operation, err)
		}
	}
}

// TestAReadThatTheConnectionIsLostForFails whether it is under way or waits.
func TestAReadThatTheConnectionIsLostForFails(t *testing.T) {
	t.Parallel()
	hv, rec, inv := setUp(t)
	hv.Put(fakehv.VM(1, "web"))
	putTank(hv, true)
	h := addLocal(t, inv, rec)
	if err := h.RefreshVolumes(t.Context(), tank); err != nil {
		t.Fatal(err)
	}
	reading, lost := make(chan string, 100), make(chan struct{})
	for _, operation := range []string{"read", "volumes"} {
		hv.Hook(operation, func(context.Context, string) error { reading <- operation; <-lost; return nil })
	}
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	outcomes := make(chan error, 4)
	for range 2 {
		go func() { outcomes <- h.Refresh(ctx, fakehv.UUID(1)) }()
		go func() { outcomes <- h.RefreshVolumes(ctx, tank) }()
	}
	if first, second := <-reading, <-reading; first == second {
		t.Fatalf("%s twice", first)
	}
	hv.GoDown(errs.New(errs.Disconnected, "libvirt does not answer."))
	close(lost)
	for range cap(outcomes) {
		if err := <-outcomes; !errs.Is(err, errs.Disconnected) {
			t.Errorf("the outcome is %v", err)
		}
	}
}
