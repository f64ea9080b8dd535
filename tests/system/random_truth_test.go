//go:build system

package system_test

import (
	"encoding/xml"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"

	"org.kvmmanager/dbus"
)

// newWild gives the pools a small disk of their own.
func newWild(t *testing.T, seed uint64) *wild {
	t.Helper()
	w := &wild{t: t, c: as(t, "root"), rand: rand.New(rand.NewPCG(seed, 0)), loose: map[string]bool{}, some: filepath.Join(t.TempDir(), "some")}
	content := make([]byte, 1<<20)
	for i := range content {
		content[i] = byte(w.rand.Uint32())
	}
	if err := os.WriteFile(w.some, content, 0o600); err != nil {
		t.Fatal(err)
	}
	w.ownDisk()
	t.Cleanup(func() { w.removeAll() })
	w.settle()
	return w
}

// removeAll is for a test that failed.
func (w *wild) removeAll() {
	for _, name := range names {
		_, _ = tryVirsh("destroy", name)
		_, _ = tryVirsh("undefine", name, "--nvram", "--managed-save", "--snapshots-metadata")
	}
}

// definition is the part of libvirt's XML that is compared.
type definition struct {
	UUID     string     `xml:"uuid"`
	Title    string     `xml:"title"`
	Memory   string     `xml:"currentMemory"`
	Metadata string     `xml:",innerxml"`
	Disks    []struct { // of any kind
		Source struct {
			File string `xml:"file,attr"`
		} `xml:"source"`
	} `xml:"devices>disk"`
	RNGs []struct{} `xml:"devices>rng"`
}

// truth is what libvirt says.
func (w *wild) truth() world {
	w.t.Helper()
	all := world{}
	active := strings.Split(virsh(w.t, "list", "--name"), "\n")
	for _, name := range strings.Split(virsh(w.t, "list", "--all", "--name"), "\n") {
		if !slices.Contains(names, name) {
			continue
		}
		text, err := tryVirsh("dumpxml", "--inactive", name)
		if err != nil {
			continue // it has just gone
		}
		var d definition
		if err := xml.Unmarshal([]byte(text), &d); err != nil {
			w.t.Fatal(err)
		}
		vm := vmNow{
			uuid: d.UUID, running: slices.Contains(active, name), title: d.Title, memory: d.Memory, devices: len(d.RNGs),
			template: strings.Contains(d.Metadata, "kvmmanager.org/xmlns/") && strings.Contains(d.Metadata, "template"),
		}
		for _, disk := range d.Disks {
			if disk.Source.File != "" {
				vm.volumes = append(vm.volumes, volumeAt(disk.Source.File))
			}
		}
		slices.Sort(vm.volumes)
		all[name] = vm
	}
	return all
}

// same compares, but for the UUIDs of VMs that were not there yet.
func same(a, b world) bool {
	if len(a) != len(b) {
		return false
	}
	for name, vm := range a {
		other, there := b[name]
		if vm.uuid == "" || other.uuid == "" {
			vm.uuid, other.uuid = "", ""
		}
		if !there || !reflect.DeepEqual(vm, other) {
			return false
		}
	}
	return true
}

// judge looks whether the world is as it was, or as it was to become.
func (w *wild) judge(line string, before world, o operation, f fault, r outcome) {
	w.t.Helper()
	if o.sure && r == refused && f.name == harmless {
		w.t.Errorf("%s, without a reason", line)
	}
	after := before.clone()
	o.after(after)
	if r == unknown {
		w.quiet()
	}
	var now world
	err := within(patience, func() bool {
		now = w.truth()
		switch r {
		case succeeded:
			return same(now, after)
		case refused:
			return same(now, before)
		default:
			return same(now, before) || same(now, after) || o.also != nil && o.also(now)
		}
	})
	if err != nil {
		w.t.Errorf("%s:\nit was %v,\nwas to be %v,\nand is %v", line, before, after, now)
	}
	if _, there := now[o.about]; !there {
		for _, volume := range o.loosens {
			w.loose[volume] = true
		}
	}
	if o.clears != "" {
		w.cleared(line, o.clears, r)
	}
	if o.moves != "" {
		w.movedAway(line, now, o, f, r)
	}
	w.agrees(line)
}

// cleared looks whether a volume has gone, or is still there.
func (w *wild) cleared(line, name string, r outcome) {
	w.t.Helper()
	_, err := os.Lstat(placeOf(name))
	switch {
	case r == succeeded && err == nil:
		w.t.Errorf("%s: %q is still there", line, name)
	case r == refused && err != nil:
		w.t.Errorf("%s: %q is gone", line, name)
	case err != nil:
		delete(w.loose, name)
	}
}

// quiet waits until libvirt has ended what nobody waits for any more.
func (w *wild) quiet() {
	w.t.Helper()
	var last world
	since := time.Now()
	eventually(w.t, "libvirt is done", func() bool {
		now := w.truth()
		if !same(now, last) {
			last, since = now, time.Now()
		}
		return time.Since(since) > time.Second
	})
}

// agrees checks that the disk has the volumes of the VMs and no others, and that
// the service shows the VMs that libvirt has.
func (w *wild) agrees(line string) {
	w.t.Helper()
	var wrong string
	err := within(patience, func() bool {
		wrong = w.disagreement()
		return wrong == ""
	})
	if err != nil {
		w.t.Errorf("%s: %s", line, wrong)
	}
}

func (w *wild) disagreement() string {
	now, bases := w.truth(), w.bases()
	used := map[string]bool{"tiny.qcow2": true}
	for _, vm := range now {
		for _, volume := range vm.volumes {
			used[volume] = true
		}
	}
	there := map[string]bool{}
	for _, name := range w.volumes() {
		there[name] = true
		if !used[name] && !bases[name] && !w.loose[name] {
			return fmt.Sprintf("the volume %q is left", name)
		}
	}
	for name := range used {
		if !there[name] {
			return fmt.Sprintf("the volume %q is not there", name)
		}
	}
	if n := unfinished(); n > 0 {
		return fmt.Sprintf("%d things are unfinished", n)
	}
	if pools := virsh(w.t, "pool-list", "--all", "--name"); strings.Contains(pools, "scratch") {
		return fmt.Sprintf("a pool of a moment is left: %q", pools)
	}
	return w.untrue(now)
}

// untrue is what the service shows otherwise than it is.
func (w *wild) untrue(now world) string {
	call := w.c.call(api.RootPath, "org.freedesktop.DBus.ObjectManager.GetManagedObjects")
	if call.Err != nil {
		return call.Err.Error()
	}
	shown := 0
	for _, ifaces := range call.Body[0].(map[dbus.ObjectPath]map[string]map[string]dbus.Variant) {
		vm := ifaces[api.VMInterface]
		if vm == nil || vm["Host"].Value() != localHost {
			continue
		}
		name := vm["Name"].Value().(string)
		if !slices.Contains(names, name) {
			continue
		}
		shown++
		is, there := now[name]
		switch off := vm["State"].Value() == "shut-off"; {
		case !there:
			return fmt.Sprintf("%q is shown", name)
		case off == is.running, vm["Title"].Value() != is.title, vm["UUID"].Value() != is.uuid, vm["Template"].Value() != is.template:
			return fmt.Sprintf("%q is shown as %v, %v; it is %+v", name, vm["State"], vm["Title"], is)
		}
	}
	if shown != len(now) {
		return fmt.Sprintf("%d VMs are shown of %d", shown, len(now))
	}
	return ""
}

// bases is the volumes that others are made of.
func (w *wild) bases() map[string]bool {
	found := map[string]bool{}
	for _, name := range w.volumes() {
		if !strings.HasSuffix(name, ".qcow2") {
			continue
		}
		var info struct {
			Backing struct {
				Path string `xml:"path"`
			} `xml:"backingStore"`
		}
		text, err := tryVirsh("vol-dumpxml", placeOf(name))
		if err == nil && xml.Unmarshal([]byte(text), &info) == nil && info.Backing.Path != "" {
			found[volumeAt(info.Backing.Path)] = true
		}
	}
	return found
}

// settle waits until the service is there, and libvirt as well.
func (w *wild) settle() {
	w.t.Helper()
	eventually(w.t, "the host is connected", func() bool {
		call := w.c.call(localHost, properties+"Get", "org.kvmmanager.Host", "State")
		return call.Err == nil && call.Body[0].(dbus.Variant).Value() == "connected"
	})
}

// finish deletes everything, and looks that nothing is left anywhere.
func (w *wild) finish() {
	w.t.Helper()
	for { // those that others are made of come last
		now := w.truth()
		if len(now) == 0 {
			break
		}
		for _, vm := range now {
			if vm.running {
				w.c.must(vmPath(vm.uuid), "VM.PowerOff", wait())
			}
			w.c.must(vmPath(vm.uuid), "VM.Delete", with("wait", true, "delete-storage", []string{"*"}))
		}
	}
	for _, name := range w.volumes() {
		if name != "tiny.qcow2" {
			w.loose[name] = true
			virsh(w.t, "vol-delete", placeOf(name))
		}
	}
	w.agrees("in the end")
	eventually(w.t, "no job is left", func() bool { return len(pathsWith(w.c, api.JobInterface)) == 0 })
	for _, folder := range []string{"/var/lib/libvirt/qemu/save", "/var/lib/libvirt/qemu/nvram", "/etc/libvirt/qemu"} {
		entries, _ := os.ReadDir(folder) // some are made when they are needed
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), "wild") {
				w.t.Errorf("%s has %s", folder, e.Name())
			}
		}
	}
	if leases := virsh(w.t, "net-dhcp-leases", "default"); strings.Contains(leases, "wild") {
		w.t.Errorf("there are leases:\n%s", leases)
	}
}

// fault is something that goes wrong during an operation.
type fault struct {
	name    string
	delay   time.Duration
	before  func() // the operation
	strike  func() // after the delay
	after   func() // the operation
	cancels bool   // the operation's job
	certain bool   // it strikes even when the operation has ended
}

const (
	// roomy is how large the disk of the pools is.
	roomy = "128m"
	// harmless is the name of no fault at all.
	harmless = "nothing wrong"
	// withoutLibvirt is the name of the fault that keeps the service from seeing
	// an operation through.
	withoutLibvirt = "libvirtd killed"
)

func (w *wild) chooseFault(o operation) fault {
	delay := time.Duration(w.rand.IntN(300)) * time.Millisecond
	switch w.rand.IntN(14) {
	case 0:
		return fault{name: "the service killed", delay: delay, strike: func() { w.killService() }, certain: true}
	case 1:
		return fault{name: withoutLibvirt, delay: delay, strike: killLibvirtd, certain: true}
	case 2:
		return fault{name: "a full disk", before: w.fill, after: func() { w.resize(roomy) }}
	case 3, 4:
		if o.job {
			return fault{name: "a cancelled job", delay: delay / 3, cancels: true}
		}
	}
	return fault{name: harmless}
}

func (w *wild) killService() {
	var pid uint32
	if w.c.conn.BusObject().Call("org.freedesktop.DBus.GetConnectionUnixProcessID", 0, api.BusName).Store(&pid) == nil {
		_ = unix.Kill(int(pid), unix.SIGKILL)
	}
}

// killLibvirtd leaves its guests alone, and tells systemd not to mind.
func killLibvirtd() {
	_ = exec.Command("systemctl", "reset-failed", "libvirtd.service").Run()
	_ = exec.Command("systemctl", "kill", "--signal=KILL", "--kill-whom=main", "libvirtd.service").Run()
}

// fill leaves the pools' disk next to no room.
func (w *wild) fill() {
	var s unix.Statfs_t
	if err := unix.Statfs(wildDisk, &s); err != nil {
		w.t.Fatal(err)
	}
	w.resize(fmt.Sprint((s.Blocks - s.Bfree + 16) * uint64(s.Bsize)))
}

func (w *wild) resize(size string) {
	if err := unix.Mount("wild", wildDisk, "tmpfs", unix.MS_REMOUNT, "size="+size); err != nil {
		w.t.Errorf("cannot change the size of the disk: %v", err)
	}
}
