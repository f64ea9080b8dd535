//go:build system

package system_test

import (
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
)

// agentScript answers on the agent's channel as QEMU's agent does, for as long
// as it runs. It knows a host name, a kernel and a user, and has no idea of
// anything else. Until somebody on the host has connected, there is nothing to
// read.
const agentScript = `port=/dev/$(basename $(dirname $(grep -l guest_agent /sys/class/virtio-ports/*/name))); ` +
	`agent() { while :; do read -r line || { usleep 100000; continue; }; case "$line" in ` +
	`*guest-sync*) r=$(echo "$line" | sed 's/.*"id": *\([0-9]*\).*/\1/');; ` +
	`*guest-get-host-name*) r='{"host-name":"tiny-says"}';; ` +
	`*guest-get-osinfo*) r='{"id":"tiny","pretty-name":"Tiny OS","kernel-release":"'$(uname -r)'","machine":"x86_64"}';; ` +
	`*guest-get-users*) r='[{"user":"somebody","login-time":1700000000.5}]';; ` +
	`*fsfreeze-freeze*|*fsfreeze-thaw*) r=1;; ` +
	`*guest-fstrim*) r='{"paths":[]}';; ` +
	`*) echo '{"error":{"class":"CommandNotFound","desc":"unknown"}}'; continue;; ` +
	`esac; echo "{\"return\":$r}"; done; }; ` +
	`agent 0<>$port 1>&0 & echo agent-is-$((40+2))`

func TestTheGuestTellsAboutItselfWhileItsAgentIsConnected(t *testing.T) {
	useTiny(t)
	r := record(t)
	const unknown = "org.freedesktop.DBus.Error.UnknownInterface"
	r.refused(unknown, tiny, "VM.Guest.GetInfo", none())
	r.must(tiny, "VM.Start", wait())
	console := openConsole(t, r.client)
	console.expect("tiny: ready")
	r.refused(unknown, tiny, "VM.Guest.GetInfo", none())
	r.mark()
	console.run(agentScript, "agent-is-42")
	r.added(patience, func(path dbus.ObjectPath, ifaces map[string]map[string]dbus.Variant) bool {
		_, there := ifaces["org.kvmmanager.VM.Guest"]
		return there && path == tiny && len(ifaces) == 1
	})
	if state := r.get(tiny, "VM.GuestAgent"); state != "connected" {
		t.Errorf("the agent is %v", state)
	}
	info := r.must(tiny, "VM.Guest.GetInfo", none())[0].(map[string]dbus.Variant)
	users, _ := info["users"].Value().([]map[string]dbus.Variant)
	if info["hostname"].Value() != "tiny-says" || info["os-name"].Value() != "Tiny OS" || len(users) != 1 || users[0]["name"].Value() != "somebody" || users[0]["login-time"].Value() != uint64(1700000000500000) {
		t.Errorf("the guest says %v", info)
	}
	if kernel, _ := info["kernel-release"].Value().(string); !strings.Contains(kernel, ".") {
		t.Errorf("its kernel is %q", kernel)
	}
	for _, method := range []string{"FreezeFilesystems", "ThawFilesystems", "TrimFilesystems"} {
		r.must(tiny, "VM.Guest."+method, wait())
	}
	as(t, "bob").refused(needsPassword, tiny, "VM.Guest.GetInfo", none())
	r.mark()
	console.run("kill $!; echo over-$((40+2))", "over-42")
	r.until(patience, "InterfacesRemoved", func(s *dbus.Signal) bool {
		return s.Name == "org.freedesktop.DBus.ObjectManager.InterfacesRemoved" && s.Body[0] == tiny
	})
	r.refused(unknown, tiny, "VM.Guest.GetInfo", none())
}
