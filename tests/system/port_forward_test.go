//go:build system

package system_test

import (
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/errs"
)

// forward is one port of the host that leads to the guest.
func forward(host, guest uint32, more ...any) map[string]dbus.Variant {
	return with(append(more, "protocol", "tcp", "host-port", host, "guest-port", guest)...)
}

// said is what a server at a port of this machine says; empty if none does.
func said(address string) string {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return ""
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second)) // passt answers before the guest does
	text, _ := io.ReadAll(conn)
	return strings.TrimSpace(string(text))
}

// wayOut gives the host a default route, which leads nowhere: passt gives a guest
// the host's address on it.
func wayOut(t *testing.T) {
	t.Helper()
	run(t, "ip", "link", "add", "out-tests", "type", "bridge")
	t.Cleanup(func() { run(t, "ip", "link", "delete", "out-tests") })
	run(t, "ip", "address", "add", "192.0.2.1/24", "dev", "out-tests")
	run(t, "ip", "link", "set", "out-tests", "up")
	run(t, "ip", "route", "add", "default", "via", "192.0.2.254")
}

// serve has tiny answer at two ports of its second interface.
func serve(t *testing.T, root *client) {
	t.Helper()
	guest := openConsole(t, root)
	guest.expect("tiny: ready")
	guest.run("ip link set eth0 down; ip link set eth1 up; udhcpc -i eth1 -q -n -t 20 -s /usr/share/udhcpc/default.script && echo le''ased", "leased")
	guest.run("for p in 80 81; do nc -ll -p $p -e echo from-$p & done; echo serv''ing", "serving")
}

func TestAPortOfTheHostLeadsToTheGuest(t *testing.T) {
	useTiny(t)
	wayOut(t)
	root := as(t, "root")
	device := with("kind", "interface", "type", "user", "port-forwards", []map[string]dbus.Variant{
		forward(8080, 80, "address", "127.0.0.1"), forward(8081, 81),
	})
	nic := root.must(tiny, "VM.AddDevice", device, none())[0].(string)
	root.must(tiny, "VM.Start", wait())
	serve(t, root)
	eventually(t, "the guest answers", func() bool { return said("127.0.0.1:8080") == "from-80" && said("127.0.0.1:8081") == "from-81" })

	t.Log("other ports need another start")
	changes := with("port-forwards", []map[string]dbus.Variant{forward(8082, 81)})
	for _, options := range []map[string]dbus.Variant{with("dry-run", true), none()} {
		applied := root.must(tiny, "VM.UpdateDevice", nic, changes, options)[0].(map[string]dbus.Variant)
		if applied["now"].Value() != false || applied["next-boot"].Value() != true {
			t.Errorf("with %v it is applied as %v", options, applied)
		}
	}
	if pending := root.get(tiny, "VM.PendingChanges").([]string); len(pending) != 1 || pending[0] != nic {
		t.Errorf("the next boot changes %v", pending)
	}
	root.refused(errs.NotSupported.DBusName(), tiny, "VM.UpdateDevice", nic, changes, with("apply", "now"))
	root.must(tiny, "VM.PowerOff", wait())
	root.must(tiny, "VM.Start", wait())
	serve(t, root)
	eventually(t, "the guest answers at the other port", func() bool { return said("127.0.0.1:8082") == "from-81" })
	if got := said("127.0.0.1:8081"); got != "" {
		t.Errorf("the old port still leads to %q", got)
	}
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
