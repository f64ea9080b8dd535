//go:build system

package system_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
)

// TestLifecycle takes tiny through its states, with the option wait: when a
// call returns, the properties are up to date.
func TestLifecycle(t *testing.T) {
	useTiny(t)
	alice := as(t, "alice")
	for _, step := range []struct {
		method        string
		state, reason string
		saved         bool
	}{
		{"Start", "running", "booted", false},
		{"Pause", "paused", "user", false},
		{"Resume", "running", "unpaused", false},
		{"Reset", "running", "unpaused", false},
		{"Save", "shut-off", "saved", true},
		{"Start", "running", "restored", false},
		{"Pause", "paused", "user", false},
		{"Save", "shut-off", "saved", true},
		{"DiscardSavedState", "shut-off", "saved", false},
		{"Start", "running", "booted", false},
		{"PowerOff", "shut-off", "destroyed", false},
	} {
		alice.must(tiny, "VM."+step.method, wait())
		state, reason, saved := alice.get(tiny, "VM.State"), alice.get(tiny, "VM.StateReason"), alice.get(tiny, "VM.HasSavedState")
		if state != step.state || reason != step.reason || saved != step.saved {
			t.Errorf("after %s it is %v (%v), saved state %v; want %s (%s), %v",
				step.method, state, reason, saved, step.state, step.reason, step.saved)
		}
		if on := alice.get(tiny, "VM.Id") != int32(-1); on != (step.state != "shut-off") {
			t.Errorf("after %s the id is %v", step.method, alice.get(tiny, "VM.Id"))
		}
		if since := alice.get(tiny, "VM.StartedAt").(uint64); (since > 0) != (step.state != "shut-off") {
			t.Errorf("after %s it was started at %d", step.method, since)
		}
	}
}

func TestASavedVMThatWasPausedIsPausedAgain(t *testing.T) {
	useTiny(t)
	root := as(t, "root")
	root.must(tiny, "VM.Start", with("wait", true, "paused", true))
	if got := root.get(tiny, "VM.State"); got != "paused" {
		t.Fatalf("started paused, it is %v", got)
	}
	root.must(tiny, "VM.Save", wait())
	root.must(tiny, "VM.Start", wait())
	if got := root.get(tiny, "VM.State"); got != "paused" {
		t.Errorf("restored, it is %v", got)
	}
}

// TestSignalsComeInTheDocumentedOrder compares everything that a listener
// hears around a call: the job appears, the VM changes and the host tells, the
// job ends, and then comes the reply.
func TestSignalsComeInTheDocumentedOrder(t *testing.T) {
	useTiny(t)
	for _, step := range []struct {
		method string
		states []string // that the VM goes through, from the first one
	}{
		{"Start", []string{"shut-off", "starting", "running"}},
		{"Pause", []string{"running", "paused"}},
		{"Resume", []string{"paused", "running"}},
		{"Save", []string{"running", "saving", "shut-off"}},
		{"Start", []string{"shut-off", "restoring", "running"}},
		{"PowerOff", []string{"running", "shut-off"}},
	} {
		lines := eavesdrop(t).transcript(tiny, "VM."+step.method, wait())
		text := strings.Join(lines, "\n")
		if slices.Contains(lines, "vms State shutting-down") { // while QEMU ends, if anybody looks
			step.states = slices.Insert(step.states, len(step.states)-1, "shutting-down")
		}
		if !slices.Equal(statesIn(lines), step.states[1:]) {
			t.Errorf("%s goes through other states than %v:\n%s", step.method, step.states, text)
		}
		for i, state := range step.states[1:] {
			changed := slices.Index(lines, "vms State "+state)
			told := slices.Index(lines, "hosts VMStateChanged "+step.states[i]+" to "+state)
			if changed < 0 || told != changed+1 {
				t.Errorf("%s: the host does not tell of %s right after the VM does:\n%s", step.method, state, text)
			}
		}
		last := slices.Index(lines, "vms State "+step.states[len(step.states)-1])
		order := []int{
			slices.Index(lines, "jobs InterfacesAdded"), last,
			slices.Index(lines, "jobs State done"), slices.Index(lines, "jobs Completed"), len(lines) - 1,
		}
		if !slices.IsSorted(order) || order[0] < 0 || lines[len(lines)-1] != "reply" || lines[len(lines)-2] != "jobs Completed" {
			t.Errorf("%s: the order is not job, VM, job done, completed, reply:\n%s", step.method, text)
		}
	}
}

func statesIn(lines []string) []string {
	var states []string
	for _, line := range lines {
		if state, ok := strings.CutPrefix(line, "vms State "); ok {
			states = append(states, state)
		}
	}
	return states
}

// TestOneChangeIsOneSignal counts: a change of a title is one PropertiesChanged
// with the title and what follows from it, and nothing else.
func TestOneChangeIsOneSignal(t *testing.T) {
	useTiny(t)
	lines := eavesdrop(t).transcript(tiny, "VM.SetTitle", "One change", none())
	if want := []string{"vms PropertiesChanged", "reply"}; !slices.Equal(lines, want) {
		t.Errorf("heard\n%s", strings.Join(lines, "\n"))
	}
	r := record(t)
	r.mark()
	r.must(tiny, "VM.SetTitle", "Another change", none())
	s := r.until(soon, "PropertiesChanged", func(s *dbus.Signal) bool { return changes(s, tiny, "VM") != nil })
	for name := range changes(s, tiny, "VM") {
		if name != "Title" && name != "ConfigVersion" {
			t.Errorf("the signal of a new title has %s in it: %v", name, s.Body)
		}
	}
	// What is there already is no change.
	quiet := eavesdrop(t).transcript(tiny, "VM.SetTitle", "Another change", none())
	if !slices.Equal(quiet, []string{"reply"}) {
		t.Errorf("the same title again is announced:\n%s", strings.Join(quiet, "\n"))
	}
}

func TestWithoutWaitAJobTellsHowItGoes(t *testing.T) {
	useTiny(t)
	r := record(t)
	r.mark()
	job := r.must(tiny, "VM.Start", none())[0].(dbus.ObjectPath)
	r.until(patience, "Completed", func(s *dbus.Signal) bool { return emitted(s, job, "Job.Completed", true, "", "") })
	for property, want := range map[string]any{
		"Operation": "start", "State": "done", "Objects": []dbus.ObjectPath{tiny},
		"StartedBy": uint32(0), "ErrorName": "", "Cancellable": false,
	} {
		if got := r.get(job, "Job."+property); !equal(got, want) {
			t.Errorf("%s is %v, want %v", property, got, want)
		}
	}
	if got := virsh(t, "domstate", "tiny"); got != "running" {
		t.Errorf("the job is done, and tiny is %s", got)
	}
	r.refused("InvalidState", job, "Job.Cancel", none())
}

func TestACancelledSaveLetsTheGuestGoOn(t *testing.T) {
	useTiny(t)
	r := record(t)
	r.must(tiny, "VM.Start", wait())
	guest := openConsole(t, r.client)
	guest.expect("tiny: ready")
	r.mark()
	job := r.must(tiny, "VM.Save", none())[0].(dbus.ObjectPath)
	switch err := r.call(job, "Job.Cancel", none()).Err; errorName(err) {
	case "", "org.kvmmanager.Error.InvalidState": // saved before it was told
	default:
		t.Fatal(err)
	}
	done := r.until(patience, "Completed", func(s *dbus.Signal) bool { return emitted(s, job, "Job.Completed") })
	if done.Body[0] == true {
		t.Log("the state was saved before the job was cancelled")
		return
	}
	if done.Body[1] != "org.kvmmanager.Error.Cancelled" {
		t.Errorf("cancelled, it ended with %v", done.Body)
	}
	if state, saved := r.get(tiny, "VM.State"), r.get(tiny, "VM.HasSavedState"); state != "running" || saved != false {
		t.Errorf("cancelled, it is %v, saved state %v", state, saved)
	}
	guest.run("echo still $((40+2))", "still 42")
}

// TestTheGuestIsAsked needs a guest that reacts to the power button.
func TestTheGuestIsAsked(t *testing.T) {
	useTiny(t)
	r := record(t)
	r.must(tiny, "VM.Start", wait())
	guest := openConsole(t, r.client)
	guest.expect("tiny: ready")

	t.Log("Reboot: the guest comes up again without the VM going off")
	r.mark()
	r.must(tiny, "VM.Reboot", wait())
	guest.expect("tiny: ready")
	for _, s := range r.seen {
		if emitted(s, local, "Host.VMStateChanged", tiny, "running", "shut-off") {
			t.Error("it was off meanwhile")
		}
	}
	t.Log("Reset: at once")
	r.must(tiny, "VM.Reset", wait())
	guest.expect("tiny: ready")
	t.Log("Shutdown")
	r.must(tiny, "VM.Shutdown", with("wait", true, "timeout", uint32(60)))
	if state, reason := r.get(tiny, "VM.State"), r.get(tiny, "VM.StateReason"); state != "shut-off" || reason != "shutdown" {
		t.Errorf("after Shutdown it is %v (%v)", state, reason)
	}
	if err := guest.ended(); err != nil {
		t.Errorf("the console of a VM that is off is not at its end: %v", err)
	}
}

func TestAGuestThatDoesNotListenIsATimeout(t *testing.T) {
	r := record(t)
	deaf := vmXML{Name: "deaf", Devices: "<serial type='pty'/>"}.make(t, r.client)
	r.must(deaf, "VM.Start", wait())
	r.refused("Timeout", deaf, "VM.Shutdown", with("wait", true, "timeout", uint32(1)))
	if got := r.get(deaf, "VM.State"); got != "running" {
		t.Errorf("it is %v", got)
	}
	r.must(deaf, "VM.PowerOff", wait())
}

func TestWrongStatesAreNamed(t *testing.T) {
	useTiny(t)
	root := as(t, "root")
	for _, method := range []string{"Pause", "Resume", "Reset", "Reboot", "Shutdown", "PowerOff", "Save", "DiscardSavedState", "TakeScreenshot"} {
		root.refused("InvalidState", tiny, "VM."+method, none())
	}
	root.refused("InvalidState", tiny, "VM.OpenDisplay", uint32(0), none())
	root.refused("InvalidState", tiny, "VM.OpenConsole", "", none())
	root.refused("InvalidState", tiny, "VM.SendKeys", []string{"KEY_A"}, none())
	root.must(tiny, "VM.Start", wait())
	root.refused("InvalidState", tiny, "VM.Start", wait())
	root.refused("InvalidState", tiny, "VM.Resume", wait())
	root.refused("InvalidState", tiny, "VM.Delete", wait())
	root.refused("InvalidState", tiny, "VM.Rename", "other", none())
	root.refused("InvalidArgument", tiny, "VM.Pause", with("no-such-option", true))
	root.refused("InvalidArgument", tiny, "VM.Pause", with("wait", "yes"))
	root.refused("org.freedesktop.DBus.Error.InvalidArgs", tiny, "VM.Pause", "wait")
	root.refused("org.freedesktop.DBus.Error.UnknownObject", tiny+"0", "VM.Pause", none())
}
