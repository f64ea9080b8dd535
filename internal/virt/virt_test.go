package virt

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/inventory"
)

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

// vmXML is a definition that the test driver takes.
func vmXML(name, uuid string) string {
	element := ""
	if uuid != "" {
		element = "<uuid>" + uuid + "</uuid>"
	}
	return fmt.Sprintf(`<domain type='test'><name>%s</name>%s<memory unit='KiB'>65536</memory>
<vcpu>2</vcpu><os><type arch='x86_64'>hvm</type></os></domain>`, name, element)
}

// node writes a description of a host for the test driver: each connection to
// it has a state of its own, so tests do not see each other.
func node(t *testing.T, vms int) string {
	t.Helper()
	text := "<node>"
	for i := range vms {
		text += vmXML(fmt.Sprintf("vm%03d", i), fmt.Sprintf("00000000-0000-4000-8000-%012d", i))
	}
	text += `<network><name>default</name><uuid>11111111-0000-4000-8000-000000000000</uuid><bridge name='virbr9'/><forward/>
<ip address='192.0.2.1' netmask='255.255.255.0'/></network>
<pool type='dir'><name>images</name><uuid>22222222-0000-4000-8000-000000000000</uuid><target><path>/tmp/images</path></target></pool>
<interface type='ethernet' name='eth1'><start mode='onboot'/></interface></node>`
	path := filepath.Join(t.TempDir(), "node.xml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return "test://" + path
}

// connect opens a connection that is closed with the test.
func connect(t *testing.T, uri string) *Conn {
	t.Helper()
	conn, err := New(slog.New(slog.DiscardHandler)).Open(t.Context(), uri)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn.(*Conn)
}

// only is the one VM of a connection with the state that it starts with.
func only(t *testing.T, c *Conn) *model.VM {
	t.Helper()
	vms, err := c.VMs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(vms) != 1 {
		t.Fatalf("there are %d VMs, not one", len(vms))
	}
	return vms[0]
}

// awaitEvent waits for an event.
func awaitEvent(t *testing.T, c *Conn, what string, want func(inventory.Event) bool) {
	t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case e, ok := <-c.Events():
			if !ok {
				t.Fatalf("events ended while waiting for %s: %v", what, c.Err())
			}
			if want(e) {
				return
			}
		case <-deadline:
			t.Fatalf("no event: %s", what)
		}
	}
}

// awaitVM reads a VM again after each event until it is as wanted.
func awaitVM(t *testing.T, c *Conn, uuid, what string, want func(*model.VM) bool) *model.VM {
	t.Helper()

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		vm, err := c.VM(ctx, uuid)
		if err == nil {
			if want(vm) {
				return vm
			}
		}
		select {
		case _, ok := <-c.Events():
			if !ok {
				t.Fatalf("events ended while waiting for %s: %v", what, c.Err())
			}
		case <-ctx.Done():
			t.Fatalf("not so: %s; last error %v", what, err)
		}
	}
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }
