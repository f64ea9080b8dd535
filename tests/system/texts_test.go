//go:build system

package system_test

import (
	"encoding/xml"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/godbus/dbus/v5"
)

// hostileTexts are what people and programs may come up with.
var hostileTexts = []string{
	`<&>"'`, `</name><devices>`, `]]>`, `&amp;`, `<!--`, "two\nlines", "tab\tulator", "bell\a", "ünï 🐧", "שלום \u202etxet", "line\u2028break",
	" around ", ".", "..", "../up", "/etc/passwd", "a/b", `back\slash`, "--help", "%n%s", "$(id)", "a,b", "*", "",
	strings.Repeat("x", 255), strings.Repeat("ü", 127) + "x", strings.Repeat("x", 256), strings.Repeat("🐧", 64),
}

// nameless are the kinds of errors that refuse a text by name.
var nameless = []string{"InvalidArgument", "NotSupported", "NotFound"}

// textInput is a place where a text goes in, and where it has to come out.
type textInput struct {
	name string
	// set gives the text to the service.
	set func(text string) *dbus.Call
	// shown is where the tree shows it, after it was taken.
	shown func(text string) any
	// stored is where libvirt has it; nil if it does not keep it as it is.
	stored func(text string) string
}

// TestTextsOfAnyKind are stored and shown as they are, or refused with words that
// say why, wherever a text goes in.
func TestTextsOfAnyKind(t *testing.T) {
	root := as(t, "root")
	resultOf(root, localHost, "Host.CreateVM", with("name", "texts", "start", false, "disk-size", uint64(1<<20)), wait())
	vm := root.vm("texts")
	root.must(vm, "VM.Configure", with("shared-memory", true), none()) // for the share
	uuid := root.get(vm, "VM.UUID").(string)
	folder := filepath.Join(t.TempDir(), "pool")
	pool := aPool(root, "texts", with("target", folder))
	t.Cleanup(func() { root.call(vm, "VM.Delete", with("wait", true, "delete-storage", []string{"*"})) })
	domain := func(element string) func(string) string {
		return func(string) string { return elementOf(t, virsh(t, "dumpxml", "--inactive", uuid), element) }
	}
	for _, in := range []textInput{
		{
			"the title of a VM",
			func(s string) *dbus.Call { return root.call(vm, "VM.SetTitle", s, none()) },
			func(string) any { return root.get(vm, "VM.Title") }, domain("title"),
		},
		{
			"the description of a VM",
			func(s string) *dbus.Call { return root.call(vm, "VM.SetDescription", s, none()) },
			func(string) any { return root.get(vm, "VM.Description") }, domain("description"),
		},
		{
			"a tag of a VM",
			func(s string) *dbus.Call { return root.call(vm, "VM.SetTags", []string{s}, none()) },
			func(string) any { return root.get(vm, "VM.Tags").([]string)[0] }, nil,
		},
		{
			"the name of a VM",
			func(s string) *dbus.Call { return root.call(vm, "VM.Rename", s, none()) },
			func(string) any {
				defer root.must(vm, "VM.Rename", "texts", none())
				if stored := domain("name")(""); stored != root.get(vm, "VM.Name") {
					t.Errorf("the name is stored as %q", stored)
				}
				return root.get(vm, "VM.Name")
			}, nil,
		},
		{
			"the folder and the name of a share",
			func(s string) *dbus.Call {
				call := root.call(vm, "VM.AddDevice", with("kind", "share", "source", "/srv/"+s, "tag", s), none())
				if call.Err == nil {
					root.must(vm, "VM.RemoveDevice", call.Body[0], none())
				}
				return call
			}, nil, nil,
		},
		{
			"the name and the description of a snapshot",
			func(s string) *dbus.Call {
				return root.call(vm, "VM.CreateSnapshot", s, with("wait", true, "description", s))
			},
			func(s string) any {
				made := snapshotOf(vm, s)
				defer root.must(made, "Snapshot.Delete", wait())
				if root.get(made, "Snapshot.Name") != s {
					t.Errorf("the snapshot is called %q", root.get(made, "Snapshot.Name"))
				}
				return root.get(made, "Snapshot.Description")
			}, nil,
		},
		{
			"the name of a volume",
			func(s string) *dbus.Call {
				return root.call(pool, "StoragePool.CreateVolume", with("name", s, "capacity", uint64(1<<20), "format", "raw"), wait())
			},
			func(s string) any {
				made := volumeIn(pool, s)
				defer root.must(made, "StorageVolume.Delete", wait())
				if files := filesIn(t, folder); !slices.Equal(files, []string{s}) {
					t.Errorf("the files are %q", files)
				}
				return root.get(made, "StorageVolume.Name")
			}, nil,
		},
		{
			"the name of a pool",
			func(s string) *dbus.Call {
				return root.call(localHost, "Host.CreateStoragePool", with("name", s, "target", folder+"-of-it", "build", true), wait())
			},
			func(s string) any { return takeAway(root, "StoragePool", s) }, nil,
		},
		{
			"the folder of a pool",
			func(s string) *dbus.Call {
				return root.call(localHost, "Host.CreateStoragePool", with("name", "folder", "target", folder+"-"+s), wait())
			},
			func(s string) any {
				target := root.get(named(root, "StoragePool", "folder"), "StoragePool.Target").(string)
				takeAway(root, "StoragePool", "folder")
				return strings.TrimPrefix(target, folder+"-")
			}, nil,
		},
		{
			"the name of a network",
			func(s string) *dbus.Call {
				return root.call(localHost, "Host.CreateNetwork", with("name", s, "mode", "isolated", "start", false), none())
			},
			func(s string) any { return takeAway(root, "Network", s) }, nil,
		},
		{
			"the domain of a network",
			func(s string) *dbus.Call {
				return root.call(localHost, "Host.CreateNetwork", with("name", "texts", "mode", "isolated", "start", false, "domain", s), none())
			},
			func(string) any {
				domain := root.get(named(root, "Network", "texts"), "Network.Domain")
				takeAway(root, "Network", "texts")
				return domain
			}, nil,
		},
		{
			"the name of a new VM and of its disk",
			func(s string) *dbus.Call {
				return root.call(localHost, "Host.CreateVM", with("name", s, "title", s, "start", false, "disk-size", uint64(1<<20)), wait())
			},
			func(s string) any {
				made := root.vm(s)
				defer root.must(made, "VM.Delete", with("wait", true, "delete-storage", []string{"*"}))
				if root.get(made, "VM.Title") != s {
					t.Errorf("its title is %q", root.get(made, "VM.Title"))
				}
				return root.get(made, "VM.Name")
			}, nil,
		},
		{
			"what cloud-init is to do",
			func(s string) *dbus.Call {
				return root.call(localHost, "Host.PlanVM", with("name", "cloudy", "source", with("kind", "cloud", "path", "/var/lib/libvirt/images/tiny.qcow2"),
					"cloud-init", with("user", "ada", "host-name", s, "packages", []string{s})), none())
			}, nil, nil,
		},
		{
			"the address of a medium",
			func(s string) *dbus.Call {
				return root.call(localHost, "Host.PlanVM", with("name", "web", "source", with("kind", "url", "url", "http://web.example/"+s+".iso")), none())
			}, nil, nil,
		},
		{
			"the address of a host",
			func(s string) *dbus.Call {
				call := root.call("/org/kvmmanager", "Manager.AddHost", "texts", "qemu+tls://"+s+"/system", none())
				if call.Err == nil {
					root.must("/org/kvmmanager", "Manager.RemoveHost", call.Body[0], none())
				}
				return call
			}, nil, nil,
		},
	} {
		t.Run(in.name, func(t *testing.T) {
			for _, text := range hostileTexts {
				in.check(t, text)
			}
		})
	}
	for _, name := range filesIn(t, filepath.Dir(folder)) {
		if !strings.HasPrefix(name, "pool") {
			t.Errorf("%q is outside of the pool", name)
		}
	}
}

func (in *textInput) check(t *testing.T, text string) {
	t.Helper()
	call := in.set(text)
	if call.Err != nil {
		if kind := strings.TrimPrefix(errorName(call.Err), "org.kvmmanager.Error."); !slices.Contains(nameless, kind) || !sentence(call.Err.Error()) {
			t.Errorf("%.40q is refused as %s: %v", text, kind, call.Err)
		}
		return
	}
	if in.shown != nil {
		if got := in.shown(text); got != text {
			t.Errorf("%.40q is shown as %.40q", text, got)
		}
	}
	if in.stored != nil {
		if got := in.stored(text); got != text {
			t.Errorf("%.40q is stored as %.40q", text, got)
		}
	}
}

// sentence says whether an error is one that people can read.
func sentence(text string) bool {
	return utf8.ValidString(text) && strings.HasSuffix(text, ".") && !strings.Contains(text, "XML error") && !strings.Contains(text, "internal error")
}

// elementOf is the text of an element right below the root of a document.
func elementOf(t *testing.T, document, name string) string {
	t.Helper()
	var root struct {
		Elements []struct {
			XMLName xml.Name
			Text    string `xml:",chardata"`
		} `xml:",any"`
	}
	if err := xml.Unmarshal([]byte(document), &root); err != nil {
		t.Fatalf("%v:\n%s", err, document)
	}
	for _, e := range root.Elements {
		if e.XMLName.Local == name {
			return e.Text
		}
	}
	return ""
}

// named finds an object by its name.
func named(c *client, iface, name string) dbus.ObjectPath {
	c.t.Helper()
	for path, interfaces := range managed(c) {
		if o, ok := interfaces["org.kvmmanager."+iface]; ok && o["Name"].Value() == name {
			return path
		}
	}
	c.t.Fatalf("there is no %s called %q", iface, name)
	return ""
}

// takeAway removes a network or a pool by its name, and gives the name that it
// had.
func takeAway(c *client, iface, name string) string {
	c.t.Helper()
	path := named(c, iface, name)
	got := c.get(path, iface+".Name").(string)
	options := none()
	if iface == "StoragePool" {
		options = wait()
	}
	c.must(path, iface+".Delete", options)
	return got
}
