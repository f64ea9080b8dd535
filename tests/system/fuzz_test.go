//go:build system

package system_test

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/dbus"
	"org.kvmmanager/tests/busfuzz"
)

var (
	fuzzSeed     = flag.Uint64("seed", busfuzz.NewSeed(), "seed of the bus fuzzer")
	fuzzDuration = flag.Duration("duration", 15*time.Second, "how long the bus fuzzer runs")
)

// TestHostileCallers has everything called that the installed service offers:
// by bob, who has no rights, and by root, who plays with the host demo only.
// Afterwards the service holds what it held before, and nothing is different
// that was not for them to change.
func TestHostileCallers(t *testing.T) {
	c := as(t, "root")
	before, begin, hosts := settledUsage(t, c), time.Now(), hostsOf(c)
	bob := busfuzz.User{Name: "bob", UID: userOf(t, "bob").UID, Connections: 3}
	root := busfuzz.User{Name: "root", UID: 0, Privileged: true, Connections: 4}

	onLocal, onDemo := definitions(t), vmsOf(c, demo)
	fuzz(t, bob)
	sameLines(t, "local, after bob", onLocal, definitions(t))
	sameLines(t, "demo, after bob", onDemo, vmsOf(c, demo))

	fuzz(t, root, bob)
	sameLines(t, "local, after root played with demo", onLocal, definitions(t))
	for _, host := range hostsOf(c) {
		if !slices.Contains(hosts, host) {
			c.must(api.RootPath, "Manager.RemoveHost", host, none())
		}
	}
	eventually(t, "every job has ended and is forgotten", func() bool { return len(pathsWith(c, api.JobInterface)) == 0 })
	checkUsage(t, c, before)
	said := run(t, "journalctl", "--unit=kvmmanagerd.service", "--priority=err", "--quiet", "--output=cat", fmt.Sprintf("--since=@%d", begin.Unix()))
	if said != "" {
		t.Errorf("the journal says:\n%s", said)
	}
}

// fuzz runs the fuzzer for half of the time, prints what it did, and fails the
// test for what it found.
func fuzz(t *testing.T, users ...busfuzz.User) {
	t.Helper()
	report, err := busfuzz.Run(t.Context(), busfuzz.Options{
		Address: "unix:path=/run/dbus/system_bus_socket", Service: api.BusName, Users: users,
		Hosts: []dbus.ObjectPath{demo}, Seed: *fuzzSeed, Duration: *fuzzDuration / 2,
		Each: []string{"success", "InvalidArgs"},
	})
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	report.Print(&text)
	t.Log(text.String())
	if len(report.Violations) > 0 {
		t.Errorf("%d violations with seed %d", len(report.Violations), report.Seed)
	}
}

// objectsOf is what GetManagedObjects answers.
func objectsOf(c *client) map[dbus.ObjectPath]map[string]map[string]dbus.Variant {
	c.t.Helper()
	return c.must(api.RootPath, "org.freedesktop.DBus.ObjectManager.GetManagedObjects")[0].(map[dbus.ObjectPath]map[string]map[string]dbus.Variant)
}

// pathsWith is the objects with an interface.
func pathsWith(c *client, iface string) []dbus.ObjectPath {
	c.t.Helper()
	var paths []dbus.ObjectPath
	for path, ifaces := range objectsOf(c) {
		if ifaces[iface] != nil {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths
}

func hostsOf(c *client) []dbus.ObjectPath {
	c.t.Helper()
	return pathsWith(c, api.HostInterface)
}

// vmsOf is what a caller could change about the VMs of a host.
func vmsOf(c *client, host dbus.ObjectPath) []string {
	c.t.Helper()
	var lines []string
	for path, ifaces := range objectsOf(c) {
		vm := ifaces[api.VMInterface]
		if vm == nil || vm["Host"].Value() != host {
			continue
		}
		xml := c.must(path, "VM.GetXML", with("inactive", true, "secrets", true))[0]
		lines = append(lines, fmt.Sprint(path, vm["Id"], vm["State"], vm["StateReason"], vm["Autostart"], vm["HasSavedState"], xml))
	}
	slices.Sort(lines)
	return lines
}

// definitions is what libvirt itself says of everything on the host local.
func definitions(t *testing.T) []string {
	t.Helper()
	lines := []string{virsh(t, "list", "--all"), virsh(t, "net-list", "--all"), virsh(t, "pool-list", "--all", "--persistent")}
	for _, vm := range strings.Fields(virsh(t, "list", "--all", "--uuid")) {
		lines = append(lines, virsh(t, "dumpxml", "--security-info", "--inactive", vm))
	}
	for _, network := range strings.Fields(virsh(t, "net-list", "--all", "--uuid")) {
		lines = append(lines, virsh(t, "net-dumpxml", "--inactive", network))
	}
	for _, pool := range strings.Fields(virsh(t, "pool-list", "--uuid")) {
		for _, volume := range strings.Split(virsh(t, "vol-list", pool, "--details"), "\n") {
			words := strings.Fields(volume) // the last two are what it takes, which may change by itself
			lines = append(lines, strings.Join(words[:max(len(words)-2, 0)], " "))
		}
	}
	return lines
}

func sameLines(t *testing.T, what string, before, now []string) {
	t.Helper()
	if !slices.Equal(before, now) {
		t.Errorf("changed: %s\nwas: %q\nis:  %q", what, before, now)
	}
}

// usageOf is what the service holds.
func usageOf(t *testing.T, c *client) busfuzz.Usage {
	t.Helper()
	usage, err := busfuzz.ProcessUsage(c.pid())
	if err != nil {
		t.Fatal(err)
	}
	return usage
}

// settledUsage is what the service holds once earlier tests' jobs are
// forgotten.
func settledUsage(t *testing.T, c *client) busfuzz.Usage {
	t.Helper()
	eventually(t, "no job is left of earlier tests", func() bool { return len(pathsWith(c, api.JobInterface)) == 0 })
	return usageOf(t, c)
}

// checkUsage checks that the service holds no more than before, but for
// threads that libvirt and Go keep, and memory that Go gives back slowly.
func checkUsage(t *testing.T, c *client, before busfuzz.Usage) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	may := busfuzz.Growth{Descriptors: 4, Threads: 24, Bytes: 48 << 20}
	err := busfuzz.Settle(ctx, before, may, func() (busfuzz.Usage, error) { return usageOf(t, c), nil })
	if err != nil {
		t.Error(err)
	}
	t.Logf("before: %s; afterwards: %s", before, usageOf(t, c))
}
