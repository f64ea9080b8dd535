package busfuzz

import (
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
)

const testService = ":1.7"

func reply() *dbus.Message {
	return &dbus.Message{Type: dbus.TypeMethodReply, Headers: map[dbus.HeaderField]dbus.Variant{dbus.FieldSender: dbus.MakeVariant(testService)}}
}

func failed(sender, name, text string) *dbus.Message {
	return &dbus.Message{Type: dbus.TypeError, Body: []any{text}, Headers: map[dbus.HeaderField]dbus.Variant{
		dbus.FieldSender: dbus.MakeVariant(sender), dbus.FieldErrorName: dbus.MakeVariant(name),
	}}
}

func with(pairs ...any) map[string]dbus.Variant {
	options := map[string]dbus.Variant{}
	for i := 0; i < len(pairs); i += 2 {
		options[pairs[i].(string)] = dbus.MakeVariant(pairs[i+1])
	}
	return options
}

func vmCall(member string, args ...any) *Call {
	return &Call{Path: "/org/kvmmanager/vms/a", Interface: "org.kvmmanager.VM", Member: member, Args: args}
}

func testOracle(t *testing.T) *Oracle {
	t.Helper()
	o, err := NewOracle()
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestSuccessesAreJudgedByTheDocumentation(t *testing.T) {
	t.Parallel()
	o := testOracle(t)
	for name, tt := range map[string]struct {
		call         *Call
		bob, rootBad bool // whether it is a violation
	}{
		"starting a VM":                 {vmCall("Start", with()), true, false},
		"defining a VM":                 {&Call{Interface: "org.kvmmanager.Host", Member: "DefineXML", Args: []any{"", with()}}, true, false},
		"cancelling somebody's job":     {&Call{Interface: "org.kvmmanager.Job", Member: "Cancel", Args: []any{with()}}, true, false},
		"reading a definition":          {vmCall("GetXML", with()), false, false},
		"reading one without passwords": {vmCall("GetXML", with("secrets", false)), false, false},
		"reading one with passwords":    {vmCall("GetXML", with("secrets", true)), true, false},
		"finding a VM":                  {&Call{Interface: "org.kvmmanager.Host", Member: "FindVM", Args: []any{"a", with()}}, false, false},
		"wrong types":                   {&Call{Interface: "org.kvmmanager.Host", Member: "FindVM", Args: []any{uint32(1), with()}}, true, true},
		"an argument too many":          {vmCall("GetXML", with(), "more"), true, true},
		"a method that there is not":    {vmCall("Explode"), true, true},
		"setting a property":            {&Call{Interface: propertiesName, Member: "Set"}, true, true},
		"reading a property":            {&Call{Interface: propertiesName, Member: "Get", Args: []any{"", ""}}, false, false},
	} {
		if err := o.Judge(false, tt.call, reply()); (err != nil) != tt.bob {
			t.Errorf("%s without rights: %v", name, err)
		}
		if err := o.Judge(true, tt.call, reply()); (err != nil) != tt.rootBad {
			t.Errorf("%s with rights: %v", name, err)
		}
	}
}

func TestEveryMethodThatNeedsAnActionIsRestricted(t *testing.T) {
	t.Parallel()
	o := testOracle(t)
	restricted := 0
	for name, m := range o.methods {
		dot := strings.LastIndexByte(name, '.')
		call := &Call{Interface: name[:dot], Member: name[dot+1:], Args: []any{with("secrets", true)}}
		if got := o.restricted(call); got != (len(o.actions(m)) > 0) {
			t.Errorf("%s is documented with the action %q, restricted: %v", name, m.Action, got)
		} else if got {
			restricted++
		}
	}
	if restricted < 20 {
		t.Errorf("only %d methods are restricted", restricted)
	}
}

func TestErrorsAreJudgedByNameAndText(t *testing.T) {
	t.Parallel()
	o := testOracle(t)
	const ours, standard = "org.kvmmanager.Error.", "org.freedesktop.DBus.Error."
	for _, tt := range []struct {
		sender, name, text string
		ok                 bool
	}{
		{testService, ours + "NotAuthorized", "You are not allowed to do this.", true},
		{testService, ours + "NotFound", "“a” does not exist.", true},
		{testService, ours + "LibvirtFailed", "libvirt failed without saying why.", true},
		{testService, standard + "InvalidArgs", `org.kvmmanager.VM.Start takes arguments of the types "a{sv}"; the call has "s".`, true},
		{testService, ours + "Internal", "The service made a mistake.", false},
		{testService, ours + "Nothing", "What is this?", false},
		{testService, standard + "Failed", "It failed.", false},
		{testService, "org.freedesktop.DBus.Python.ValueError", "No.", false},
		{testService, ours + "NotFound", "", false},
		{testService, ours + "NotFound", "no capital.", false},
		{testService, ours + "NotFound", "No full stop", false},
		{testService, ours + "NotFound", "Two\nlines.", false},
		{testService, ours + "NotFound", "A color \x1b[31m.", false},
		{testService, ours + "NotFound", "A color \u009b31m.", false},
		{testService, ours + "NotFound", "Not \xff UTF-8.", false},
		{testService, ours + "NotFound", strings.Repeat("Long. ", 1000) + ".", false},
		{testService, ours + "InvalidArgument", "Cannot open /etc/shadow.", false},
		{testService, ours + "InvalidArgument", "A panic: runtime error: index out of range.", false},
		{testService, ours + "InvalidArgument", "It is %!s(int=5).", false},
		{daemonName, standard + "LimitsExceeded", "too many", true},
		{daemonName, standard + "ServiceUnknown", "gone", false},
		{daemonName, standard + "NoReply", "Message recipient disconnected", false},
	} {
		if err := o.Judge(true, vmCall("Start", with()), failed(tt.sender, tt.name, tt.text)); (err == nil) != tt.ok {
			t.Errorf("%s %q from %s: %v", tt.name, tt.text, tt.sender, err)
		}
	}
}

func TestACallersOwnPathMayBeRepeated(t *testing.T) {
	t.Parallel()
	call := vmCall("SetXML", "<emulator>/usr/bin/evil</emulator>", with())
	answer := failed(testService, "org.kvmmanager.Error.InvalidArgument", "There is no emulator /usr/bin/evil.")
	if err := testOracle(t).Judge(true, call, answer); err != nil {
		t.Error(err)
	}
}
