//go:build display

// Package ui drives the installed client as a screen reader does, against the
// real service. It needs the reference system with the client installed, and
// runs as root.
package ui_test

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/model"
)

// tiny is the guest of the reference system.
const tiny = model.Path("/org/kvmmanager/vms/6b6d6d74_0000_4000_8000_000000000001")

// background starts a program that ends with the test, and gives the first line
// that it prints to the descriptor 3.
func background(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	line, _ := begin(t, env, name, args...).ReadString('\n')
	return strings.TrimSpace(line)
}

// begin starts a program that ends with the test, and gives what it prints to the
// descriptor 3. It waits for that no longer than the test's patience.
func begin(t *testing.T, env []string, name string, args ...string) *bufio.Reader {
	t.Helper()
	said, say, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(name, args...)
	cmd.Env, cmd.ExtraFiles = append(os.Environ(), env...), []*os.File{say}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = say.Close()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = said.Close()
	})
	_ = said.SetReadDeadline(time.Now().Add(patience))
	return bufio.NewReader(said)
}

// application is a client that runs.
type application struct {
	node
	session *dbus.Conn
	env     []string // of programs beside it
	process *process
}

// process is the client's.
type process struct {
	ended   chan struct{}
	err     error // of its end
	mayStop bool
}

// awaitEnd waits until the client has ended by itself.
func (a application) awaitEnd(t *testing.T) {
	t.Helper()
	a.process.mayStop = true
	select {
	case <-a.process.ended:
	case <-time.After(patience):
		t.Fatal("the client does not end")
	}
}

// do calls one of its actions with a text, as notifications and searches do.
func (a application) do(t *testing.T, action, text string) {
	t.Helper()
	err := a.session.Object("org.kvmmanager.Client", "/org/kvmmanager/Client").Call("org.freedesktop.Application.ActivateAction", 0,
		action, []dbus.Variant{dbus.MakeVariant(text)}, map[string]dbus.Variant{}).Err
	if err != nil {
		t.Fatal(err)
	}
}

// The items at the end of the menu of a page, by their place from there: GTK
// tells a screen reader what they are called only when they have the focus.
const (
	deleteItem   = 1
	templateItem = 2
	cloneItem    = 3
	editItem     = 4
	detachItem   = 7
)

// menu opens the menu of the page that is open.
func (a application) menu(t *testing.T) (items []node) {
	t.Helper()
	a.await(t, "toggle button", "More Actions").act(t)
	awaitThat(t, "menu", func() bool {
		items = nil
		a.each(func(n node) bool {
			if role := n.role(); role == "menu item" || role == "check menu item" {
				items = append(items, n)
			}
			return true
		})
		return len(items) >= detachItem && items[len(items)-1].is(sensitive)
	})
	return items
}

// choose picks something from the menu of the page that is open.
func (a application) choose(t *testing.T, fromEnd int) {
	t.Helper()
	items := a.menu(t)
	items[len(items)-fromEnd].act(t)
}

// turnOn moves a switch, which takes some frames.
func (a application) turnOn(t *testing.T, name string) {
	t.Helper()
	row := a.await(t, "switch", name)
	row.act(t)
	awaitThat(t, name+" that is on", func() bool { return row.is(checked) })
}

// inWindow calls an action of its first window, with a text or with none.
func (a application) inWindow(t *testing.T, action string, texts ...string) {
	t.Helper()
	arguments := []dbus.Variant{}
	for _, text := range texts {
		arguments = append(arguments, dbus.MakeVariant(text))
	}
	err := a.session.Object("org.kvmmanager.Client", "/org/kvmmanager/Client/window/1").Call("org.gtk.Actions.Activate", 0,
		action, arguments, map[string]dbus.Variant{}).Err
	if err != nil {
		t.Fatal(err)
	}
}

// press presses keys in its window, by the names of X.
func (a application) press(t *testing.T, keys ...string) {
	t.Helper()
	a.xdotool(t, append(slices.Clone(findWindow), "windowfocus", "--sync")...)
	a.xdotool(t, append([]string{"key", "--delay", "40"}, keys...)...)
}

// findWindow makes xdotool work on the main window.
var findWindow = []string{"search", "--sync", "--onlyvisible", "--name", "^Virtual Machines$"}

func (a application) xdotool(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.Command("xdotool", args...)
	cmd.Env = append(os.Environ(), a.env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("xdotool %v: %v: %s", args, err, out)
	}
}

// last is the last thing with a role and a name that is shown: in a dialog, if
// there is the same on the page below.
func (a application) last(t *testing.T, role, name string) (found node) {
	t.Helper()
	a.each(func(n node) bool {
		if n.role() == role && n.name() == name {
			found = n
		}
		return true
	})
	if found.Path == "" {
		t.Fatalf("there is no %s %q", role, name)
	}
	return found
}

// tabTo moves the focus on until something with a role has it.
func (a application) tabTo(t *testing.T, role string) {
	t.Helper()
	const most = 20
	for range most {
		a.press(t, "Tab")
		if a.hasFocus(role) {
			return
		}
	}
	t.Fatalf("the focus does not get to a %s", role)
}

func (a application) hasFocus(role string) (found bool) {
	a.each(func(n node) bool {
		found = n.role() == role && n.is(focused)
		return !found
	})
	return found
}

// open starts the client on a display and a bus of its own. settings go into its
// environment.
func open(t *testing.T, settings ...string) application {
	t.Helper()
	display := ":" + background(t, nil, "Xvfb", "-displayfd", "3", "-screen", "0", "1280x900x24", "-nolisten", "tcp", "-noreset")
	env := []string{"DISPLAY=" + display, "GDK_BACKEND=x11", "GSK_RENDERER=cairo", "G_DEBUG=fatal-criticals", "LANG=C.UTF-8", "HOME=" + t.TempDir()}
	address := background(t, env, "dbus-daemon", "--session", "--nofork", "--print-address=3")
	env = append(append(env, "DBUS_SESSION_BUS_ADDRESS="+address), settings...)
	session := connect(t, address)
	var a11y string
	if err := session.Object("org.a11y.Bus", "/org/a11y/bus").Call("org.a11y.Bus.GetAddress", 0).Store(&a11y); err != nil {
		t.Fatal(err)
	}
	registry := node{connect(t, a11y), "org.a11y.atspi.Registry", rootPath}
	cmd := exec.Command("kvm-manager")
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{ended: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		select {
		case <-p.ended:
			if p.err != nil || !p.mayStop {
				t.Errorf("the client ended by itself: %v", p.err)
			}
		default:
			_ = cmd.Process.Kill()
			<-p.ended
		}
	})
	var app node
	awaitThat(t, "client in the accessibility tree", func() bool {
		for _, child := range registry.children() {
			if child.name() == "kvm-manager" {
				app = child
				return len(app.children()) > 0
			}
		}
		return false
	})
	return application{app, session, env, p}
}

func connect(t *testing.T, address string) *dbus.Conn {
	t.Helper()
	conn, err := dbus.Connect(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// service is a connection to the service, with the guest off.
func service(t *testing.T) *client.Client {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := client.Connect(ctx, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if err := c.AwaitReady(ctx); err != nil {
		t.Fatal(err)
	}
	off := func() {
		if vm := c.VM(tiny); vm != nil && vm.State.Active() {
			_, _ = c.PowerOff(context.Background(), tiny, client.Wait())
		}
	}
	off()
	t.Cleanup(off)
	return c
}
