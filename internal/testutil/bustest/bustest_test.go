package bustest

import (
	"testing"

	"github.com/godbus/dbus/v5"
)

func TestABusLivesAsLongAsItsTest(t *testing.T) {
	t.Parallel()
	var address string
	t.Run("inner", func(t *testing.T) { //nolint:paralleltest // it must end before the rest
		b := Start(t)
		address = b.Address
		if names := b.Connect(t).Names(); len(names) == 0 {
			t.Error("the connection has no name")
		}
	})
	if conn, err := dbus.Connect(address); err == nil {
		_ = conn.Close()
		t.Error("the bus outlived its test")
	}
}

func TestABusObeysItsExtraConfiguration(t *testing.T) {
	t.Parallel()
	b := Start(t, `<policy context="default"><deny own="test.Denied"/></policy>`)
	conn := b.Connect(t)
	if _, err := conn.RequestName("test.Denied", 0); err == nil {
		t.Error("a denied name was given")
	}
	if _, err := conn.RequestName("test.Allowed", 0); err != nil {
		t.Errorf("an allowed name was not given: %v", err)
	}
}

func TestBusesDoNotKnowOfEachOther(t *testing.T) {
	t.Parallel()
	one, other := Start(t).Connect(t), Start(t).Connect(t)
	if _, err := one.RequestName("test.Name", 0); err != nil {
		t.Fatal(err)
	}
	var owned bool
	if err := other.BusObject().Call("org.freedesktop.DBus.NameHasOwner", 0, "test.Name").Store(&owned); err != nil || owned {
		t.Errorf("the name of one bus is owned on another: %v, %v", owned, err)
	}
}
