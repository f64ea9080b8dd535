package client

import (
	"fmt"
	"strings"

	"org.kvmmanager/dbus"
	"org.kvmmanager/internal/client/busconn"
	"org.kvmmanager/internal/model"
)

const (
	busName           = api.BusName
	objectManagerName = "org.freedesktop.DBus.ObjectManager"
	propertiesName    = "org.freedesktop.DBus.Properties"
)

// matchRules are what the mirror follows. Statistics have a rule of their own,
// since they are sent to everybody who has one.
func matchRules() []string {
	return []string{
		fmt.Sprintf("type='signal',sender='%s',interface='%s',member='NameOwnerChanged',arg0='%s'",
			busconn.DaemonName, busconn.DaemonInterface, busName),
		fmt.Sprintf("type='signal',sender='%s',path='%s',interface='%s'", busName, api.RootPath, objectManagerName),
		fmt.Sprintf("type='signal',sender='%s',path_namespace='%s',interface='%s'", busName, api.RootPath, propertiesName),
		fmt.Sprintf("type='signal',sender='%s',path='%s',interface='%s'", busName, api.RootPath, api.ManagerInterface),
	}
}

// handler is the client as its connection sees it: what runs on the goroutine
// that reads.
type handler Client

// Signal implements busconn.Handler. A rule that names the service does not
// keep others from sending to us directly, so the sender counts.
func (h *handler) Signal(m *busconn.Message) {
	c := (*Client)(h)
	switch {
	case m.Sender == busconn.DaemonName:
		if m.Interface == busconn.DaemonInterface && m.Member == "NameOwnerChanged" {
			c.nameOwnerChanged(m)
		}
	case c.ownedBy(m.Sender):
		c.serviceSignal(m)
	}
}

// Ended implements busconn.Handler.
func (h *handler) Ended(err error) {
	c := (*Client)(h)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.setStatus(Status{Closed, toError(err)})
	c.owner = ""
	c.epoch++
	for _, t := range c.managed() {
		t.begin() // nothing of it will be told any more
		t.end()
	}
	c.statistics.end()
	c.commit()
}

func (c *Client) ownedBy(sender string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return sender == c.owner
}

func (c *Client) serviceSignal(m *busconn.Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if unread := c.apply(m); unread != "" {
		// An error means that the object has gone, which is announced.
		c.readOne(model.Path(m.Path), unread, func(error) {})
	}
	c.commit()
}

// apply changes the mirror. What is told about objects before they have been
// read is part of the answer that is on its way, unless they are read in parts. It returns the interface of an
// object whose changes the signal does not tell in full. The caller holds mu.
func (c *Client) apply(m *busconn.Message) (unread string) {
	r := m.Body
	switch m.Interface + "." + m.Member + " " + m.Signature {
	case propertiesName + ".PropertiesChanged sa{sv}as":
		iface := r.Text()
		t := c.tables[iface]
		if t == nil || !c.loaded && !c.parts && iface != managerIface || !t.update(model.Path(m.Path), r) {
			return ""
		}
		if end := r.Array(4); r.More(end) {
			return iface
		}
	case objectManagerName + ".InterfacesAdded oa{sa{sv}}":
		if c.loaded || c.parts {
			c.loadObject(r.Path(), r)
		}
	case objectManagerName + ".InterfacesRemoved oas":
		if c.loaded || c.parts {
			c.removeObject(r.Path(), r)
		}
	case api.ManagerInterface + ".PermissionsChanged ":
		c.dropPermissions()
	case api.HostInterface + ".StatisticsSampled ta{oa{sv}}":
		c.statistics.sampled(model.Path(m.Path), r)
	}
	return ""
}

func lastElement(path model.Path) string {
	return string(path[strings.LastIndexByte(string(path), '/')+1:])
}
