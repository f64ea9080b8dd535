package bus

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/testutil/bustest"
)

func TestSocketNamesOfAddresses(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", "/run/user/7")
	for address, want := range map[string]string{
		"unix:path=/run/bus":                "/run/bus",
		"unix:path=/run/bus,guid=00ff":      "/run/bus",
		"unix:guid=00ff,path=/run/my%20bus": "/run/my bus",
		"unix:abstract=/tmp/bus":            "@/tmp/bus",
		"unix:runtime=yes":                  "/run/user/7/bus",
		"unix:runtime=no":                   "",
		"unix:path=/half%2":                 "",
		"unix:":                             "",
		"tcp:host=localhost,port=1":         "",
		"autolaunch:":                       "",
		"nonsense":                          "",
	} {
		got, err := socketName(address)
		if got != want || (err != nil) != (want == "") {
			t.Errorf("%s is %q, %v; want %q", address, got, err, want)
		}
	}
}

func TestAddressesComeFromTheEnvironment(t *testing.T) {
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/system")
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/session")
	if SystemAddress() != "unix:path=/system" || SessionAddress() != "unix:path=/session" {
		t.Errorf("got %s and %s", SystemAddress(), SessionAddress())
	}
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "")
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "")
	t.Setenv("XDG_RUNTIME_DIR", "/run/my user")
	if got := SessionAddress(); got != "unix:path=/run/my%20user/bus" {
		t.Errorf("the session's address is %s", got)
	}
	if got := SystemAddress(); !strings.Contains(got, "/run/dbus/system_bus_socket") {
		t.Errorf("the system's address is %s", got)
	}
}

func TestConnectTriesEachAddressAndNamesEachFailure(t *testing.T) {
	t.Parallel()
	tree := New("/test", testInterfaces(t), echo, somebody, newTestLog())
	b := bustest.Start(t)
	conn, err := tree.Connect("tcp:host=x;unix:path=/nowhere;" + b.Address)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	_, err = tree.Connect("tcp:host=x;unix:path=/nowhere")
	if err == nil || !strings.Contains(err.Error(), "tcp:host=x") || !strings.Contains(err.Error(), "/nowhere") {
		t.Errorf("the error is %v", err)
	}
	if _, err := tree.Connect(""); err == nil {
		t.Error("an empty address was accepted")
	}
}

func TestConnectFailsWhenTheOtherEndIsNoBus(t *testing.T) {
	t.Parallel()
	for _, answers := range []string{"", "REJECTED\r\n", "REJECTED EXTERNAL\r\nDATA\r\nOK 00\r\nERROR\r\n"} {
		dir, err := os.MkdirTemp("", "bus")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		path := filepath.Join(dir, "socket")
		listener, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = listener.Close() })
		go func() {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte(answers))
			_ = c.(*net.UnixConn).CloseWrite()
		}()
		tree := New("/test", testInterfaces(t), echo, somebody, newTestLog())
		if conn, err := tree.Connect("unix:path=" + path); err == nil {
			_ = conn.Close()
			t.Errorf("a bus that says %q was accepted", answers)
		}
	}
}

func TestTheConnectionIsAlsoAClient(t *testing.T) {
	t.Parallel()
	r := newRig(t, echo)
	if reply, err := r.server.RequestName("test.Name", dbus.NameFlagDoNotQueue); err != nil || reply != dbus.RequestNameReplyPrimaryOwner {
		t.Fatalf("the name was not given: %v, %v", reply, err)
	}
	var id string
	if err := r.client.Object("test.Name", "/test").Call(peerName+".GetMachineId", 0).Store(&id); err != nil {
		t.Errorf("a call by name: %v", err)
	}
	signals := make(chan *dbus.Signal, 200)
	r.server.Signal(signals)
	if err := r.server.AddMatchSignal(dbus.WithMatchSender(daemonName), dbus.WithMatchMember("NameOwnerChanged")); err != nil {
		t.Fatal(err)
	}
	name := func(i int) string { return fmt.Sprintf("test.Name%d", i) }
	for i := range 50 {
		if _, err := r.client.RequestName(name(i), dbus.NameFlagDoNotQueue); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 50 {
		s := wait(t, signals, "a signal")
		for s.Name != daemonName+".NameOwnerChanged" {
			s = wait(t, signals, "a signal")
		}
		if s.Body[0] != name(i) {
			t.Fatalf("signal %v came in the place of %d", s.Body, i)
		}
	}
}

func TestApplyBeforeConnectOnlyChangesTheState(t *testing.T) {
	t.Parallel()
	b := bustest.Start(t)
	tree := New("/test", testInterfaces(t), echo, somebody, newTestLog())
	tree.Apply(Put("/test/a", "test.Thing", thing("a", 1)))
	conn, err := tree.Connect(b.Address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	var size uint64
	if err := b.Connect(t).Object(conn.Names()[0], "/test/a").Call(propertiesName+".Get", 0, "test.Thing", "Size").Store(&size); err != nil || size != 1 {
		t.Errorf("the size is %d, %v", size, err)
	}
}
