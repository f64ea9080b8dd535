//go:build system

package system_test

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
)

// TestAHostOverSSH is reached as README says, with all that confines the service.
func TestAHostOverSSH(t *testing.T) {
	const folder = "/etc/systemd/system/kvmmanagerd.service.d"
	kvmmanager := userOf(t, "kvmmanager")
	home := "/var/lib/kvmmanager/.ssh"
	restart := func() {
		run(t, "systemctl", "daemon-reload")
		run(t, "systemctl", "restart", unit)
	}
	t.Cleanup(func() {
		run(t, "rm", "-rf", folder, home, "/root/.ssh")
		run(t, "systemctl", "stop", "ssh.service")
		restart()
	})
	without := as(t, "root").must("/org/kvmmanager", "Manager.AddHost", "over-ssh", "qemu+ssh://root@localhost/system", none())[0].(dbus.ObjectPath)
	eventually(t, "a hint", func() bool {
		return strings.Contains(as(t, "root").get(without, "Host.StateMessage").(string), "remote-hosts.conf")
	})
	as(t, "root").must("/org/kvmmanager", "Manager.RemoveHost", without, none())

	run(t, "install", "-D", "--target-directory="+folder, "/usr/share/doc/kvm-manager/examples/remote-hosts.conf")
	run(t, "install", "-d", "-m", "700", "/root/.ssh", home)
	run(t, "systemctl", "start", "ssh.service")
	run(t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", home+"/id_ed25519")
	run(t, "cp", home+"/id_ed25519.pub", "/root/.ssh/authorized_keys")
	key, err := os.ReadFile("/etc/ssh/ssh_host_ed25519_key.pub")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(home+"/known_hosts", append([]byte("localhost "), key...), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "chown", "-R", fmt.Sprint(kvmmanager.UID), home)
	restart()

	r := record(t)
	host := r.must("/org/kvmmanager", "Manager.AddHost", "over-ssh", "qemu+ssh://root@localhost/system", none())[0].(dbus.ObjectPath)
	t.Cleanup(func() { as(t, "root").must("/org/kvmmanager", "Manager.RemoveHost", host, none()) })
	eventually(t, "the connection", func() bool {
		state, message := r.get(host, "Host.State"), r.get(host, "Host.StateMessage")
		if state != "connected" && message != "" {
			t.Logf("%v: %v", state, message)
		}
		return state == "connected"
	})
}

// TestTheServiceIsConfined by systemd, as it says, and in fact.
func TestTheServiceIsConfined(t *testing.T) {
	pid := as(t, "root").pid()
	t.Run("systemd-analyze is content", func(t *testing.T) {
		const most = 2.5
		report := run(t, "systemd-analyze", "security", "--no-pager", unit)
		match := regexp.MustCompile(`Overall exposure level for \S+: ([0-9.]+)`).FindStringSubmatch(report)
		if match == nil {
			t.Fatalf("no level in\n%s", report)
		}
		if level, err := strconv.ParseFloat(match[1], 64); err != nil || level > most {
			t.Errorf("the exposure level is %s, more than %v:\n%s", match[1], most, report)
		}
	})
	t.Run("the process has no rights of its own", func(t *testing.T) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			t.Fatal(err)
		}
		status := map[string]string{}
		for line := range strings.Lines(string(text)) {
			key, value, _ := strings.Cut(line, ":")
			status[key] = strings.Join(strings.Fields(value), " ")
		}
		const noCapabilities = "0000000000000000"
		uid := fmt.Sprint(userOf(t, "kvmmanager").UID)
		for key, want := range map[string]string{
			"CapInh": noCapabilities, "CapPrm": noCapabilities, "CapEff": noCapabilities, "CapBnd": noCapabilities, "CapAmb": noCapabilities,
			"NoNewPrivs": "1", "Seccomp": "2", "Uid": strings.TrimSpace(strings.Repeat(uid+" ", 4)),
		} {
			if status[key] != want {
				t.Errorf("%s is %s, want %s", key, status[key], want)
			}
		}
	})
	t.Run("it sees no network and cannot write", func(t *testing.T) {
		inside := func(args ...string) error {
			return exec.Command("nsenter", append([]string{"--target", fmt.Sprint(pid), "--mount", "--net", "--setuid", fmt.Sprint(userOf(t, "kvmmanager").UID)}, args...)...).Run()
		}
		for _, args := range [][]string{
			{"touch", "/etc/kvmmanager/written"}, {"touch", "/usr/written"}, {"ls", "/home/alice"}, {"ip", "link", "show", "virbr0"}, {"cat", "/etc/shadow"},
		} {
			if inside(args...) == nil {
				t.Errorf("it can %s", strings.Join(args, " "))
			}
		}
		if err := inside("ls", "/usr"); err != nil {
			t.Errorf("the test tests nothing: %v", err)
		}
	})
	t.Run("only it may own the name", func(t *testing.T) {
		for _, user := range []string{"bob", "alice"} {
			c := as(t, user)
			if _, err := c.conn.RequestName("org.kvmmanager", 0); errorName(err) != "org.freedesktop.DBus.Error.AccessDenied" {
				t.Errorf("%s asks for the name: %v", user, err)
			}
		}
	})
}
