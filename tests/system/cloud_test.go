//go:build system

package system_test

import (
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

const (
	// cloudImage is made by ./dev test, of tests/system/cloud.
	cloudImage = "/var/cache/cloud/image.qcow2"
	// cloudPatience is how long an emulated Debian may need to come up: the
	// whole of systemd, and Python several times.
	cloudPatience = 10 * time.Minute
)

// TestACloudImageBecomesASystemToLogInTo goes all the way: a Debian with
// cloud-init and QEMU's agent.
func TestACloudImageBecomesASystemToLogInTo(t *testing.T) {
	useTiny(t)
	root := as(t, "root")
	const password = `a long "secret" & <more>`
	start := time.Now()
	vm := makes(root, "debian-cloud", with("memory", uint64(512<<20), "vcpus", uint32(2), "disk-size", uint64(3<<30),
		"source", with("kind", "cloud", "fd", opened(t, cloudImage)),
		"cloud-init", with("user", "ada", "password", password, "host-name", "cumulus")))
	guest := consoleOf(root, vm)
	guest.patience = cloudPatience
	guest.expect("cumulus login:")
	t.Logf("it asks who is there after %.0f s", time.Since(start).Seconds())
	logIn(guest, "ada", password)
	guest.run("id -un; hostname; sudo -n id -un", "root")
	t.Logf("ada is in after %.0f s", time.Since(start).Seconds())

	t.Log("its agent tells about it")
	var info map[string]dbus.Variant
	eventually(t, "the agent answers", func() bool {
		call := root.call(vm, "VM.Guest.GetInfo", none())
		if call.Err == nil {
			info = call.Body[0].(map[string]dbus.Variant)
		}
		return call.Err == nil
	})
	if name, _ := info["os-name"].Value().(string); !strings.HasPrefix(name, "Debian") || info["hostname"].Value() != "cumulus" {
		t.Errorf("the guest says %v", info)
	}
	eventually(t, "its address is shown", func() bool {
		addresses := root.get(vm, "VM.IPAddresses").([]string)
		return len(addresses) > 0 && strings.HasPrefix(addresses[0], "192.168.122.")
	})
	if !hasLargeRoot(info) {
		t.Errorf("its disk has not grown: %v", info["filesystems"])
	}
}

// logIn tries until the user is there: the prompt may come before cloud-init has
// made the user.
func logIn(guest *console, user, password string) {
	guest.t.Helper()
	for deadline := time.Now().Add(cloudPatience); ; {
		guest.write(user + "\n")
		guest.expect("Password:")
		guest.write(password + "\n")
		if guest.either("ogin incorrect", user+"@") == 1 {
			return
		}
		if time.Now().After(deadline) {
			guest.t.Fatal("nobody can log in")
		}
		guest.expect("login:")
	}
}

// hasLargeRoot says whether the root is larger than the image was.
func hasLargeRoot(info map[string]dbus.Variant) bool {
	list, _ := info["filesystems"].Value().([]map[string]dbus.Variant)
	for _, f := range list {
		if f["mount-point"].Value() == "/" {
			total, _ := f["total"].Value().(uint64)
			return total > 2<<30
		}
	}
	return false
}
