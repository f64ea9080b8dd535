package virt

import (
	"fmt"
	"testing"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/inventory"
)

// block takes all places for reading definitions, as VMs that hang do.
func block(c *Conn) (release func()) {
	for range cap(c.texts.places) {
		c.texts.places <- struct{}{}
	}
	return func() {
		for range cap(c.texts.places) {
			<-c.texts.places
		}
	}
}

func TestAVMThatHangsIsShownAsItWasLast(t *testing.T) {
	t.Parallel()
	c := connect(t, node(t, 1))
	before, err := c.VM(t.Context(), only(t, c).UUID)
	if err != nil {
		t.Fatal(err)
	}
	release := block(c)
	if err := c.Pause(t.Context(), before.UUID); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		vm, err := c.VM(t.Context(), before.UUID)
		if err != nil {
			t.Fatal(err)
		}
		if vm.State != model.VMPaused || vm.Name != before.Name || vm.ConfigVersion != before.ConfigVersion || vm.Memory != before.Memory {
			t.Errorf("%+v", vm)
		}
	}
	drain := c.queue
	for {
		if _, ok := drain.pop(); !ok {
			break
		}
	}
	release()
	awaitEvent(t, c, "the answer that came late", func(e inventory.Event) bool { return e.ID == before.UUID })
}

func TestAVMThatHangsAndIsNotRememberedIsBusy(t *testing.T) {
	t.Parallel()
	c := connect(t, node(t, 1))
	uuid := only(t, c).UUID
	release := block(c)
	if _, err := c.VM(t.Context(), uuid); !errs.Is(err, errs.Busy) {
		t.Error(err)
	}
	release()
	awaitEvent(t, c, "the answer that came late", func(e inventory.Event) bool { return e.ID == uuid })
	if _, err := c.VM(t.Context(), uuid); err != nil {
		t.Error(err)
	}
}

func TestTheNumberComesFromTheLiveDefinition(t *testing.T) {
	t.Parallel()
	for xml, want := range map[string]int32{
		"":                                        -1,
		"<domain type='kvm'><name>a</name>":       -1,
		"<domain type='kvm' id='17'><name>":       17,
		"<domain type='kvm' id='99999999999'>":    -1,
		"<domain type='kvm'><x id='3'/></domain>": -1,
	} {
		if got := idOf(xml); got != want {
			t.Errorf("%q: %d", xml, got)
		}
	}
}

func TestTheMemoryOfParsedVMsIsBounded(t *testing.T) {
	t.Parallel()
	c := connect(t, node(t, rememberedVMs+20))
	vms, err := c.VMs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, vm := range vms {
		if _, err := c.VM(t.Context(), vm.UUID); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(c.parsed.vms); n != rememberedVMs {
		t.Errorf("%d VMs are remembered", n)
	}
}

// TestAConfigVersionIsExactAsADouble also sees that a VM's autostart, which is part
// of it, keeps it so.
func TestAConfigVersionIsExactAsADouble(t *testing.T) {
	t.Parallel()
	seen := map[uint64]bool{}
	for i := range 200 {
		vm, err := definitions{stored: fmt.Sprintf("<domain type='test'><name>vm-%d</name></domain>", i)}.parse()
		if err != nil {
			t.Fatal(err)
		}
		v := vm.ConfigVersion
		if uint64(float64(v)) != v || uint64(float64(v^1)) != v^1 || seen[v] {
			t.Errorf("%d is not exact as a double, or not the only one", v)
		}
		seen[v] = true
	}
}
