//go:build system

package system_test

import (
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/godbus/dbus/v5"
)

// served puts a file on a web server of the host, and gives its address and how
// often it was asked for.
func served(t *testing.T, file, path string) (string, *atomic.Int32) {
	t.Helper()
	// An address of the host in a virtual network: no medium is read from its loopback.
	listener, err := net.Listen("tcp", "192.168.122.1:0")
	if err != nil {
		t.Fatal(err)
	}
	asked := &atomic.Int32{}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.URL.Path != path {
			http.NotFound(w, r)
			return
		}
		http.ServeFile(w, r, file)
	})}
	// QEMU 10.0 with libcurl 8.14 hangs now and then where HTTP/1.1 keeps a
	// connection open, as qemu-io does, too.
	server.SetKeepAlivesEnabled(false)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return (&url.URL{Scheme: "http", Host: listener.Addr().String(), Path: path}).String(), asked
}

func TestAGuestBootsFromAMediumOnAWebServer(t *testing.T) {
	useTiny(t)
	root := as(t, "root")
	address, asked := served(t, tinyISO(t), `/isos/tiny & <b> "q" 'a' 100% 💻.iso`)
	spec := small("disk-size", uint64(1<<30), "source", with("kind", "url", "url", address))

	t.Log("a plan asks nobody")
	plan := root.must(localHost, "Host.PlanVM", with("name", "boots-url", "source", with("kind", "url", "url", address)), none())[0].(map[string]dbus.Variant)
	if asked.Load() != 0 || len(plan["warnings"].Value().([]string)) == 0 {
		t.Errorf("the server was asked %d times: %v", asked.Load(), plan)
	}

	vm := makes(root, "boots-url", spec)
	consoleOf(root, vm).expect("tiny: ready")
	if volumes := volumesOf(t, "boots-url"); len(volumes) != 1 {
		t.Errorf("the volumes are %v", volumes)
	}
	medium := func() (source any) {
		for _, d := range root.get(vm, "VM.Disks").([]map[string]dbus.Variant) {
			if d["kind"].Value() == "cdrom" {
				source = d["source"].Value()
			}
		}
		return source
	}
	if got := medium(); got != address {
		t.Errorf("the medium is %v, not %v", got, address)
	}
	if changes := root.get(vm, "VM.PendingChanges"); len(changes.([]string)) > 0 {
		t.Errorf("the next boot changes %v", changes)
	}

	t.Log("it is ejected like any medium")
	applied := root.must(vm, "VM.UpdateDevice", "cdrom-sdb", with("source", ""), none())[0].(map[string]dbus.Variant)
	if applied["now"].Value() != true || applied["next-boot"].Value() != true || medium() != nil {
		t.Errorf("it was applied as %v, and the medium is %v", applied, medium())
	}
	for _, of := range [][]string{{"dumpxml", "boots-url"}, {"dumpxml", "--inactive", "boots-url"}} {
		if xml := virsh(t, of...); strings.Contains(xml, "protocol=") {
			t.Errorf("the medium is in the drive:\n%s", xml)
		}
	}
}

func TestAMediumThatIsNotThereLeavesNothing(t *testing.T) {
	useTiny(t)
	root := as(t, "root")
	address, _ := served(t, "/dev/null", "/there.iso")
	reply := root.call(localHost, "Host.CreateVM", with("name", "no-medium", "source", with("kind", "url", "url", address+".not")), wait())
	if reply.Err == nil || !strings.Contains(reply.Err.Error(), "404") {
		t.Errorf("to make it gives %v", reply.Err)
	}
	if left := volumesOf(t, "no-medium"); len(left) > 0 {
		t.Errorf("volumes are left: %v", left)
	}
	if _, err := tryVirsh("dominfo", "no-medium"); err == nil {
		t.Error("the definition is left")
	}
}
