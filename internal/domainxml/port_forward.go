package domainxml

import (
	"strconv"

	"org.kvmmanager/internal/domainxml/build"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

// portForwards is the ports of the host that an interface leads to its guest. A
// range that is left out of another one is none.
func portForwards(n *node) []model.PortForward {
	var list []model.PortForward
	for forward := range n.all("portForward") {
		for r := range forward.all("range") {
			if r.attr("exclude") != "yes" {
				list = append(list, model.PortForward{
					Protocol: forward.attr("proto"), Address: forward.attr("address"),
					HostPort: number(r.attr("start")), HostPortEnd: number(r.attr("end")), GuestPort: number(r.attr("to")),
				})
			}
		}
	}
	model.NormalizePortForwards(list)
	return list
}

// ForwardPorts replaces the ports of the host that an interface leads to its
// guest. What forwards them stays when there are none left: with another one the
// guest would get another address. Errors are InvalidArgument and NotSupported.
func (e *Element) ForwardPorts(list []model.PortForward) error {
	if e.node.attr("type") != "user" {
		return errs.New(errs.InvalidArgument, "Only an interface of the type “user” forwards ports.")
	}
	if err := model.ValidatePortForwards(list); err != nil {
		return errs.New(errs.InvalidArgument, "%s", err)
	}
	if e.forwardsMore() {
		return errs.New(errs.NotSupported, "Another program has set up the forwarded ports in a way that cannot be changed here. Change them in the XML.")
	}
	e.node.drop("portForward")
	model.NormalizePortForwards(list)
	for _, f := range list {
		e.node.children = append(e.node.children, forwardElement(f))
	}
	if len(list) == 0 {
		return nil
	}
	backend := e.node.find("backend")
	if backend == nil {
		backend = &node{name: "backend"}
		e.node.children = append(e.node.children, backend)
	}
	backend.set("type", build.Passt)
	return nil
}

// forwardsMore says whether an interface forwards ports in a way that the model
// has no words for.
func (e *Element) forwardsMore() bool {
	for forward := range e.node.all("portForward") {
		if forward.attr("dev") != "" || !forward.has("range") {
			return true
		}
		for r := range forward.all("range") {
			if r.attr("exclude") == "yes" {
				return true
			}
		}
	}
	return false
}

func forwardElement(f model.PortForward) *node {
	forward, ports := &node{name: "portForward"}, &node{name: "range"}
	forward.set("proto", f.Protocol)
	if f.Address != "" {
		forward.set("address", f.Address)
	}
	ports.set("start", strconv.Itoa(int(f.HostPort)))
	if f.HostPortEnd != 0 {
		ports.set("end", strconv.Itoa(int(f.HostPortEnd)))
	}
	ports.set("to", strconv.Itoa(int(f.GuestPort)))
	forward.children = []*node{ports}
	return forward
}
