//go:build system

package system_test

import (
	"net"
	"os"
	"testing"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/errs"
)

// forward is one port of the host that leads to the guest.
func forward(host, guest uint32, more ...any) map[string]dbus.Variant {
	return with(append(more, "protocol", "tcp", "host-port", host, "guest-port", guest)...)
}

func TestAnInterfaceThatForwardsPortsIsPluggedIn(t *testing.T) {
	useTiny(t)
	root := as(t, "root")
	root.must(tiny, "VM.Start", wait())
	openConsole(t, root).expect("tiny: ready")
	device := with("kind", "interface", "type", "user", "port-forwards", []map[string]dbus.Variant{forward(8090, 80)})
	reply := root.must(tiny, "VM.AddDevice", device, with("apply", "now"))
	if applied := reply[1].(map[string]dbus.Variant); applied["now"].Value() != true {
		t.Errorf("it is applied as %v", applied)
	}
	listens := func() bool {
		conn, err := net.Dial("tcp", "127.0.0.1:8090")
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	}
	eventually(t, "the port is open", listens)
	root.must(tiny, "VM.RemoveDevice", reply[0].(string), with("apply", "now"))
	eventually(t, "the port is closed", func() bool { return !listens() })
}

func TestAPortThatIsTakenOrCannotBeForwardedIsSaid(t *testing.T) {
	useTiny(t)
	root := as(t, "root")
	listener, err := net.Listen("tcp", ":8095")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	device := with("kind", "interface", "type", "user", "port-forwards", []map[string]dbus.Variant{forward(8095, 80)})
	id := root.must(tiny, "VM.AddDevice", device, none())[0].(string)
	if reply := root.call(tiny, "VM.Start", wait()); reply.Err == nil {
		t.Error("it starts")
	}
	checks := root.must(tiny, "VM.CheckStart", none())[0].([]map[string]dbus.Variant)
	if len(checks) == 0 || checks[len(checks)-1]["id"].Value() != "port" {
		t.Errorf("the reason is said to be %v", checks)
	}
	root.must(tiny, "VM.RemoveDevice", id, none())

	t.Log("without passt")
	if err := os.Rename("/usr/bin/passt", "/usr/bin/passt.away"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Rename("/usr/bin/passt.away", "/usr/bin/passt") })
	root.refused(errs.NotSupported.DBusName(), tiny, "VM.AddDevice", device, none())
	capabilities := root.must(localHost, "Host.GetCapabilities", none())[0].(map[string]dbus.Variant)
	if got := capabilities["interface-backends"].Value().([]string); len(got) != 1 || got[0] != "default" {
		t.Errorf("the host has %v", got)
	}
	root.must(tiny, "VM.AddDevice", with("kind", "interface", "type", "user"), with("dry-run", true))
}
