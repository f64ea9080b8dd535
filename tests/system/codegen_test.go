//go:build system

package system_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"org.kvmmanager/dbus"
)

// installedXML returns the introspection files as they are installed, in the order of
// the reference.
func installedXML() []string {
	var files []string
	for _, name := range api.Interfaces() {
		files = append(files, "/usr/share/dbus-1/interfaces/"+name+".xml")
	}
	return files
}

// tool runs a tool of another project, which must end well and have nothing to say.
func tool(t *testing.T, folder, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = folder
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// TestGDBusCodegenMakesCThatPassesDescriptors also compiles what was made.
func TestGDBusCodegenMakesCThatPassesDescriptors(t *testing.T) {
	folder := t.TempDir()
	tool(t, folder, "gdbus-codegen", append([]string{
		"--interface-prefix", "org.kvmmanager.", "--c-namespace", "Kvm", "--c-generate-object-manager", "--generate-c-code", "kvm",
	}, installedXML()...)...)
	header, err := os.ReadFile(filepath.Join(folder, "kvm.h"))
	if err != nil {
		t.Fatal(err)
	}
	use := "#include \"kvm.h\"\nvoid *used[] = {\n"
	for _, name := range []string{
		"kvm_host_call_create_vm", "kvm_host_call_plan_vm", "kvm_storage_pool_call_create_volume",
		"kvm_storage_volume_call_upload", "kvm_storage_volume_call_download", "kvm_vm_call_open_console",
	} {
		_, declaration, _ := strings.Cut(string(header), "void "+name+" (")
		if declaration, _, _ = strings.Cut(declaration, ";"); !strings.Contains(declaration, "GUnixFDList *fd_list") {
			t.Errorf("%s takes no descriptors: %s", name, declaration)
		}
		use += "\t" + name + ",\n"
	}
	for _, name := range []string{
		"kvm_vm_get_ip_addresses", "kvm_network_call_add_dhcp_host", "kvm_host_emit_vm_state_changed", "kvm_vm_guest_call_get_info",
	} {
		if !strings.Contains(string(header), name+" (") {
			t.Errorf("there is no function %s", name)
		}
		use += "\t" + name + ",\n"
	}
	if err := os.WriteFile(filepath.Join(folder, "use.c"), []byte(use+"};\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tool(t, folder, "sh", "-c", "gcc -Wall -Werror -c kvm.c use.c $(pkg-config --cflags gio-unix-2.0)")
}

func TestQtReadsEveryInterface(t *testing.T) {
	const compiler = "/usr/lib/qt6/bin/qdbusxml2cpp"
	for _, file := range installedXML() {
		folder := t.TempDir()
		tool(t, folder, compiler, "-p", "proxy", file)
		tool(t, folder, compiler, "-a", "adaptor", file)
	}
}

// walkPython introspects every object from the root and reads its properties.
const walkPython = `
import dbus, xml.etree.ElementTree as tree
bus = dbus.SystemBus()
todo, found = ["/org/kvmmanager"], set()
while todo:
    path = todo.pop()
    node = bus.get_object("org.kvmmanager", path)
    text = dbus.Interface(node, "org.freedesktop.DBus.Introspectable").Introspect()
    for e in tree.fromstring(text):
        if e.tag == "node":
            todo.append(path + "/" + e.get("name"))
        elif e.get("name").startswith("org.kvmmanager."):
            found.add(e.get("name"))
            dbus.Interface(node, "org.freedesktop.DBus.Properties").GetAll(e.get("name"))
for name in ("Manager", "Host", "VM", "Network", "StoragePool", "StorageVolume"):
    assert "org.kvmmanager." + name in found, found
host = dbus.Interface(bus.get_object("org.kvmmanager", "/org/kvmmanager/hosts/local"), "org.kvmmanager.Host")
vm = host.FindVM("tiny", dbus.Dictionary(signature="sv"))
assert vm in host.ListVMs(dbus.Dictionary(signature="sv")), vm
`

// walkGJS makes a proxy of each file and reads the tree as an extension of the shell
// does.
const walkGJS = `
const {Gio, GLib} = imports.gi;
const bus = Gio.DBus.system;
const proxies = {};
for (const file of ARGV) {
    const xml = new TextDecoder().decode(GLib.file_get_contents(file)[1]);
    for (const iface of Gio.DBusNodeInfo.new_for_xml(xml).interfaces)
        proxies[iface.name] = Gio.DBusProxy.makeProxyWrapper(xml);
}
const objects = Gio.DBusObjectManagerClient.new_sync(bus, Gio.DBusObjectManagerClientFlags.NONE,
    'org.kvmmanager', '/org/kvmmanager', null, null).get_objects();
let read = 0;
for (const object of objects) {
    for (const iface of object.get_interfaces()) {
        const proxy = new proxies[iface.g_interface_name](bus, 'org.kvmmanager', object.get_object_path());
        for (const name of proxy.get_cached_property_names() ?? []) {
            if (proxy[name] === undefined)
                throw new Error(name);
            read++;
        }
    }
}
if (read < 100)
    throw new Error('only ' + read + ' properties were read');
const host = new proxies['org.kvmmanager.Host'](bus, 'org.kvmmanager', '/org/kvmmanager/hosts/local');
const vm = new proxies['org.kvmmanager.VM'](bus, 'org.kvmmanager', host.FindVMSync('tiny', {})[0]);
// a number of JavaScript goes there and back
vm.SetTitleSync(vm.Title, {'expected-version': new GLib.Variant('t', vm.ConfigVersion)});
`

func TestPythonReadsTheTree(t *testing.T) {
	tool(t, t.TempDir(), "python3", "-c", walkPython)
}

func TestGJSReadsTheTree(t *testing.T) {
	tool(t, t.TempDir(), "gjs", append([]string{"-c", walkGJS}, installedXML()...)...)
}
