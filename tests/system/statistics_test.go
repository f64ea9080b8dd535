//go:build system

package system_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// TestStatistics subscribes to a VM that works and one that does not.
func TestStatistics(t *testing.T) {
	useTiny(t)
	r := record(t)
	r.must(tiny, "VM.Start", wait())
	guest := openConsole(t, r.client)
	guest.expect("tiny: ready")
	guest.run("(while :; do :; done) & echo bu''sy", "busy")
	r.mark()
	r.must("/org/kvmmanager", "Manager.SubscribeStatistics", uint32(500), none())
	busy := r.until(patience, "sample of a busy VM", func(s *dbus.Signal) bool {
		percent, _ := sampleOf(s, tiny)["cpu-percent"].Value().(float64)
		return percent > 20 && percent <= 100
	})
	if busy.Path != local {
		t.Errorf("%s tells of tiny", busy.Path)
	}
	if at := time.UnixMicro(int64(busy.Body[0].(uint64))); time.Since(at) > patience || time.Since(at) < 0 {
		t.Errorf("it was taken at %v", at)
	}
	checkKeys(t, sampleOf(busy, tiny))
	checkDevices(t, r, sampleOf(busy, tiny))
	if resident := sampleOf(busy, tiny)["memory-resident"].Value().(uint64); resident < 16<<20 || resident > 2<<30 {
		t.Errorf("its process holds %d bytes", resident)
	}
	host := sampleOf(busy, local)
	if percent, ok := host["cpu-percent"].Value().(float64); !ok || percent <= 0 || percent > 100 {
		t.Errorf("the host's CPU is at %v", host["cpu-percent"])
	}
	if used, ok := host["memory-used"].Value().(uint64); !ok || used == 0 || used > r.get(local, "Host.MemoryTotal").(uint64) {
		t.Errorf("the host uses %v bytes", host["memory-used"])
	}
	t.Log("one message a tick for each host")
	next := r.next(func(s *dbus.Signal) bool { return sampleOf(s, local) != nil })
	again := r.next(func(s *dbus.Signal) bool { return sampleOf(s, local) != nil })
	if apart := time.Duration(again.Body[0].(uint64)-next.Body[0].(uint64)) * time.Microsecond; apart < 400*time.Millisecond || apart > 5*time.Second {
		t.Errorf("two samples are %v apart", apart)
	}

	t.Log("when nobody wants to know, the service rests")
	r.must("/org/kvmmanager", "Manager.UnsubscribeStatistics", none())
	rests(t, r)
	t.Log("nor when the one who did has left")
	other := as(t, "bob")
	signals := make(chan *dbus.Signal, 64)
	other.conn.Signal(signals)
	other.must("/org/kvmmanager", "Manager.SubscribeStatistics", uint32(1), none())
	eventually(t, "a sample comes", func() bool {
		select {
		case s := <-signals:
			return sampleOf(s, local) != nil
		default:
			return false
		}
	})
	other.conn.Close()
	rests(t, r)
}

// sampleOf is the sample of an object in a signal; nil for another signal.
func sampleOf(s *dbus.Signal, path dbus.ObjectPath) map[string]dbus.Variant {
	if s.Name != "org.kvmmanager.Host.StatisticsSampled" {
		return nil
	}
	return s.Body[1].(map[dbus.ObjectPath]map[string]dbus.Variant)[path]
}

// next waits for a signal that comes from now on.
func (r *recorder) next(is func(*dbus.Signal) bool) *dbus.Signal {
	r.t.Helper()
	r.mark()
	return r.until(patience, "signal", is)
}

// checkKeys compares a sample with the documented keys. What is not known is left
// out.
func checkKeys(t *testing.T, sample map[string]dbus.Variant) {
	t.Helper()
	known := map[string]string{}
	for _, i := range documented(t) {
		for _, s := range i.Signals {
			if s.Name == "StatisticsSampled" {
				for _, key := range s.Args[1].Keys {
					known[key.Name] = key.Type
				}
			}
		}
	}
	if len(known) < 10 {
		t.Fatalf("these keys are documented: %v", known)
	}
	for key, value := range sample {
		if known[key] != value.Signature().String() {
			t.Errorf("%s has the type %s, documented is %q", key, value.Signature(), known[key])
		}
	}
}

// checkDevices compares the records of disks and interfaces with the VM's own, and
// with virsh.
func checkDevices(t *testing.T, r *recorder, sample map[string]dbus.Variant) {
	t.Helper()
	disks, _ := sample["disks"].Value().([]map[string]dbus.Variant)
	interfaces, _ := sample["interfaces"].Value().([]map[string]dbus.Variant)
	if len(disks) != 1 || disks[0]["id"].Value() != "disk-vda" || disks[0]["read-bytes"].Value().(uint64) == 0 ||
		disks[0]["read-bytes"].Value() != sample["disk-read-bytes"].Value() {
		t.Errorf("the disks are %v of %v", disks, sample["disk-read-bytes"])
	}
	if len(interfaces) != 1 || interfaces[0]["id"].Value() != "interface-52:54:00:6b:6d:01" ||
		interfaces[0]["tx-bytes"].Value() != sample["net-tx-bytes"].Value() {
		t.Errorf("the interfaces are %v", interfaces)
	}
	before := sample["cpu-time"].Value().(uint64)
	once := r.must(local, "Host.GetStatistics", none())[1].(map[dbus.ObjectPath]map[string]dbus.Variant)[tiny]
	virsh := domstat(t, "--cpu-total", "cpu.time")
	if now := once["cpu-time"].Value().(uint64); now < before || now > virsh {
		t.Errorf("cpu-time went from %d to %d, and virsh says %d", before, now, virsh)
	}
}

// domstat is a number that virsh tells of tiny.
func domstat(t *testing.T, group, key string) uint64 {
	t.Helper()
	for _, line := range strings.Split(run(t, "virsh", "domstats", group, "tiny"), "\n") {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), key+"="); ok {
			n, err := strconv.ParseUint(value, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("virsh tells no %s", key)
	return 0
}

// rests looks whether the service uses no CPU for a while, and sends nothing.
// It may have a tick to finish first.
func rests(t *testing.T, r *recorder) {
	t.Helper()
	const quiet = 2 * time.Second
	eventually(t, "the service rests", func() bool {
		r.mark()
		before := cpuTime(t, r.pid())
		<-time.After(quiet) // what must not happen cannot be waited for otherwise
		used := cpuTime(t, r.pid()) - before
		for len(r.incoming) > 0 {
			if s := <-r.incoming; sampleOf(s, local) != nil {
				return false
			}
		}
		return used <= 20*time.Millisecond
	})
}

// cpuTime is what a process has used so far, in steps of 10 ms.
func cpuTime(t *testing.T, pid int) time.Duration {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), ") ")
	words := strings.Fields(after)
	var ticks int
	for _, n := range []int{11, 12} {
		v, err := strconv.Atoi(words[n])
		if err != nil {
			t.Fatal(err)
		}
		ticks += v
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
