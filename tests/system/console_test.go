//go:build system

package system_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// console is the guest's serial console.
type console struct {
	t    *testing.T
	conn net.Conn
	read strings.Builder // since the last expectation
	// patience is how long to wait for a text; zero is the usual time.
	patience time.Duration
}

// consoleOf opens the first console of a VM.
func consoleOf(c *client, vm dbus.ObjectPath) *console {
	c.t.Helper()
	fd := c.must(vm, "VM.OpenConsole", "", none())[0].(dbus.UnixFD)
	return &console{t: c.t, conn: socket(c.t, fd)}
}

// openConsole opens the first console of tiny.
func openConsole(t *testing.T, c *client) *console {
	t.Helper()
	console := consoleOf(c, tiny)
	console.t = t
	return console
}

// socket makes a connection of a descriptor, which ends with the test.
func socket(t *testing.T, fd dbus.UnixFD) net.Conn {
	t.Helper()
	file := os.NewFile(uintptr(fd), "from the service")
	defer file.Close()
	conn, err := net.FileConn(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// expect reads until the guest has written a text.
func (c *console) expect(text string) {
	c.t.Helper()
	if err := c.await(text); err != nil {
		c.t.Fatalf("the guest does not write %q: %v; it wrote %q", text, err, c.read.String())
	}
}

func (c *console) await(text string) error {
	_, err := c.awaitAny(text)
	return err
}

// either reads until the guest has written one of the texts, and says which.
func (c *console) either(texts ...string) int {
	c.t.Helper()
	i, err := c.awaitAny(texts...)
	if err != nil {
		c.t.Fatalf("the guest writes none of %q: %v; it wrote %q", texts, err, c.read.String())
	}
	return i
}

func (c *console) awaitAny(texts ...string) (int, error) {
	limit := c.patience
	if limit == 0 {
		limit = guestPatience
	}
	_ = c.conn.SetReadDeadline(time.Now().Add(limit))
	buffer := make([]byte, 4096)
	for {
		for i, text := range texts {
			if _, after, ok := strings.Cut(c.read.String(), text); ok {
				c.read.Reset()
				c.read.WriteString(after)
				return i, nil
			}
		}
		n, err := c.conn.Read(buffer)
		c.read.Write(buffer[:n])
		if err != nil {
			return 0, err
		}
	}
}

// run types a command into the guest's shell and expects an answer, which must
// not be a part of the command: the guest writes that, too.
func (c *console) run(command, answer string) {
	c.t.Helper()
	if strings.Contains(command, answer) {
		c.t.Fatalf("%q would be its own answer", command)
	}
	c.write(command + "\n")
	c.expect(answer)
}

// write types.
func (c *console) write(keys string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, keys); err != nil {
		c.t.Fatal(err)
	}
}

// ended waits for the end of the stream.
func (c *console) ended() error {
	_ = c.conn.SetReadDeadline(time.Now().Add(patience))
	_, err := io.Copy(io.Discard, c.conn)
	if errors.Is(err, syscall.ECONNRESET) {
		return nil
	}
	return err
}

func TestConsole(t *testing.T) {
	useTiny(t)
	root, alice := as(t, "root"), as(t, "alice")
	root.must(tiny, "VM.Start", wait())
	guest := openConsole(t, alice)
	guest.expect("tiny: ready")
	guest.run("echo $((6 * 7)) and `hostname`", "42 and tiny")

	t.Log("one at a time")
	root.refused("Busy", tiny, "VM.OpenConsole", "", none())
	root.refused("NotFound", tiny, "VM.OpenConsole", "serial-99", none())

	t.Log("force takes it over, and the first one hears of it")
	id := root.get(tiny, "VM.Consoles").([]map[string]dbus.Variant)[0]["id"].Value().(string)
	fd := root.must(tiny, "VM.OpenConsole", id, with("force", true))[0].(dbus.UnixFD)
	second := &console{t: t, conn: socket(t, fd)}
	if err := guest.ended(); err != nil {
		t.Errorf("the first console goes on: %v", err)
	}
	second.run("echo taken $((1+1))", "taken 2")

	t.Log("closing frees it")
	second.conn.Close()
	eventually(t, "the console is free", func() bool {
		call := alice.call(tiny, "VM.OpenConsole", "", none())
		if call.Err == nil {
			third := &console{t: t, conn: socket(t, call.Body[0].(dbus.UnixFD))}
			third.run("echo free $((2+3))", "free 5")
			return true
		}
		if errorName(call.Err) != "org.kvmmanager.Error.Busy" {
			t.Fatal(call.Err)
		}
		return false
	})
}

// TestMuchConsoleOutputArrivesWhole is about bytes: none lost, none changed.
func TestMuchConsoleOutputArrivesWhole(t *testing.T) {
	useTiny(t)
	root := as(t, "root")
	root.must(tiny, "VM.Start", wait())
	guest := openConsole(t, root)
	guest.expect("tiny: ready")
	guest.run("stty -onlcr; PS1=; echo be''gin", "begin\n")
	const lines = 2000
	fmt.Fprintf(guest.conn, "seq %d; echo e''nd\n", lines)
	var want strings.Builder
	for n := 1; n <= lines; n++ {
		fmt.Fprintln(&want, n)
	}
	want.WriteString("end\n")
	guest.expect("\n1\n2\n") // after the echo of the command
	guest.expect(strings.TrimPrefix(want.String(), "1\n2\n"))
}

func TestConsolesLeaveNothingOpen(t *testing.T) {
	useTiny(t)
	root := as(t, "root")
	root.must(tiny, "VM.Start", wait())
	openConsole(t, root).expect("tiny: ready")
	const cycles = 50
	cycle := func(n int) {
		for range n {
			fd := root.must(tiny, "VM.OpenConsole", "", with("force", true))[0].(dbus.UnixFD)
			socket(t, fd).Close()
			fd = root.must(tiny, "VM.OpenDisplay", uint32(0), none())[0].(dbus.UnixFD)
			socket(t, fd).Close()
			os.NewFile(uintptr(root.must(tiny, "VM.TakeScreenshot", none())[0].(dbus.UnixFD)), "image").Close()
		}
	}
	cycle(3)
	pid := root.pid()
	before := descriptors(t, pid)
	cycle(cycles)
	eventually(t, fmt.Sprintf("the service has %d descriptors again, not %d", before, descriptors(t, pid)), func() bool {
		return descriptors(t, pid) <= before
	})
	if root.pid() != pid {
		t.Error("the service was restarted meanwhile")
	}
}

func descriptors(t *testing.T, pid int) int {
	t.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
