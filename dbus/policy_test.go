package api_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/dbus"
	"org.kvmmanager/internal/testutil/bustest"
)

// TestThePolicyTakesCallsOnly sends what anybody may send on the system bus to
// the service's names, and to the connections that own them.
func TestThePolicyTakesCallsOnly(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("org.kvmmanager.conf.in")
	if err != nil {
		t.Fatal(err)
	}
	_, policy, _ := strings.Cut(string(text), "<busconfig>")
	policy, _, found := strings.Cut(policy, "</busconfig>")
	if !found {
		t.Fatal("the policy is no configuration of the bus")
	}
	// Whoever runs the test is the service here.
	policy = strings.Replace(policy, `<policy user="kvmmanager">`, `<policy user="root">`, 1)
	b := bustest.Start(t, policy)
	bob, public, private := b.Connect(t), b.Connect(t), b.Connect(t)
	received := make(chan *dbus.Message, 100)
	for name, conn := range map[string]*dbus.Conn{api.BusName: public, api.BusName + ".Private": private} {
		if reply, err := conn.RequestName(name, dbus.NameFlagDoNotQueue); err != nil || reply != dbus.RequestNameReplyPrimaryOwner {
			t.Fatalf("%s: %v, %v", name, reply, err)
		}
		if err := conn.AddMatchSignal(dbus.WithMatchInterface("a.b"), dbus.WithMatchMember("Broadcast")); err != nil {
			t.Fatal(err)
		}
		messages := make(chan *dbus.Message, 100) // which godbus closes
		conn.Eavesdrop(messages)
		go func() {
			for m := range messages {
				received <- m
			}
		}()
	}
	message := func(typ dbus.Type, to, member string) {
		m := &dbus.Message{Type: typ, Flags: dbus.FlagNoReplyExpected, Headers: map[dbus.HeaderField]dbus.Variant{
			dbus.FieldPath: dbus.MakeVariant(dbus.ObjectPath("/x")), dbus.FieldInterface: dbus.MakeVariant("a.b"),
			dbus.FieldMember: dbus.MakeVariant(member),
		}}
		if to != "" {
			m.Headers[dbus.FieldDestination] = dbus.MakeVariant(to)
		}
		bob.Send(m, make(chan *dbus.Call, 1))
	}
	for _, to := range []string{api.BusName, public.Names()[0], api.BusName + ".Private", private.Names()[0]} {
		message(dbus.TypeSignal, to, "Signal")
	}
	message(dbus.TypeMethodCall, api.BusName+".Private", "CallOfPrivate")
	message(dbus.TypeMethodCall, private.Names()[0], "CallOfPrivate")
	message(dbus.TypeMethodCall, public.Names()[0], "Call")
	message(dbus.TypeSignal, "", "Broadcast") // as polkit's, which both hear
	got := map[string]int{}
	for got["Broadcast"] < 2 {
		select {
		case m := <-received:
			member, _ := m.Headers[dbus.FieldMember].Value().(string)
			got[member]++
		case <-time.After(bustest.Timeout):
			t.Fatalf("received only %v", got)
		}
	}
	if got["Signal"] != 0 || got["CallOfPrivate"] != 0 || got["Call"] != 1 {
		t.Errorf("received %v, want a call and two broadcasts", got)
	}
}
