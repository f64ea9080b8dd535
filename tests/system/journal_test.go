//go:build system

package system_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
)

// journal gives the service's entries that match, as people read them.
func journal(t *testing.T, match ...string) string {
	t.Helper()
	run(t, "journalctl", "--sync")
	return run(t, "journalctl", append([]string{"--boot", "--no-pager", "--output=short", "--catalog", "_SYSTEMD_UNIT=kvmmanagerd.service"}, match...)...)
}

// entries gives the fields of the service's entries that match.
func entries(t *testing.T, match ...string) []map[string]any {
	t.Helper()
	run(t, "journalctl", "--sync")
	text := run(t, "journalctl", append([]string{"--boot", "--no-pager", "--output=json", "_SYSTEMD_UNIT=kvmmanagerd.service"}, match...)...)
	var all []map[string]any
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		var fields map[string]any
		if err := json.Unmarshal(lines.Bytes(), &fields); err != nil {
			t.Fatal(err)
		}
		all = append(all, fields)
	}
	return all
}

const (
	changeMade    = "3a1931564c91452bb91355db0ac7690f"
	changeRefused = "d81d6435cee640aea8c7f4ebfd9689a3"
)

// TestEachChangeIsAudited looks up what the journal says of a change that was
// made, of one that failed, and of one that was refused.
func TestEachChangeIsAudited(t *testing.T) {
	// Not bob: of his many refusals, the journal keeps some only.
	alice, nobody := as(t, "alice"), as(t, "nobody")
	vm := vmXML{Name: "audited"}.make(t, alice)
	job := alice.must(vm, "VM.Start", wait())[0].(dbus.ObjectPath)
	alice.must(vm, "VM.SetTitle", "audited", none())
	alice.refused("InvalidArgument", vm, "VM.SetTitle", "a\nb", none())
	nobody.refused(needsPassword, vm, "VM.PowerOff", none())
	own := fmt.Sprint(os.Getpid())
	for _, want := range []struct {
		what, id string
		fields   map[string]string
	}{
		{"a job that was done", changeMade, map[string]string{
			"ACTION": "org.kvmmanager.vm.control", "METHOD": "org.kvmmanager.VM.Start", "OUTCOME": "done",
			"UID": fmt.Sprint(userOf(t, "alice").UID), "JOB": string(job),
		}},
		{"a call that was done", changeMade, map[string]string{
			"ACTION": "org.kvmmanager.vm.configure", "METHOD": "org.kvmmanager.VM.SetTitle", "OUTCOME": "done",
			"UID": fmt.Sprint(userOf(t, "alice").UID),
		}},
		{"a call that failed", changeMade, map[string]string{
			"ACTION": "org.kvmmanager.vm.configure", "METHOD": "org.kvmmanager.VM.SetTitle", "OUTCOME": "InvalidArgument",
			"UID": fmt.Sprint(userOf(t, "alice").UID),
		}},
		{"a call that was refused", changeRefused, map[string]string{
			"ACTION": "org.kvmmanager.vm.control", "METHOD": "org.kvmmanager.VM.PowerOff", "OUTCOME": "InteractiveAuthorizationRequired",
			"UID": fmt.Sprint(userOf(t, "nobody").UID),
		}},
	} {
		t.Run(want.what, func(t *testing.T) {
			match := []string{"MESSAGE_ID=" + want.id, "KVMMANAGER_OBJECT=" + string(vm), "KVMMANAGER_PID=" + own}
			for field, value := range want.fields {
				match = append(match, "KVMMANAGER_"+field+"="+value)
			}
			if got := entries(t, match...); len(got) != 1 {
				t.Errorf("%d entries match %v; of all these:", len(got), match)
				for _, entry := range entries(t, "KVMMANAGER_OBJECT="+string(vm)) {
					t.Log(entry["MESSAGE"])
				}
			}
		})
	}
	t.Run("the catalog explains it", func(t *testing.T) {
		text := journal(t, "MESSAGE_ID="+changeRefused, "KVMMANAGER_PID="+own)
		for _, part := range []string{fmt.Sprintf("The user %d was not allowed to call org.kvmmanager.VM.PowerOff", userOf(t, "nobody").UID), "Needed:  org.kvmmanager.vm.control"} {
			if !strings.Contains(text, part) {
				t.Errorf("there is no %q in\n%s", part, text)
			}
		}
	})
}

// TestReadingIsNotAudited: the record is of changes, and of secrets that were read.
func TestReadingIsNotAudited(t *testing.T) {
	bob := as(t, "bob")
	vm := vmXML{Name: "looked-at"}.make(t, bob)
	bob.vm("looked-at")
	bob.get(vm, "VM.State")
	bob.must(vm, "VM.GetXML", none())
	bob.must(local, "Host.ListVMs", none())
	bob.must(local, "Host.CheckHealth", none())
	for _, match := range []string{"KVMMANAGER_OBJECT=" + string(vm), "KVMMANAGER_ACTION=org.kvmmanager.read"} {
		for _, entry := range entries(t, "MESSAGE_ID="+changeMade, match, fmt.Sprintf("KVMMANAGER_PID=%d", os.Getpid())) {
			t.Errorf("in the journal: %v", entry["MESSAGE"])
		}
	}
	as(t, "alice").must(vm, "VM.GetXML", with("secrets", true))
	if got := entries(t, "KVMMANAGER_OBJECT="+string(vm), "KVMMANAGER_ACTION=org.kvmmanager.secrets.read"); len(got) != 1 {
		t.Errorf("secrets were read, and the journal has %d entries of it", len(got))
	}
}

// TestMain fails the run when any of the tests made the service log a mistake
// of its own.
func TestMain(m *testing.M) {
	code := m.Run()
	const mistake = "5f6680bdafad4d84840689b0225d9902"
	_ = exec.Command("journalctl", "--sync").Run()
	out, err := exec.Command("journalctl", "--boot", "--no-pager", "--quiet", "--output=verbose", "MESSAGE_ID="+mistake).CombinedOutput()
	if err != nil || len(out) > 0 {
		fmt.Printf("the service made mistakes: %v\n%s", err, out)
		code = 1
	}
	os.Exit(code)
}
