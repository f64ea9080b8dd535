package rig

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"
)

// Desktop is a display without a window manager, a session bus, and the bus on
// which programs say what they show.
type Desktop struct {
	env     []string
	parts   []*exec.Cmd
	session *dbus.Conn
	a11y    *dbus.Conn
}

// OpenDesktop starts one with a screen of a size, such as 1280x900.
func OpenDesktop(ctx context.Context, size string) (*Desktop, error) {
	home, err := os.MkdirTemp("", "desktop-")
	if err != nil {
		return nil, fmt.Errorf("no home folder: %w", err)
	}
	// Without OpenGL: GTK 4 would load the software driver, 40 MB of it, and
	// then not draw with it.
	d := &Desktop{env: append(os.Environ(), "HOME="+home, "GDK_BACKEND=x11", "GSK_RENDERER=cairo", "GDK_DISABLE=gl,vulkan", "LANG=C.UTF-8")}
	number, err := d.background("Xvfb", "-displayfd", "3", "-screen", "0", size+"x24", "-nolisten", "tcp", "-noreset")
	if err != nil {
		return nil, err
	}
	d.env = append(d.env, "DISPLAY=:"+number)
	address, err := d.background("dbus-daemon", "--session", "--nofork", "--print-address=3")
	if err != nil {
		d.Close()
		return nil, err
	}
	d.env = append(d.env, "DBUS_SESSION_BUS_ADDRESS="+address)
	if err := d.connect(ctx, address); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// background starts a part of the desktop, and gives the line that it prints to
// the descriptor 3.
func (d *Desktop) background(name string, args ...string) (string, error) {
	said, say, err := os.Pipe()
	if err != nil {
		return "", err
	}
	defer said.Close()
	cmd := exec.Command(name, args...)
	cmd.Env, cmd.ExtraFiles = d.env, []*os.File{say}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
	err = cmd.Start()
	_ = say.Close()
	if err != nil {
		return "", fmt.Errorf("cannot start %s: %w", name, err)
	}
	d.parts = append(d.parts, cmd)
	line, err := bufio.NewReader(said).ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("%s does not come up: %w", name, err)
	}
	return strings.TrimSpace(line), nil
}

func (d *Desktop) connect(ctx context.Context, address string) (err error) {
	if d.session, err = dbus.Connect(address); err != nil {
		return fmt.Errorf("no session bus: %w", err)
	}
	var a11y string
	if err := d.session.Object("org.a11y.Bus", "/org/a11y/bus").CallWithContext(ctx, "org.a11y.Bus.GetAddress", 0).Store(&a11y); err != nil {
		return fmt.Errorf("no accessibility bus: %w", err)
	}
	if d.a11y, err = dbus.Connect(a11y); err != nil {
		return fmt.Errorf("no accessibility bus: %w", err)
	}
	return nil
}

// Close ends everything.
func (d *Desktop) Close() {
	for _, part := range d.parts {
		_ = part.Process.Kill()
		_ = part.Wait()
	}
	for _, conn := range []*dbus.Conn{d.session, d.a11y} {
		if conn != nil {
			_ = conn.Close()
		}
	}
}

// Program is a program on the desktop.
type Program struct {
	Process
	desktop *Desktop
	cmd     *exec.Cmd
	list    *shown
}

// shown is an object of the accessibility tree.
type shown struct {
	Name string // of the program on the bus
	Path dbus.ObjectPath
}

// registry is the root of what programs show.
var registry = shown{"org.a11y.atspi.Registry", "/org/a11y/atspi/accessible/root"}

// Start starts a program, with more in its environment.
func (d *Desktop) Start(command []string, env ...string) (*Program, error) {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = append(append([]string(nil), d.env...), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("cannot start %s: %w", command[0], err)
	}
	return &Program{Process: Process(cmd.Process.Pid), desktop: d, cmd: cmd}, nil
}

// Stop ends the program.
func (p *Program) Stop() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// Tool runs a command on the desktop.
func (d *Desktop) Tool(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = d.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("cannot run %s %s: %w: %s", name, strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out)), nil
}

// Do calls one of the client's actions with a text.
func (d *Desktop) Do(ctx context.Context, action, text string) error {
	return d.session.Object("org.kvmmanager.Client", "/org/kvmmanager/Client").CallWithContext(ctx, "org.freedesktop.Application.ActivateAction", 0,
		action, []dbus.Variant{dbus.MakeVariant(text)}, map[string]dbus.Variant{}).Err
}

const accessible = "org.a11y.atspi.Accessible"

func (d *Desktop) children(ctx context.Context, of shown) (list []shown) {
	_ = d.a11y.Object(of.Name, of.Path).CallWithContext(ctx, accessible+".GetChildren", 0).Store(&list)
	return list
}

func (d *Desktop) role(ctx context.Context, of shown) (role string) {
	_ = d.a11y.Object(of.Name, of.Path).CallWithContext(ctx, accessible+".GetRoleName", 0).Store(&role)
	return role
}

// Listed is how many things are in the program's list, which has this role: rows
// or cells. 0 before there is one.
func (p *Program) Listed(ctx context.Context, role string) (int, error) {
	d := p.desktop
	if p.list == nil {
		p.list = p.find(ctx, func(s shown) bool { return d.role(ctx, s) == role })
	}
	if p.list == nil {
		return 0, errors.New("the program shows no list")
	}
	v, err := d.a11y.Object(p.list.Name, p.list.Path).GetProperty(accessible + ".ChildCount")
	if err != nil {
		return 0, fmt.Errorf("the list has gone: %w", err)
	}
	n, _ := v.Value().(int32)
	return int(n), nil
}

// ListedIn is how many rows are in a list of the program with this role and name
// that is shown; 0 if there is none.
func (p *Program) ListedIn(ctx context.Context, role, name string) int {
	d := p.desktop
	list := p.find(ctx, func(s shown) bool { return d.role(ctx, s) == role && d.name(ctx, s) == name })
	if list == nil {
		return 0
	}
	return len(d.children(ctx, *list))
}

// find is the first thing that the program shows and that is what is looked for;
// nil if there is none.
func (p *Program) find(ctx context.Context, is func(shown) bool) *shown {
	d := p.desktop
	for _, app := range d.children(ctx, registry) {
		if pid, err := d.pid(ctx, app.Name); err == nil && pid == p.Process {
			return d.find(ctx, app, is)
		}
	}
	return nil
}

func (d *Desktop) name(ctx context.Context, of shown) (name string) {
	_ = d.a11y.Object(of.Name, of.Path).CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", 0, accessible, "Name").Store(&name)
	return name
}

func (d *Desktop) pid(ctx context.Context, name string) (Process, error) {
	var pid uint32
	err := d.a11y.BusObject().CallWithContext(ctx, busDaemon+".GetConnectionUnixProcessID", 0, name).Store(&pid)
	return Process(pid), err
}

func (d *Desktop) find(ctx context.Context, in shown, is func(shown) bool) *shown {
	if is(in) {
		return &in
	}
	for _, child := range d.children(ctx, in) {
		if found := d.find(ctx, child, is); found != nil {
			return found
		}
	}
	return nil
}
