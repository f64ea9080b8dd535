package store_test

import (
	"fmt"
	"strings"
	"testing"

	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/model"
)

func TestForwardedPortsAreAddedAndRemoved(t *testing.T) {
	t.Parallel()
	value, err := store.AddForward("", "tcp", 2222, 22)
	if err == nil {
		value, err = store.AddForward(value, "udp", 2222, 53)
	}
	if list := store.Forwards(value); err != nil || fmt.Sprint(list) != "[{tcp  2222 0 22} {udp  2222 0 53}]" {
		t.Fatalf("they are %v, %v", list, err)
	}
	if again, err := store.AddForward(value, "tcp", 2222, 80); err == nil || again != value || !strings.Contains(err.Error(), "twice") {
		t.Errorf("one that is taken: %s, %v", again, err)
	}
	for _, f := range store.Forwards(value) {
		value = store.RemoveForward(value, f)
	}
	if value != "" {
		t.Errorf("%s is left", value)
	}
}

func TestAForwardedPortIsSaidInWords(t *testing.T) {
	t.Parallel()
	for want, f := range map[string]model.PortForward{
		"Host 2222 → Guest 22 / TCP":                       {Protocol: "tcp", HostPort: 2222, GuestPort: 22},
		"Host 5000–5009 → Guest 80–89 / UDP · 2001:db8::1": {Protocol: "udp", HostPort: 5000, HostPortEnd: 5009, GuestPort: 80, Address: "2001:db8::1"},
	} {
		if ports, what := (store.Words{}).Forward(f); ports+" / "+what != want {
			t.Errorf("%s / %s, not %s", ports, what, want)
		}
	}
}

func TestUserNetworkingForwardsPorts(t *testing.T) {
	t.Parallel()
	s := around()
	form := store.Words{}.AddForm(model.KindInterface, machine, s)
	values := form.Start()
	values["type"] = "user"
	values["port-forwards"], _ = store.AddForward("", "tcp", 2222, 22)
	added := store.Addition(model.KindInterface, &form, values, machine, s).Values
	if got := fmt.Sprint(added); got != "map[kind:interface model:virtio port-forwards:[{tcp  2222 0 22}] type:user]" {
		t.Errorf("it is added as %s", got)
	}
	values["type"] = "network"
	if got := store.Addition(model.KindInterface, &form, values, machine, s).Values["port-forwards"]; got != nil {
		t.Errorf("a network forwards %v", got)
	}

	nic := &model.Device{ID: "nic", Kind: model.KindInterface, Type: "user", Model: "virtio", PortForwards: []model.PortForward{{Protocol: "tcp", HostPort: 2222, GuestPort: 22}}}
	form, before := store.Words{}.ChangeForm(nic, s)
	now := store.Values{"model": "virtio", "port-forwards": ""}
	changes := store.Alterations(nic, &form, before, now, machine, s)
	if list, given := changes[0].Values["port-forwards"].([]model.PortForward); len(changes) != 1 || !given || len(list) != 0 {
		t.Errorf("without ports it is changed by %v", changes)
	}
	now["port-forwards"] = before["port-forwards"]
	if changes := store.Alterations(nic, &form, before, now, machine, s); len(changes) != 0 {
		t.Errorf("as it was it is changed by %v", changes)
	}
}
