// Package bustest runs a private message bus for a test: a real dbus-daemon
// that nobody else knows of, and that goes when the test ends.
package bustest

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// Timeout is how long a test should wait for an event before it gives up.
const Timeout = 20 * time.Second

// Everything is allowed, as on a session bus, unless a test says otherwise.
const config = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>unix:path=%s</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
  </policy>
%s
</busconfig>
`

// Bus is a running message bus.
type Bus struct {
	// Address is where it listens, in D-Bus's format.
	Address string
}

// Start runs a bus until the test and its subtests end. Each of extra goes
// into its configuration, after the policy that allows everything: limits,
// further policies, service directories. Any user may connect.
func Start(tb testing.TB, extra ...string) *Bus {
	tb.Helper()
	dir, err := os.MkdirTemp("", "bus") // short: the path of a socket has to be
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // other users connect too
		tb.Fatal(err)
	}
	file := filepath.Join(dir, "bus.conf")
	text := fmt.Sprintf(config, filepath.Join(dir, "socket"), strings.Join(extra, "\n"))
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil { //nolint:gosec // no secret
		tb.Fatal(err)
	}
	return &Bus{Address: run(tb, file)}
}

// run starts dbus-daemon and returns the address that it prints once it
// listens.
func run(tb testing.TB, config string) string {
	tb.Helper()
	cmd := exec.Command("dbus-daemon", "--nofork", "--nopidfile", "--nosyslog", "--print-address", "--config-file="+config)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // when the test is killed
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatalf("cannot run a bus, is the package dbus installed? %v", err)
	}
	tb.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if tb.Failed() && stderr.Len() > 0 {
			tb.Logf("the bus said: %s", &stderr)
		}
	})
	line := make(chan string, 1)
	go func() {
		text, _ := bufio.NewReader(stdout).ReadString('\n')
		line <- strings.TrimSpace(text)
	}()
	select {
	case address := <-line:
		if address == "" {
			tb.Fatal("the bus ended without an address")
		}
		return address
	case <-time.After(Timeout):
		tb.Fatal("the bus prints no address")
	}
	return ""
}

// Connect gives a connection of its own, which ends with the test. Signals
// keep their order.
func (b *Bus) Connect(tb testing.TB) *dbus.Conn {
	tb.Helper()
	conn, err := dbus.Connect(b.Address, dbus.WithSignalHandler(dbus.NewSequentialSignalHandler()))
	if err != nil {
		tb.Fatalf("cannot connect to the test's bus: %v", err)
	}
	tb.Cleanup(func() { _ = conn.Close() })
	return conn
}
