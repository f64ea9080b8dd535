//go:build system

package attacks

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/dbus"
	"org.kvmmanager/dbus/apidoc"
	"org.kvmmanager/internal/domainxml/build"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/tests/system/caller"
)

// wayOut is the path of the victim, from any folder of libvirt's.
const wayOut = "../../../../../../../../etc/victim"

// hostileTexts are texts that mean something to what they may come into: a path, a
// list with commas, a line of a configuration file, a format, XML, a shell,
// options of a program, and whatever shows them. "evil" is in what they would add.
var hostileTexts = []string{
	wayOut, "/etc/victim", "a/" + wayOut, "..", ".", "x/evil",
	"x,evil=1", "x,,evil=1", "x,file=/etc/victim", "x=evil", "x:evil", "json:{\"evil\":1}", "nbd:unix:/etc/victim", "fd:5",
	"x\nevil=1\n", "x\r\nevil=1", "x\tevil", "%s%n%d", "virbr%d", "x%2fevil",
	`x"><evil/>`, `x'/><evil/>`, "&evil;", "]]><evil/>", "<!--evil",
	"-evil", "--evil", "$(touch /etc/evil)", "`touch /etc/evil`", "; touch /etc/evil #", "x\\evil", "*", "{evil,x}", "[a-z]evil", "~root", "#evil",
	" evil ", strings.Repeat("evil", 80), strings.Repeat("evil", 1200),
	"\u202elive", "x\u200bevil", "x\ufdd0evil", "x\U000e0001evil", "ëvil", "x\u00a0evil",
}

// worst are one of each kind of them, for places where each try takes its time.
var worst = []string{
	wayOut, "/etc/victim", "x,evil=1", "x\nevil=1\n", "%s%n%d", `x"><evil/>`, "-evil", "x:evil", "{evil,x}", " evil ", "x\ufdd0evil", strings.Repeat("evil", 1200),
}

// sample is a text that a place takes as well as not, for what comes beside it.
const sample = "evilsample"

// libvirtPlaces are the folders in which libvirt, its helpers and the service
// make files.
var libvirtPlaces = []string{
	"/etc/libvirt", "/var/lib/libvirt", "/run/libvirt", "/var/log/libvirt", "/var/cache/libvirt", "/var/lib/swtpm-localca", "/var/log/swtpm", "/run/kvmmanager",
	"/var/lib/kvmmanager", "/var/lib/private", "/var/log/journal", "/run/log", "/run/systemd", "/run/udev", "/run/user", "/run/dbus", "/run/utmp", "/run/qemu", "/tmp", "/var/tmp", "/run/virtlogd.pid",
	"/var/lib/systemd", "/run/initctl", "/run/shm", "/etc/mtab", "/run/mount", "/var/cache/go", "/root/.cache", "/run/lock", "/run/sudo", "/var/log/lastlog", "/var/log/wtmp", "/var/log/btmp",
	"/var/lib/dnsmasq", "/run/machine-id", "/run/host", "/run/agetty.reload", "/run/blkid", "/run/lvm", "/run/cryptsetup", "/run/ttydefaults", "/var/lib/dbus", "/var/lib/attacks",
}

// hostFiles lists every file of the host outside of libvirtPlaces, with what only
// a change of it changes.
func hostFiles(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, root := range []string{"/etc", "/var", "/run", "/root", "/home", "/srv", "/opt", "/mnt", "/usr/local", "/boot"} {
		_ = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return nil // it has gone
			}
			if slices.Contains(libvirtPlaces, path) {
				if entry.IsDir() {
					return filepath.SkipDir
				}
				return nil
			}
			info, err := entry.Info()
			if err != nil {
				return nil
			}
			stat := info.Sys().(*syscall.Stat_t)
			files[path] = fmt.Sprintf("%v %d:%d", info.Mode(), stat.Uid, stat.Gid)
			if !entry.IsDir() {
				files[path] += fmt.Sprintf(" inode %d, %d bytes of %v", stat.Ino, info.Size(), info.ModTime())
			}
			return nil
		})
	}
	return files
}

// hostKept returns a function that looks whether the host has the files that it
// has now, and no others.
func hostKept(t *testing.T) func() {
	t.Helper()
	before := hostFiles(t)
	return func() {
		t.Helper()
		after := hostFiles(t)
		for path, mark := range after {
			if was, there := before[path]; !there {
				t.Errorf("there is a new file: %s (%s)", path, mark)
			} else if was != mark {
				t.Errorf("%s has changed: %s, before %s", path, mark, was)
			}
		}
		for path := range before {
			if _, there := after[path]; !there {
				t.Errorf("%s is gone", path)
			}
		}
	}
}

// TestAChannelIsNoPath: a channel's name becomes that of a socket, which libvirtd
// makes as root, where another file was.
func TestAChannelIsNoPath(t *testing.T) {
	mallory := as(t, "mallory")
	secret := newVictim(t, "/etc/victim")
	vm := vmOf(mallory, "dev-channel", nil)
	kept := hostKept(t)
	for _, name := range hostileTexts {
		mallory.Refused("InvalidArgument", vm, "VM.AddDevice", with("kind", "channel", "type", "unix", "name", name), none())
		secret.untouched("after the name " + model.Printable(name))
	}
	mallory.Must(vm, "VM.AddDevice", with("kind", "channel", "type", "unix", "name", "org.kvmmanager.test-1_a"), none())
	mallory.Must(vm, "VM.Start", wait())
	secret.untouched("after Start")
	mallory.Must(vm, "VM.PowerOff", wait())
	kept()
}

// walk tries hostile texts in one place after the other.
type walk struct {
	*caller.Caller
	secret  *victim
	had     map[string][]string // what there was of each kind of libvirt's objects
	tried   int
	refused int
	taken   map[string][]string // the texts that were, by place
}

var lists = map[string][]string{
	"domain": {"list", "--all", "--name"}, "net": {"net-list", "--all", "--name"}, "pool": {"pool-list", "--all", "--name"},
}

func names(t *testing.T, kind string) []string {
	return strings.Split(strings.TrimSpace(virsh(t, lists[kind]...)), "\n")
}

func newWalk(t *testing.T) *walk {
	w := &walk{Caller: as(t, "root"), secret: newVictim(t, "/etc/victim"), had: map[string][]string{}, taken: map[string][]string{}}
	for kind := range lists {
		w.had[kind] = names(t, kind)
	}
	return w
}

// clean removes the VMs, networks and pools that the walk has made.
func (w *walk) clean() {
	for _, vm := range names(w.T, "domain") {
		if vm != "" && !slices.Contains(w.had["domain"], vm) {
			_, _ = tryVirsh("destroy", "--domain", vm)
			if out, err := tryVirsh("undefine", "--domain", vm, "--nvram", "--managed-save", "--snapshots-metadata"); err != nil {
				w.T.Errorf("the VM %q stays: %s", vm, out)
			}
		}
	}
	for _, kind := range []string{"net", "pool"} {
		for _, name := range names(w.T, kind) {
			if name != "" && !slices.Contains(w.had[kind], name) {
				_, _ = tryVirsh(kind+"-destroy", "--"+map[string]string{"net": "network", "pool": "pool"}[kind], name)
				if out, err := tryVirsh(kind+"-undefine", "--"+map[string]string{"net": "network", "pool": "pool"}[kind], name); err != nil {
					w.T.Errorf("%s %q stays: %s", kind, name, out)
				}
			}
		}
	}
}

// try tries texts in a place. vm, if there is one, is what they go into.
func (w *walk) try(place, vm string, list []string, call func(text string) *dbus.Call) {
	w.T.Helper()
	for _, text := range list {
		w.tried++
		err := call(text).Err
		w.secret.untouched(place + " with " + model.Printable(text))
		if err != nil {
			w.refused++
			message := err.Error()
			if caller.ErrorName(err) == "org.kvmmanager.Error.Internal" || strings.Contains(caller.ErrorName(err), "Disconnected") || strings.Contains(caller.ErrorName(err), "NoReply") {
				w.T.Errorf("%s, %q: %v", place, text, err)
			}
			if model.CleanLines(message) != message {
				w.T.Errorf("%s, %q: the error says %q", place, text, message)
			}
			if strings.Contains(message, "cannot be given") || strings.Contains(message, "cannot be changed") {
				return // it is no key there
			}
			continue
		}
		w.taken[place] = append(w.taken[place], text)
		if vm != "" {
			w.lookAt(place, text, vm)
		}
		w.clean()
	}
}

// What a text adds where it is not a text any more: an element or a line, and an
// option of its own.
var (
	element = regexp.MustCompile(`<evil|\n\s*evil`)
	option  = regexp.MustCompile(`[^,],evil=|^\s*evil`)
)

// lookAt looks what libvirt has made of a text: its own XML, and QEMU's arguments.
func (w *walk) lookAt(place, text, vm string) {
	w.T.Helper()
	xml, err := tryVirsh("dumpxml", "--inactive", "--domain", vm)
	if err != nil {
		return // it is called otherwise now
	}
	if found := element.FindString(xml); found != "" && !strings.Contains(place, "description") { // which has lines

		w.T.Errorf("%s, %q: the definition has %q:\n%s", place, text, found, xml)
	}
	argv, err := tryVirsh("domxml-to-native", "qemu-argv", "--domain", vm)
	if err != nil {
		return // QEMU could not run it: its devices are of another machine
	}
	for _, line := range strings.Split(argv, "\n") {
		json := strings.Contains(line, "'{")
		if !json && option.MatchString(line) || strings.Contains(line, "/../") && !strings.Contains(place, "source") {
			w.T.Errorf("%s, %q: QEMU gets %s", place, text, line)
		}
	}
}

// valid is a device of each kind that can be added, without the keys that it does
// not need.
func valid(kind model.DeviceKind) map[string]dbus.Variant {
	d := with("kind", string(kind))
	switch kind {
	case model.KindDisk:
		d = with("kind", "disk", "source", tinyDisk, "read-only", true)
	case model.KindInterface:
		d["network-name"] = dbus.MakeVariant("default")
	case model.KindController:
		d["type"] = dbus.MakeVariant("usb")
	case model.KindShare:
		d["source"], d["tag"] = dbus.MakeVariant("/srv"), dbus.MakeVariant("files")
	}
	return d
}

// texts calls fn with each text key of a record: at says how deep it is, and set
// gives a copy of base in which the key has a value.
func texts(record reflect.Type, base map[string]dbus.Variant, fn func(at string, set func(text string) map[string]dbus.Variant)) {
	clone := func(key string, value any) map[string]dbus.Variant {
		out := map[string]dbus.Variant{}
		for k, v := range base {
			out[k] = v
		}
		out[key] = dbus.MakeVariant(value)
		return out
	}
	for i := range record.NumField() {
		key, t := record.Field(i).Tag.Get("wire"), record.Field(i).Type
		if key == "" || key == "-" || t == reflect.TypeFor[model.Path]() {
			continue // a path is the bus's to look at
		}
		for t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		switch {
		case t.Kind() == reflect.String:
			fn(key, func(text string) map[string]dbus.Variant { return clone(key, text) })
		case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.String:
			fn(key+"[]", func(text string) map[string]dbus.Variant { return clone(key, []string{text}) })
		case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct:
			inner := map[string]dbus.Variant{}
			if list, ok := base[key].Value().([]map[string]dbus.Variant); ok && len(list) > 0 {
				inner = list[0]
			}
			texts(t.Elem(), inner, func(at string, set func(string) map[string]dbus.Variant) {
				fn(key+"[]."+at, func(text string) map[string]dbus.Variant { return clone(key, []map[string]dbus.Variant{set(text)}) })
			})
		case t.Kind() == reflect.Struct:
			inner, _ := base[key].Value().(map[string]dbus.Variant)
			texts(t, inner, func(at string, set func(string) map[string]dbus.Variant) {
				fn(key+"."+at, func(text string) map[string]dbus.Variant { return clone(key, set(text)) })
			})
		}
	}
}

// TestEveryTextOfEveryDevice walks every key of every kind of device that can be
// added, and those that can be changed, with all rights: the texts are refused for
// what they are, and what is taken is only a text to libvirt and QEMU.
func TestEveryTextOfEveryDevice(t *testing.T) {
	w := newWalk(t)
	vm := vmOf(w.Caller, "dev-walk", with("disks", []map[string]dbus.Variant{}))
	w.had["domain"] = names(t, "domain")
	w.Must(vm, "VM.Configure", with("shared-memory", true), none())
	kept := hostKept(t)
	for _, kind := range build.Kinds() {
		texts(reflect.TypeFor[model.Device](), valid(kind), func(at string, set func(string) map[string]dbus.Variant) {
			if at == "kind" {
				return
			}
			list := worst
			if key, _, _ := strings.Cut(at, "["); !slices.Contains(build.Keys(kind), key) {
				list = list[:1]
			}
			w.try("AddDevice "+string(kind)+" "+at, "dev-walk", list, func(text string) *dbus.Call {
				call := w.Call(vm, "VM.AddDevice", set(text), none())
				if call.Err == nil {
					id := call.Body[0].(string)
					w.lookAt("AddDevice "+string(kind)+" "+at, text, "dev-walk")
					w.Must(vm, "VM.RemoveDevice", id, none())
				}
				return call
			})
		})
	}
	w.Must(vm, "VM.AddDevice", with("kind", "cdrom"), none())
	w.Must(vm, "VM.AddDevice", with("kind", "interface", "network-name", "default", "mac", "52:54:00:00:00:77"), none())
	w.Must(vm, "VM.AddDevice", valid(model.KindDisk), none())
	for _, list := range []string{"VM.Disks", "VM.Interfaces"} {
		for _, d := range w.Get(vm, list).([]map[string]dbus.Variant) {
			id := d["id"].Value().(string)
			texts(reflect.TypeFor[model.Device](), none(), func(at string, set func(string) map[string]dbus.Variant) {
				list := worst
				if key, _, _ := strings.Cut(at, "["); !slices.Contains(strings.Fields("source pool volume format network-name bridge model cache discard port-forwards"), key) {
					list = list[:1]
				}
				w.try("UpdateDevice "+id+" "+at, "dev-walk", list, func(text string) *dbus.Call {
					return w.Call(vm, "VM.UpdateDevice", id, set(text), none())
				})
			})
		}
	}
	w.report()
	kept()
}

func (w *walk) report() {
	w.T.Helper()
	w.T.Logf("%d texts tried, %d refused; taken: %q", w.tried, w.refused, w.taken)
	if w.refused == 0 || w.tried < 10*len(worst) {
		w.T.Error("the walk has seen nothing")
	}
}

// TestEveryTextOfEverySpec walks what else is made or changed of a record.
func TestEveryTextOfEverySpec(t *testing.T) {
	w := newWalk(t)
	vm := vmOf(w.Caller, "dev-walk", nil)
	w.Must(local, "Host.CreateNetwork", with("name", "walk", "start", false, "addresses", []map[string]dbus.Variant{with("address", "10.66.0.1")}), none())
	t.Cleanup(func() { _, _ = tryVirsh("net-undefine", "walk") })
	network := dbus.ObjectPath("/org/kvmmanager/networks/" + strings.ReplaceAll(virsh(t, "net-uuid", "walk"), "-", "_"))
	folder := "/var/lib/libvirt/walk"
	for kind := range lists {
		w.had[kind] = names(t, kind)
	}
	kept := hostKept(t)
	pool := poolOf(t, "default")
	small := with("name", "walked", "memory", uint64(64<<20), "disks", []map[string]dbus.Variant{}, "networks", []map[string]dbus.Variant{with("bridge", "virbr0")}, "start", false)
	withSource := func(source map[string]dbus.Variant, more ...any) map[string]dbus.Variant {
		return with(append([]any{
			"name", "walked", "memory", uint64(64 << 20), "start", false, "source", source,
			"networks",
			[]map[string]dbus.Variant{with("user", true, "port-forwards", []map[string]dbus.Variant{with("protocol", "tcp", "host-port", uint32(8123))})},
		}, more...)...)
	}
	for _, spec := range []struct {
		name   string
		of     reflect.Type
		path   dbus.ObjectPath
		method string
		base   map[string]dbus.Variant
		vm     string
		job    bool
		only   string // how the keys begin that another row has not
	}{
		{"a VM", reflect.TypeFor[model.VMSpec](), local, "Host.CreateVM", small, "walked", true, ""},
		{"a VM from a file", reflect.TypeFor[model.VMSpec](), local, "Host.CreateVM", withSource(with("kind", "iso", "path", tinyDisk), "disks", []map[string]dbus.Variant{}), "walked", true, "source"},
		{"a VM from the web", reflect.TypeFor[model.VMSpec](), local, "Host.CreateVM", withSource(with("kind", "url", "url", "https://example.org/x.iso"), "disks", []map[string]dbus.Variant{}), "walked", true, "source.url"},
		{"a plan of a cloud VM", reflect.TypeFor[model.VMSpec](), local, "Host.PlanVM", withSource(with("kind", "cloud", "path", tinyDisk), "cloud-init", with("user", "u")), "", false, ""},
		{"a network", reflect.TypeFor[model.NetworkSetup](), local, "Host.CreateNetwork", with("name", "walked", "addresses", []map[string]dbus.Variant{with("address", "10.67.0.1")},
			"dhcp-hosts", []map[string]dbus.Variant{with("mac", "52:54:00:00:00:01", "address", "10.67.0.9")}, "dns-hosts", []map[string]dbus.Variant{with("address", "10.67.0.9", "names", []string{"a"})},
			"dhcp-ranges", []map[string]dbus.Variant{with("start", "10.67.0.100", "end", "10.67.0.110")}), "", false, ""},
		{"a changed network", reflect.TypeFor[model.NetworkSetup](), network, "Network.Configure", none(), "", false, ""},
		{"a reservation", reflect.TypeFor[model.DHCPHost](), network, "Network.AddDHCPHost", with("mac", "52:54:00:00:00:02", "address", "10.66.0.9"), "", false, ""},
		{"a pool", reflect.TypeFor[model.PoolSpec](), local, "Host.CreateStoragePool", with("name", "walked", "kind", "dir", "target", folder, "start", false), "", true, ""},
		{"a pool of a server", reflect.TypeFor[model.PoolSpec](), local, "Host.CreateStoragePool", with("name", "walked", "kind", "netfs", "target", folder, "source-hosts", []string{"192.0.2.1"}, "source-path", "/x", "start", false), "", true, ""},
		{"a pool of iSCSI", reflect.TypeFor[model.PoolSpec](), local, "Host.CreateStoragePool", with("name", "walked", "kind", "iscsi", "source-hosts", []string{"192.0.2.1"}, "source-name", "iqn.2026-01.x:y", "start", false), "", true, "source"},
		{"a pool of LVM", reflect.TypeFor[model.PoolSpec](), local, "Host.CreateStoragePool", with("name", "walked", "kind", "logical", "start", false), "", true, "name"},
		{"a volume", reflect.TypeFor[model.VolumeSpec](), pool, "StoragePool.CreateVolume", with("name", "walked", "format", "raw", "capacity", uint64(1<<20)), "", true, ""},
		{"a machine", reflect.TypeFor[model.Configuration](), vm, "VM.Configure", none(), "dev-walk", false, ""},
	} {
		texts(spec.of, spec.base, func(at string, set func(string) map[string]dbus.Variant) {
			if !strings.HasPrefix(at, spec.only) {
				return
			}
			place := spec.name + ": " + at
			w.try(place, spec.vm, worst, func(text string) *dbus.Call {
				options := none()
				if spec.job {
					options = wait()
				}
				call := w.Call(spec.path, spec.method, set(text), options)
				if call.Err == nil && spec.method == "StoragePool.CreateVolume" {
					name, _ := set(text)["name"].Value().(string)
					if file := filepath.Join(imageFolder, name); filepath.Dir(file) != imageFolder {
						t.Errorf("the volume is %s", file)
					}
					_, _ = tryVirsh("vol-delete", "--pool", "default", "--vol", name)
				}
				return call
			})
			_ = os.RemoveAll(folder)
		})
	}
	w.report()
	kept()
}

// TestEveryTextArgument walks the arguments and options of all methods that are
// texts, by the documentation of the interfaces.
func TestEveryTextArgument(t *testing.T) {
	w := newWalk(t)
	vm := vmOf(w.Caller, "dev-walk", with("disks", []map[string]dbus.Variant{with("size", uint64(1<<20), "name", "dev-walk.qcow2", "format", "qcow2")}))
	removeVolume(t, "dev-walk.qcow2")
	volume, _ := volumeOf(w.Caller, "dev-walk-free", "raw", 1<<20)
	w.Must(vm, "VM.CreateSnapshot", "first", wait())
	objects := map[string]dbus.ObjectPath{
		"Manager": "/org/kvmmanager", "Host": local, "VM": vm, "VM.Guest": vm, "Snapshot": vm + "/snapshots/first",
		"StoragePool": poolOf(t, "default"), "StorageVolume": volume,
		"Network": dbus.ObjectPath("/org/kvmmanager/networks/" + strings.ReplaceAll(virsh(t, "net-uuid", "default"), "-", "_")),
	}
	w.had["domain"] = names(t, "domain")
	kept := hostKept(t)
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for _, document := range api.XML() {
		iface, err := apidoc.Parse(document)
		if err != nil {
			t.Fatal(err)
		}
		short := strings.TrimPrefix(iface.Name, "org.kvmmanager.")
		path, there := objects[short]
		if !there {
			continue
		}
		for i := range iface.Methods {
			method := &iface.Methods[i]
			usual := func() []any {
				args := make([]any, 0, len(method.In))
				for _, arg := range method.In {
					args = append(args, map[string]any{
						"s": sample, "as": []string{sample}, "u": uint32(0), "t": uint64(1), "b": false, "o": objects["StoragePool"], "a{sv}": none(), "h": dbus.UnixFD(null.Fd()), "ao": []dbus.ObjectPath{},
					}[arg.Type])
				}
				if _, job := method.Options()["wait"]; job {
					args[len(args)-1] = wait()
				}
				return args
			}
			name := short + "." + method.Name
			for n, arg := range method.In {
				if arg.Type != "s" && arg.Type != "as" {
					continue
				}
				w.try(name+" "+arg.Name, "dev-walk", worst, func(text string) *dbus.Call {
					args := usual()
					if args[n] = any(text); arg.Type == "as" {
						args[n] = []string{text}
					}
					call := w.Call(path, name, args...)
					switch {
					case call.Err == nil && name == "VM.Rename":
						w.Must(path, "VM.Rename", "dev-walk", none())
					case call.Err == nil && name == "VM.CreateSnapshot":
						w.lookAt(name, text, "dev-walk")
						virsh(t, "snapshot-delete", "--domain", "dev-walk", "--snapshotname", text)
					case call.Err == nil && name == "StorageVolume.Clone":
						virsh(t, "vol-delete", "--pool", "default", "--vol", text)
					case call.Err == nil && name == "VM.Clone":
						for _, file := range strings.Split(virsh(t, "vol-list", "--pool", "default"), "\n") {
							if fields := strings.Fields(file); len(fields) > 1 && strings.HasPrefix(file, " ") && fields[len(fields)-1] != tinyDisk && !strings.HasPrefix(fields[len(fields)-1], imageFolder+"/dev-walk") {
								_, _ = tryVirsh("vol-delete", fields[len(fields)-1])
							}
						}
					case call.Err == nil && name == "Manager.AddHost":
						w.Must(path, "Manager.RemoveHost", call.Body[0], none())
					}
					return call
				})
			}
			for key, kind := range method.Options() {
				if kind != "s" && kind != "as" {
					continue
				}
				w.try(name+" options."+key, "dev-walk", worst, func(text string) *dbus.Call {
					args := usual()
					options := none()
					for k, v := range args[len(args)-1].(map[string]dbus.Variant) {
						options[k] = v
					}
					if options[key] = dbus.MakeVariant(text); kind == "as" {
						options[key] = dbus.MakeVariant([]string{text})
					}
					args[len(args)-1] = options
					call := w.Call(path, name, args...)
					if call.Err == nil && name == "VM.CreateSnapshot" {
						virsh(t, "snapshot-delete", "--domain", "dev-walk", "--snapshotname", sample)
					}
					return call
				})
			}
		}
	}
	if out, err := tryVirsh("dominfo", "dev-walk"); err != nil {
		t.Errorf("the VM of the walk is gone: %s", out)
	}
	w.report()
	kept()
}

// TestVMsOfHostileNames: those names that a VM can have are names of files and
// nothing else, through a whole life.
func TestVMsOfHostileNames(t *testing.T) {
	w := newWalk(t)
	kept := hostKept(t)
	for _, name := range append(slices.Clone(hostileTexts), "x, evil=1", "autostart", "networks", "a;b|c&d", "x=y", "$HOME") {
		call := w.Call(local, "Host.CreateVM", with("name", name, "memory", uint64(64<<20), "disks", []map[string]dbus.Variant{}, "networks", []map[string]dbus.Variant{}, "start", false), wait())
		if call.Err != nil {
			w.refused++
			continue
		}
		w.tried++
		result := w.Get(call.Body[0].(dbus.ObjectPath), "Job.Result").(map[string]dbus.Variant)
		vm := result["vm"].Value().(dbus.ObjectPath)
		w.Must(vm, "VM.SetAutostart", true, none())
		w.Must(vm, "VM.Start", wait())
		if got := w.Get(vm, "VM.Name"); got != name {
			t.Errorf("%q is called %q", name, got)
		}
		argv, _ := exec.Command("sh", "-c", "tr '\\0' '\\n' < /proc/$(pgrep -n qemu-system)/cmdline").Output()
		for _, line := range strings.Split(string(argv), "\n") {
			if strings.HasPrefix(line, "guest=") && strings.Count(strings.ReplaceAll(line, ",,", ""), ",") != 1 {
				t.Errorf("%q: QEMU is called with %s", name, line)
			}
		}
		w.Must(vm, "VM.PowerOff", wait())
		w.secret.untouched("after the VM " + name)
		w.clean()
	}
	t.Logf("%d refused, %d taken", w.refused, w.tried)
	kept()
}

// TestTheTreeIsReadableWhateverIsInIt: names and titles that other tools have
// given reach the bus, errors and programs only as what can be shown.
func TestTheTreeIsReadableWhateverIsInIt(t *testing.T) {
	root, bob := as(t, "root"), as(t, "bob")
	bad := "a\u202eb\ufdd0c\u200bd\U0001fffee"
	removeVM(t, bad)
	define := func(kind, xml string) {
		t.Helper()
		virsh(t, kind, writeFile(t, xml))
	}
	define("define", "<domain type='qemu'><name>"+bad+"</name><title>"+bad+"</title><description>"+bad+"\nmore</description><memory>65536</memory>"+
		"<os><type arch='x86_64' machine='q35'>hvm</type></os><devices><disk type='file' device='cdrom'><source file='/srv/"+bad+"'/><target dev='sda' bus='sata'/></disk>"+
		"<interface type='bridge'><source bridge='virbr0'/></interface></devices></domain>")
	define("net-define", "<network><name>"+bad+"</name><domain name='x'/></network>")
	t.Cleanup(func() { virsh(t, "net-undefine", "--network", bad) })
	define("pool-define", "<pool type='dir'><name>"+bad+"</name><target><path>/var/lib/libvirt/"+bad+"</path></target></pool>")
	t.Cleanup(func() { virsh(t, "pool-undefine", "--pool", bad) })
	shown := strings.Map(func(r rune) rune {
		if strings.ContainsRune("abcde", r) {
			return r
		}
		return '\ufffd'
	}, bad)
	uuid := virsh(t, "domuuid", "--domain", bad)
	vm := dbus.ObjectPath("/org/kvmmanager/vms/" + strings.ReplaceAll(uuid, "-", "_"))
	if err := caller.Within(10*time.Second, func() bool { return bob.Call(vm, caller.Properties+"Get", "org.kvmmanager.VM", "Name").Err == nil }); err != nil {
		t.Fatal(err)
	}
	for property, want := range map[string]any{"Name": shown, "Title": shown, "Description": shown + "\nmore"} {
		if got := bob.Get(vm, "VM."+property); got != want {
			t.Errorf("%s is %q", property, got)
		}
	}
	for _, command := range [][]string{
		{"busctl", "call", "org.kvmmanager", "/org/kvmmanager", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects"},
		{"busctl", "--json=short", "call", "org.kvmmanager", "/org/kvmmanager", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects"},
		{"busctl", "tree", "org.kvmmanager"},
		{"busctl", "introspect", "org.kvmmanager", string(vm)},
		{"gdbus", "call", "--system", "-d", "org.kvmmanager", "-o", "/org/kvmmanager", "-m", "org.freedesktop.DBus.ObjectManager.GetManagedObjects"},
		{"busctl", "call", "org.kvmmanager", string(vm), "org.kvmmanager.VM", "GetXML", "a{sv}", "0"},
	} {
		out, err := exec.Command(command[0], command[1:]...).CombinedOutput()
		if err != nil {
			t.Errorf("%s cannot read it: %v: %.300s", strings.Join(command, " "), err, out)
		}
		if text := string(out); model.CleanLines(text) != text {
			t.Errorf("%s shows what cannot be shown", strings.Join(command, " "))
		}
	}

	t.Log("errors, details and the XML")
	err := bob.Call(vm, "VM.Start", none()).Err
	if err == nil || model.CleanLines(err.Error()) != err.Error() {
		t.Errorf("the error is %v", err)
	}
	err = root.Call(vm, "VM.Resume", none()).Err
	if err == nil || !strings.Contains(err.Error(), shown) {
		t.Errorf("the error is %q", err)
	}
	xml := root.Must(vm, "VM.GetXML", none())[0].(string)
	if !strings.Contains(xml, "a&#x202E;b&#xFDD0;c&#x200B;d&#x1FFFE;e") {
		t.Errorf("the XML is %s", xml)
	}
	t.Log("and it can be given a name that can be read")
	for _, text := range []string{bad, "a\u202eb", "a\ufdd0", "a\u200bb", "a\u00adb", "a\ue000"} {
		for _, method := range []string{"VM.Rename", "VM.SetTitle", "VM.SetDescription"} {
			root.Refused("InvalidArgument", vm, method, text, none())
		}
	}
	root.Must(vm, "VM.Rename", "dev-readable", none())
	removeVM(t, "dev-readable")
	root.Must(vm, "VM.SetXML", root.Must(vm, "VM.GetXML", none())[0], none())
	if now := virsh(t, "dumpxml", "--domain", "dev-readable"); !strings.Contains(now, "<title>"+bad+"</title>") {
		t.Errorf("the definition has become %s", now)
	}
	root.Must(vm, "VM.SetTitle", "👩\u200d👩\u200d👧 می\u200cخواهم", none())
	if got := bob.Get(vm, "VM.Title"); got != "👩\u200d👩\u200d👧 می\u200cخواهم" {
		t.Errorf("the title is %q", got)
	}
}

// TestAPoolIsAFolder: libvirt gives the target of a pool the mode of a folder,
// whatever it is, and the usual target follows from the pool's name.
func TestAPoolIsAFolder(t *testing.T) {
	stora, root := as(t, "stora"), as(t, "root")
	secret := newVictim(t, "/etc/victim")
	_, file := volumeOf(stora, "dev-pool.raw", "raw", 1<<20)
	folder := "/var/lib/attacks-folder"
	if err := os.Mkdir(folder, 0o750); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	look := unchanged(t, file, tinyDisk, folder)
	for _, name := range []string{"dev-pool.raw", "tiny.qcow2"} {
		stora.Refused("InvalidArgument", local, "Host.CreateStoragePool", with("name", name), wait())
	}
	for _, kind := range []map[string]dbus.Variant{
		with("kind", "dir"), with("kind", "netfs", "source-hosts", []string{"192.0.2.1"}, "source-path", "/x"), with("kind", "fs", "source-devices", []string{"/dev/null"}),
	} {
		kind["name"], kind["target"], kind["start"] = dbus.MakeVariant("attacked"), dbus.MakeVariant(secret.path), dbus.MakeVariant(false)
		root.Refused("InvalidArgument", local, "Host.CreateStoragePool", kind, wait())
		secret.untouched("after a pool of the kind " + kind["kind"].String())
	}
	server := with("name", "attacked", "kind", "netfs", "source-hosts", []string{"192.0.2.1"}, "source-path", "/x", "target", folder, "start", false)
	t.Cleanup(func() { _, _ = tryVirsh("pool-undefine", "attacked") })
	root.Must(local, "Host.CreateStoragePool", server, wait())
	look("after the pools")
}
