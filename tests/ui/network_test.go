//go:build display

package ui_test

import (
	"context"
	"os/exec"
	"testing"

	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/testutil/fakehv"
)

// networkCalled is the network of the real host with a name, or nil.
func networkCalled(s *client.Client, name string) *model.Network {
	for _, n := range s.Networks() {
		if n.Host == localHost && n.Name == name {
			return n
		}
	}
	return nil
}

func TestANetworkIsMadeStoppedStartedAndDeleted(t *testing.T) {
	s := service(t)
	const name = "ui & test"
	t.Cleanup(func() {
		for _, command := range []string{"net-destroy", "net-undefine"} {
			_ = exec.Command("virsh", command, name).Run()
		}
	})
	app := open(t)
	app.await(t, "list item", "This Computer")
	app.do(t, "open", localHost)
	app.do(t, "show", "networks")
	app.await(t, "button", "New Network…").act(t)
	create := app.await(t, "button", "Create")
	if create.is(sensitive) {
		t.Error("a network without a name can be made")
	}
	app.haveNames(t, "the dialog for a network", 8)
	app.await(t, "text box", "Name").write(t, name)
	app.await(t, "text box", "IPv4 Subnet, such as 192.168.100.0/24").write(t, "nonsense")
	app.await(t, "label", "“nonsense” is not a subnet. Write one as 192.168.100.0/24 or fd00:1::/64.")
	app.await(t, "text box", "IPv4 Subnet, such as 192.168.100.0/24").write(t, "10.77.0.0/24")
	awaitThat(t, "network that can be made", func() bool { return create.is(sensitive) })
	create.act(t)
	app.await(t, "list item", name)
	made := networkCalled(s, name)
	if made == nil || !made.Active || !made.Autostart || len(made.Addresses) != 1 || made.Addresses[0].Address != "10.77.0.1" {
		t.Fatalf("made was %+v", made)
	}
	app.arrowTo(t, "Networks", name)
	app.await(t, "button", "Stop").act(t)
	awaitThat(t, "network that was stopped", func() bool { return !networkCalled(s, name).Active })
	app.await(t, "button", "Start").act(t)
	awaitThat(t, "network that was started", func() bool { return networkCalled(s, name).Active })
	app.await(t, "button", "Delete").act(t)
	app.await(t, "label", "Delete “"+name+"”?")
	app.last(t, "button", "Delete").act(t)
	awaitThat(t, "network that was deleted", func() bool { return networkCalled(s, name) == nil })
}

func TestANetworkIsChangedAndAddressesAreReserved(t *testing.T) {
	world, service, app := fake(t, 1)
	uuid := fakehv.UUID(1)
	world.HV.PutNetwork(&model.Network{
		UUID: uuid, Name: "lan", Mode: "nat", Active: true, Persistent: true, DNS: true,
		Addresses:  []model.NetworkAddress{{Address: "10.1.0.1", Prefix: 24, Family: "ipv4"}},
		DHCPRanges: []model.DHCPRange{{Start: "10.1.0.2", End: "10.1.0.99"}},
	})
	world.HV.PutLeases(uuid, model.Lease{MAC: "52:54:00:00:00:05", Address: "10.1.0.50", Name: "box", Family: "ipv4", Prefix: 24})
	now := func() *model.Network {
		_, n := service.Inventory().Network(model.NetworkPath(uuid))
		return n
	}
	app.do(t, "open", localHost)
	app.do(t, "show", "networks")
	app.await(t, "list item", "lan")

	app.await(t, "list item", "box")
	app.click(t, "Reserve This Address for box")
	app.await(t, "button", "Reserve box No Longer")
	if hosts := now().DHCPHosts; len(hosts) != 1 || hosts[0] != (model.DHCPHost{MAC: "52:54:00:00:00:05", Address: "10.1.0.50", Name: "box"}) {
		t.Errorf("reserved are %v", hosts)
	}
	app.click(t, "Reserve an Address…")
	app.haveNames(t, "the dialog for a reserved address", 6)
	app.await(t, "text box", "Address").write(t, "10.2.0.7")
	app.await(t, "text box", "MAC Address").write(t, "52:54:00:00:00:07")
	app.await(t, "label", "The address 10.2.0.7 is in no subnet of the network.")
	app.await(t, "text box", "Address").write(t, "10.1.0.7")
	app.click(t, "Reserve")
	app.await(t, "button", "Reserve 52:54:00:00:00:07 No Longer")
	app.click(t, "Reserve box No Longer")
	awaitThat(t, "one reserved address", func() bool { return len(now().DHCPHosts) == 1 })

	app.click(t, "Change…")
	app.haveNames(t, "the dialog of a network", 12)
	const ranges = "Addresses for Guests, such as 10.1.0.2 – 10.1.0.99"
	app.await(t, "text box", ranges).write(t, "10.1.0.9")
	app.await(t, "label", "“10.1.0.9” is not a range of addresses. Write it as 10.1.0.2 – 10.1.0.99.")
	app.await(t, "text box", ranges).write(t, "10.1.0.20 - 10.1.0.40")
	app.await(t, "label", "Takes effect now")
	app.await(t, "text box", "DNS Domain").write(t, "lab.example")
	app.await(t, "label", "Takes effect now, but this only when the network was stopped and is started again: DNS domain")
	app.click(t, "Apply")
	awaitThat(t, "range that was changed", func() bool {
		r := now().DHCPRanges
		return len(r) == 1 && r[0] == model.DHCPRange{Start: "10.1.0.20", End: "10.1.0.40"}
	})
	app.await(t, "label", "Changes at the next start")
}

func TestTheLeaseOfAGuestIsShownAndReserved(t *testing.T) {
	s := service(t)
	host := func() *model.DHCPHost {
		for _, h := range networkCalled(s, "default").DHCPHosts {
			if h.MAC == "52:54:00:6b:6d:01" {
				return &h
			}
		}
		return nil
	}
	t.Cleanup(func() {
		if h := host(); h != nil {
			_ = s.RemoveDHCPHost(context.Background(), networkCalled(s, "default").Path(), *h)
		}
	})
	app := open(t)
	app.await(t, "list item", "This Computer")
	app.do(t, "open", localHost)
	app.do(t, "show", "networks")
	app.await(t, "list item", "default")
	if _, err := s.Start(t.Context(), tiny); err != nil {
		t.Fatal(err)
	}
	awaitThat(t, "guest that answers", func() bool { return s.VM(tiny).State == model.VMRunning })
	awaitThat(t, "guest with an address", func() bool { return len(s.VM(tiny).IPAddresses) > 0 })
	app.click(t, "Reserve This Address for A tiny guest")
	awaitThat(t, "reserved address", func() bool { return host() != nil })
}
