//go:build display

package ui_test

import (
	"os/exec"
	"testing"

	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/model"
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
	app.point(t, app.await(t, "list item", name))
	app.await(t, "button", "Stop").act(t)
	awaitThat(t, "network that was stopped", func() bool { return !networkCalled(s, name).Active })
	app.await(t, "button", "Start").act(t)
	awaitThat(t, "network that was started", func() bool { return networkCalled(s, name).Active })
	app.await(t, "button", "Delete").act(t)
	app.await(t, "label", "Delete “"+name+"”?")
	app.last(t, "button", "Delete").act(t)
	awaitThat(t, "network that was deleted", func() bool { return networkCalled(s, name) == nil })
}
