//go:build system

package system_test

import (
	"bufio"
	"bytes"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestTheSystemIsUpAndWhole(t *testing.T) {
	for name, c := range map[string]struct {
		command string
		want    string
	}{
		"systemd has no failed unit":         {"systemctl is-system-running", "running"},
		"the network default is active":      {"virsh --quiet net-list --name", "default"},
		"the network default starts by boot": {"virsh --quiet net-list --autostart --name", "default"},
		"the pool default is active":         {"virsh --quiet pool-list --name", "default"},
		"the VM tiny is defined":             {"virsh --quiet list --all --name", "tiny"},
		"the service is the installed one":   {"systemctl show --property=FragmentPath kvmmanagerd", "FragmentPath=/usr/lib/systemd/system/kvmmanagerd.service"},
	} {
		t.Run(name, func(t *testing.T) {
			args := strings.Fields(c.command)
			if got := strings.TrimSpace(run(t, args[0], args[1:]...)); got != c.want {
				t.Errorf("%s says %q, not %q", c.command, got, c.want)
			}
		})
	}
}

func TestEveryInterfaceIsInstalled(t *testing.T) {
	described, err := filepath.Glob("../../dbus/*.xml")
	if err != nil || len(described) == 0 {
		t.Fatalf("no interfaces are described: %v", err)
	}
	for _, file := range described {
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join("/usr/share/dbus-1/interfaces", filepath.Base(file)))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not installed as it is: %v", filepath.Base(file), err)
		}
	}
}

func TestUsersAndTheirGroups(t *testing.T) {
	for name, want := range map[string][]string{
		"alice":      {"alice", "libvirt"},
		"bob":        {"bob"},
		"kvmmanager": {"kvmmanager", "libvirt", "libvirt-qemu"},
	} {
		t.Run(name, func(t *testing.T) {
			u, err := user.Lookup(name)
			if err != nil {
				t.Fatal(err)
			}
			if got := groupNames(t, u); !slices.Equal(got, want) {
				t.Errorf("%s is in %v, not %v", name, got, want)
			}
		})
	}
}

func groupNames(t *testing.T, u *user.User) []string {
	t.Helper()
	ids, err := u.GroupIds()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, id := range ids {
		group, err := user.LookupGroupId(id)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, group.Name)
	}
	slices.Sort(names)
	return names
}

// The guest says so on its serial console when it is up, and it listens to the
// power button.
func TestTheGuestOfTinyBootsAndShutsDown(t *testing.T) {
	virsh(t, "start", "tiny")
	t.Cleanup(func() { _, _ = tryVirsh("destroy", "tiny") })
	awaitLine(t, virsh(t, "ttyconsole", "tiny"), "tiny: ready")
	virsh(t, "shutdown", "tiny")
	eventually(t, "tiny is off", func() bool { return virsh(t, "domstate", "tiny") == "shut off" })
}

// awaitLine waits until a terminal prints a line.
func awaitLine(t *testing.T, terminal, want string) {
	t.Helper()
	console, err := os.Open(terminal)
	if err != nil {
		t.Fatal(err)
	}
	seen := make(chan bool, 1)
	go func() {
		defer console.Close()
		lines := bufio.NewScanner(console)
		for lines.Scan() {
			if strings.TrimSpace(lines.Text()) == want {
				seen <- true
				return
			}
		}
		seen <- false
	}()
	select {
	case found := <-seen:
		if !found {
			t.Fatalf("%s ended before it said %q", terminal, want)
		}
	case <-time.After(guestPatience):
		t.Fatalf("%s did not say %q in %v", terminal, want, guestPatience)
	}
}
