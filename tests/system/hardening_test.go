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
)

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
		uid := fmt.Sprint(userOf(t, "kvmmanager").uid)
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
			return exec.Command("nsenter", append([]string{"--target", fmt.Sprint(pid), "--mount", "--net", "--setuid", fmt.Sprint(userOf(t, "kvmmanager").uid)}, args...)...).Run()
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
