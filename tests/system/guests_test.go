//go:build system

package system_test

import (
	"encoding/xml"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
)

const tinyUUID = "6b6d6d74-0000-4000-8000-000000000001"

// tiny is the path of the VM with a real guest.
var tiny = vmPath(tinyUUID)

// run runs a program that has to succeed, and gives what it prints.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// asUser runs a program as another user, with the user's groups.
func asUser(name string, args ...string) *exec.Cmd {
	return exec.Command("runuser", append([]string{"-u", name, "--"}, args...)...)
}

// useTiny promises that tiny is off now, and off and as it was in the end.
func useTiny(t *testing.T) {
	t.Helper()
	if state := virsh(t, "domstate", "tiny"); state != "shut off" {
		t.Fatalf("an earlier test left tiny %s", state)
	}
	definition := virsh(t, "dumpxml", "--inactive", "tiny")
	t.Cleanup(func() {
		_, _ = tryVirsh("destroy", tinyUUID)
		_, _ = tryVirsh("managedsave-remove", tinyUUID)
		if name, err := tryVirsh("domname", tinyUUID); err == nil && name != "tiny" {
			virsh(t, "domrename", tinyUUID, "tiny")
		}
		define(t, definition)
		virsh(t, "autostart", "--disable", "tiny")
	})
}

// define gives libvirt a definition.
func define(t *testing.T, definition string) {
	t.Helper()
	virsh(t, "define", tempFile(t, "domain.xml", definition))
}

func tempFile(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// vmXML is a VM without disks, which does nothing when it runs. The parts go
// where libvirt expects them.
type vmXML struct {
	Name, UUID    string
	Metadata      string // elements before memory
	OS, Features  string // inside of os and features
	Devices       string
	MemoryMiB     int // 0: 64
	VCPUs, Online int // 0: 1
}

func (v vmXML) String() string {
	if v.MemoryMiB == 0 {
		v.MemoryMiB = 64
	}
	if v.VCPUs == 0 {
		v.VCPUs = 1
	}
	if v.Online == 0 {
		v.Online = v.VCPUs
	}
	uuid := ""
	if v.UUID != "" {
		uuid = "<uuid>" + v.UUID + "</uuid>"
	}
	if v.OS == "" {
		v.OS = "<type arch='x86_64' machine='q35'>hvm</type>"
	}
	return fmt.Sprintf(`<domain type='qemu'>
  <name>%s</name>%s%s
  <memory unit='MiB'>%d</memory>
  <vcpu current='%d'>%d</vcpu>
  <os>%s</os>
  <features><acpi/>%s</features>
  <devices>%s</devices>
</domain>`, escape(v.Name), uuid, v.Metadata, v.MemoryMiB, v.Online, v.VCPUs, v.OS, v.Features, v.Devices)
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder does not fail
	return b.String()
}

// make defines a VM with another tool, waits until the service has it, and
// removes it in the end.
func (v vmXML) make(t *testing.T, c *client) dbus.ObjectPath {
	t.Helper()
	define(t, v.String())
	uuid := virsh(t, "domuuid", v.Name)
	forget(t, uuid)
	path := vmPath(uuid)
	eventually(t, v.Name+" is shown", func() bool {
		return c.call(path, properties+"Get", "org.kvmmanager.VM", "UUID").Err == nil
	})
	return path
}

// forget removes a VM in the end, whatever became of it, and waits until the
// service has seen that.
func forget(t *testing.T, uuid string) {
	t.Cleanup(func() {
		_, _ = tryVirsh("destroy", uuid)
		_, _ = tryVirsh("undefine", uuid, "--managed-save", "--nvram", "--snapshots-metadata")
		if out, err := tryVirsh("domname", uuid); err == nil {
			t.Errorf("the VM %s is left behind", out)
		}
		c := as(t, "root")
		eventually(t, "the VM is gone", func() bool {
			return errorName(c.call(local, "Host.FindVM", uuid, none()).Err) != ""
		})
	})
}
