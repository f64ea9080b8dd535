//go:build system

package system_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/dbus"
	"org.kvmmanager/internal/testutil/bustest"
)

// startSession runs the service as alice on a bus of its own, with a home of
// its own, and gives the bus's address.
func startSession(t *testing.T) string {
	t.Helper()
	bus := bustest.Start(t)
	// Short, since libvirt makes sockets in it.
	home, err := os.MkdirTemp("", "session")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	alice := userOf(t, "alice")
	if err := os.Chown(home, alice.UID, alice.GID); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/usr/libexec/kvmmanagerd", "--session")
	cmd.Dir = home
	cmd.Env = []string{
		"PATH=/usr/bin:/usr/sbin", "HOME=" + home, "XDG_RUNTIME_DIR=" + home, "DBUS_SESSION_BUS_ADDRESS=" + bus.Address,
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Pdeathsig:  syscall.SIGKILL,
		Credential: &syscall.Credential{Uid: uint32(alice.UID), Gid: uint32(alice.GID), Groups: alice.Groups},
	}
	var output bytes.Buffer
	cmd.Stderr = &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("it ends with %v", err)
		}
		if t.Failed() {
			t.Logf("it says:\n%s", &output)
		}
		endLibvirt(t, home)
	})
	root := dial(t, "root", bus.Address)
	eventually(t, "the service is on the bus", func() bool {
		var owned bool
		err := root.conn.BusObject().Call("org.freedesktop.DBus.NameHasOwner", 0, api.BusName).Store(&owned)
		return err == nil && owned
	})
	return bus.Address
}

// endLibvirt ends the daemon that libvirt starts for a user.
func endLibvirt(t *testing.T, home string) {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(home, "libvirt", "*.pid"))
	for _, file := range files {
		text, _ := os.ReadFile(file)
		if pid, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
			_ = syscall.Kill(pid, syscall.SIGTERM)
			eventually(t, "libvirt's daemon has ended", func() bool { return syscall.Kill(pid, 0) != nil })
		}
	}
}

// TestSessionMode takes a VM of alice's own through its life.
func TestSessionMode(t *testing.T) {
	address := startSession(t)
	alice, bob := dial(t, "alice", address), dial(t, "bob", address)
	if uri := alice.get(local, "Host.URI"); uri != "qemu:///session" {
		t.Errorf("the host is %v", uri)
	}
	eventually(t, "the host is connected", func() bool { return alice.get(local, "Host.State") == "connected" })
	vm := alice.must(local, "Host.DefineXML", vmXML{Name: "mine", Devices: "<serial type='pty'/><graphics type='vnc'><listen type='none'/></graphics>"}.String(), none())[0].(dbus.ObjectPath)
	for _, call := range mutators(t, map[string]dbus.ObjectPath{"Manager": "/org/kvmmanager", "Host": local, "VM": vm}) {
		if call.path != "" {
			bob.refused("NotAuthorized", call.path, call.method, call.args...)
		}
	}
	for action, answer := range alice.permissions(vm) {
		if answer != "yes" {
			t.Errorf("alice may %s: %s", action, answer)
		}
	}
	alice.must(vm, "VM.Start", wait())
	if got := alice.get(vm, "VM.State"); got != "running" {
		t.Errorf("started, it is %v", got)
	}
	socket(t, alice.must(vm, "VM.OpenDisplay", uint32(0), none())[0].(dbus.UnixFD)).Close()
	alice.must(vm, "VM.SetAutostart", true, none())
	alice.must(vm, "VM.Save", wait())
	if saved := alice.get(vm, "VM.HasSavedState"); saved != true {
		t.Errorf("saved: %v", saved)
	}
	alice.must(vm, "VM.Start", wait())
	alice.must(vm, "VM.PowerOff", wait())

	added := alice.must("/org/kvmmanager", "Manager.AddHost", "second", "test:///default", none())[0].(dbus.ObjectPath)
	eventually(t, "the added host is connected", func() bool { return alice.get(added, "Host.State") == "connected" })
	alice.must("/org/kvmmanager", "Manager.RemoveHost", added, none())
	alice.must(vm, "VM.Delete", wait())
	alice.refused("NotFound", local, "Host.FindVM", "mine", none())
	if systemVM := errorName(alice.call(local, "Host.FindVM", "tiny", none()).Err); systemVM == "" {
		t.Error("the system's VMs are in the user's session")
	}
}
