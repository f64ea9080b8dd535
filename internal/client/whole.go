package client

import (
	"context"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/model"
)

// GetWholeProperties reads the properties of an interface of an object into a
// struct, such as [model.VM], with none of them cut. The mirror has long ones cut;
// Truncated names those.
func (c *Client) GetWholeProperties(ctx context.Context, object model.Path, iface string, into any) error {
	m, err := c.send(ctx, model.Root, managerIface, "GetWholeProperties", nil, dbus.ObjectPath(object), iface)
	if err != nil {
		return err
	}
	defer m.Close()
	m.Body.Struct(into)
	return unexpected(m.Body.Err())
}
