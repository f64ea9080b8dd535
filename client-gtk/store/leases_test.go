package store_test

import (
	"strings"
	"testing"
	"time"

	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/model"
)

func TestALeaseIsCalledByItsVM(t *testing.T) {
	t.Parallel()
	vm := &model.VM{UUID: "6b6d6d74-0000-4000-8000-000000000001", Name: "web", Title: "The web server"}
	soon := time.Date(2026, 5, 1, 12, 30, 0, 0, time.Local)
	rows := english.Leases([]model.Lease{
		{MAC: "52:54:00:00:00:02", Address: "10.1.0.20", Name: "box", ExpiresAt: soon},
		{MAC: "52:54:00:00:00:03", Address: "10.1.0.21", Name: "web", VM: vm.Path(), ExpiresAt: soon},
		{MAC: "52:54:00:00:00:01", Address: "10.1.0.10"},
	}, lan(), []*model.VM{vm})
	for i, want := range []store.LeaseRow{
		{Title: "box", Subtitle: "10.1.0.20 · 52:54:00:00:00:02 · until 2026-05-01 12:30"},
		{Title: "The web server", Subtitle: "10.1.0.21 · 52:54:00:00:00:03 · until 2026-05-01 12:30"},
		{Title: "52:54:00:00:00:01", Subtitle: "10.1.0.10 · 52:54:00:00:00:01 · reserved", Reserved: true},
	} {
		if got := rows[i]; got.Title != want.Title || got.Subtitle != want.Subtitle || got.Reserved != want.Reserved {
			t.Errorf("%+v", got)
		}
	}
}

func TestALeaseIsReservedForItsGuest(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		what  string
		lease model.Lease
		want  model.DHCPHost
	}{
		{
			"with its name",
			model.Lease{MAC: "52:54:00:00:00:02", Address: "10.1.0.20", Name: "box", ID: "01:52", Family: "ipv4"},
			model.DHCPHost{MAC: "52:54:00:00:00:02", Address: "10.1.0.20", Name: "box"},
		},
		{
			"without the name of another guest",
			model.Lease{MAC: "52:54:00:00:00:02", Address: "10.1.0.20", Name: "WEB", Family: "ipv4"},
			model.DHCPHost{MAC: "52:54:00:00:00:02", Address: "10.1.0.20"},
		},
		{
			"without what is no name",
			model.Lease{MAC: "52:54:00:00:00:02", Address: "10.1.0.20", Name: "a b", Family: "ipv4"},
			model.DHCPHost{MAC: "52:54:00:00:00:02", Address: "10.1.0.20"},
		},
		{
			"by its id in IPv6",
			model.Lease{MAC: "52:54:00:00:00:02", Address: "fd00::20", ID: "00:01:02", Family: "ipv6"},
			model.DHCPHost{ID: "00:01:02", Address: "fd00::20"},
		},
	} {
		if got := store.Reservation(test.lease, lan()); got != test.want {
			t.Errorf("%s: %+v", test.what, got)
		}
	}
}

func TestAnAddressIsReservedForAGuestOfTheNetworkOrAnother(t *testing.T) {
	t.Parallel()
	card := func(mac string) *model.Device {
		return &model.Device{Kind: model.KindInterface, MAC: mac, NetworkName: "lan"}
	}
	vm := &model.VM{Name: "db", Interfaces: []*model.Device{card("52:54:00:00:00:01"), card("52:54:00:00:00:07"), {MAC: "52:54:00:00:00:08", NetworkName: "other"}}}
	form := english.ReservationForm(lan(), []*model.VM{vm})
	if guests := form.Fields[0].Choices; len(guests) != 2 || guests[0].Label != "db · 52:54:00:00:00:07" || guests[1].Value != "" {
		t.Errorf("the guests are %v", guests)
	}
	values := form.Start()
	if form.Missing(values) != "Address" {
		t.Error("no address is missing")
	}
	values["address"], values["name"] = " 10.1.0.77", "db"
	if got, err := store.NewReservation(values, lan()); err != nil || got != (model.DHCPHost{MAC: "52:54:00:00:00:07", Address: "10.1.0.77", Name: "db"}) {
		t.Errorf("for a VM it is %+v: %v", got, err)
	}
	values["guest"], values["mac"] = "", "52:54:00:00:00:09"
	if got, err := store.NewReservation(values, lan()); err != nil || got.MAC != "52:54:00:00:00:09" {
		t.Errorf("for another one it is %+v: %v", got, err)
	}
	values["address"] = "10.2.0.1"
	if _, err := store.NewReservation(values, lan()); err == nil || !strings.Contains(err.Error(), "in no subnet") {
		t.Errorf("somewhere else it is %v", err)
	}
}

func TestAddressesAreReservedInNetworksThatHaveSome(t *testing.T) {
	t.Parallel()
	denied := map[string]client.Permission{"org.kvmmanager.network.manage": client.Denied}
	if why := english.WhyNotNetwork(store.ReserveAddress, lan(), here, nil); why != "" {
		t.Error(why)
	}
	if english.WhyNotNetwork(store.ReserveAddress, lan(), here, denied) == "" || english.WhyNotNetwork(store.ReserveAddress, &model.Network{Mode: "bridge"}, here, nil) == "" {
		t.Error("everybody reserves addresses everywhere")
	}
	if kept := store.Reserved(lan()); len(kept) != 1 || kept[0] != (store.Fact{Name: "web", Value: "10.1.0.10 · 52:54:00:00:00:01"}) {
		t.Errorf("reserved are %v", kept)
	}
	if !store.Leasing(lan()) || store.Leasing(&model.Network{}) {
		t.Error("not the networks lease addresses that do")
	}
}
