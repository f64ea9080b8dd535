//go:build system

package system_test

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"
)

// terminal is a pseudoterminal: ours is the side of the person.
type terminal struct {
	t           *testing.T
	ours, their *os.File
	shown       string
}

func newTerminal(t *testing.T) *terminal {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	ours := os.NewFile(uintptr(fd), "terminal") // with deadlines, since it does not block
	t.Cleanup(func() { _ = ours.Close() })
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	their, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = their.Close() })
	return &terminal{t: t, ours: ours, their: their}
}

// expect reads until the terminal shows a text.
func (term *terminal) expect(text string) {
	term.t.Helper()
	_ = term.ours.SetReadDeadline(time.Now().Add(patience))
	buffer := make([]byte, 1024)
	for !strings.Contains(term.shown, text) {
		n, err := term.ours.Read(buffer)
		term.shown += string(buffer[:n])
		if err != nil {
			term.t.Fatalf("the terminal does not show %q: %v; it shows\n%s", text, err, term.shown)
		}
	}
}

// person is bob at a terminal: a program of his that is about to call the
// service, and polkit's agent, which asks him for the administrator's password.
type person struct {
	*terminal
	call   *exec.Cmd
	output bytes.Buffer
}

// sit makes bob ready to call a method of a VM without arguments.
func sit(t *testing.T, vm dbus.ObjectPath, method string) *person {
	t.Helper()
	p := &person{terminal: newTerminal(t)}
	bob := userOf(t, "bob")
	attributes := func() *syscall.SysProcAttr {
		return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(bob.UID), Gid: uint32(bob.GID), Groups: bob.Groups}}
	}
	// The agent is told a process, which has to be there before it calls.
	p.call = exec.Command("sh", "-c", `read -r go && exec busctl call --allow-interactive-authorization=yes org.kvmmanager "$0" org.kvmmanager.VM "$1" 'a{sv}' 1 wait b true`, string(vm), method)
	p.call.SysProcAttr = attributes()
	p.call.Stdout, p.call.Stderr = &p.output, &p.output
	start, err := p.call.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.call.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.call.Process.Kill() })
	p.startAgent(attributes())
	fmt.Fprintln(start, "go")
	return p
}

// startAgent starts polkit's agent for terminals, and waits until polkit knows
// it.
func (p *person) startAgent(attributes *syscall.SysProcAttr) {
	p.t.Helper()
	ready, write, err := os.Pipe()
	if err != nil {
		p.t.Fatal(err)
	}
	defer ready.Close()
	if err := p.their.Chown(int(attributes.Credential.Uid), -1); err != nil {
		p.t.Fatal(err)
	}
	agent := exec.Command("pkttyagent", "--process", fmt.Sprint(p.call.Process.Pid), "--notify-fd", "3")
	agent.Stdin, agent.Stdout, agent.Stderr = p.their, p.their, p.their
	agent.ExtraFiles = []*os.File{write}
	attributes.Setsid, attributes.Setctty = true, true
	agent.SysProcAttr = attributes
	err = agent.Start()
	write.Close()
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = agent.Process.Kill(); _ = agent.Wait() })
	_ = ready.SetReadDeadline(time.Now().Add(patience))
	_, _ = bufio.NewReader(ready).ReadByte() // the end of the file
}

// awaitDialog waits until a password may be typed. The agent throws away what
// comes before it has turned the echo off.
func (p *person) awaitDialog() {
	p.t.Helper()
	p.expect("Password: ")
	eventually(p.t, "the echo is off", func() bool {
		settings, err := unix.IoctlGetTermios(int(p.their.Fd()), unix.TCGETS)
		return err == nil && settings.Lflag&unix.ECHO == 0
	})
}

// end waits for the call's end.
func (p *person) end() error {
	p.t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- p.call.Wait() }()
	select {
	case err := <-ended:
		return err
	case <-time.After(patience):
		p.t.Fatal("the call does not end")
		return nil
	}
}

// rootPassword gives root a password for the length of a test.
func rootPassword(t *testing.T, password string) {
	t.Helper()
	before, err := os.ReadFile("/etc/shadow")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.WriteFile("/etc/shadow", before, 0o640); err != nil {
			t.Error(err)
		}
	})
	cmd := exec.Command("chpasswd")
	cmd.Stdin = strings.NewReader("root:" + password + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// TestThePasswordLetsBobIn asks for it in a dialog that names the VM, and holds
// up nobody meanwhile.
func TestThePasswordLetsBobIn(t *testing.T) {
	root := as(t, "root")
	rootPassword(t, "correct horse")
	vm := vmXML{Name: "asked <for>"}.make(t, root)

	t.Log("the right one")
	bob := sit(t, vm, "Start")
	bob.expect("org.kvmmanager.vm.control")
	bob.expect("Authentication is required to start “asked <for>”.")
	bob.awaitDialog()
	root.must(vm, "VM.SetTitle", "while the dialog is open", none())
	fmt.Fprintln(bob.ours, "correct horse")
	if err := bob.end(); err != nil {
		t.Errorf("%v: %s", err, &bob.output)
	}
	if got := root.get(vm, "VM.State"); got != "running" {
		t.Errorf("it is %v", got)
	}

	t.Log("a wrong one")
	bob = sit(t, vm, "PowerOff")
	bob.awaitDialog()
	fmt.Fprintln(bob.ours, "wrong")
	if err := bob.end(); err == nil {
		t.Errorf("a wrong password is good enough: %s", &bob.output)
	}
	if got := root.get(vm, "VM.State"); got != "running" {
		t.Errorf("it is %v", got)
	}
}

// TestWhoLeavesTheDialogIsRefused, and the journal says so.
func TestWhoLeavesTheDialogIsRefused(t *testing.T) {
	root := as(t, "root")
	rootPassword(t, "correct horse")
	vm := vmXML{Name: "left"}.make(t, root)
	bob := sit(t, vm, "Start")
	bob.awaitDialog()
	pid := fmt.Sprint(bob.call.Process.Pid)
	_ = bob.call.Process.Kill()
	eventually(t, "the refusal is in the journal", func() bool {
		return len(entries(t, "MESSAGE_ID="+changeRefused, "KVMMANAGER_PID="+pid, "KVMMANAGER_METHOD=org.kvmmanager.VM.Start")) == 1
	})
	if got := root.get(vm, "VM.State"); got != "shut-off" {
		t.Errorf("it is %v", got)
	}
}

// TestAVMThatGoesWhileTheDialogIsOpen is not there any more when the password
// has come.
func TestAVMThatGoesWhileTheDialogIsOpen(t *testing.T) {
	r := record(t)
	rootPassword(t, "correct horse")
	vm := vmXML{Name: "goes"}.make(t, r.client)
	bob := sit(t, vm, "Start")
	bob.awaitDialog()
	virsh(t, "undefine", "goes")
	r.removed(patience, vm)
	fmt.Fprintln(bob.ours, "correct horse")
	if err := bob.end(); err == nil || !strings.Contains(bob.output.String(), "gone") {
		t.Errorf("%v: %s", err, &bob.output)
	}
}
