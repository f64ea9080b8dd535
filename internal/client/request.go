package client

import (
	"context"
	"os"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/client/busconn"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

// request is a method call in the making.
type request struct {
	flags   dbus.Flags
	starts  bool // a service that does not run
	options map[string]dbus.Variant
	files   []*os.File
}

// newCall is a call with its options as the last argument. A service that does
// not run is started by it only if a person is behind it: whoever has stopped the
// service would not get rid of it while some program looks at it.
func newCall(path model.Path, iface, member string, options []Option, args ...any) (*busconn.Call, error) {
	r := &request{options: map[string]dbus.Variant{}}
	for _, option := range options {
		option(r)
	}
	if !r.starts {
		r.flags |= dbus.FlagNoAutoStart
	}
	if path == "" || !dbus.ObjectPath(path).IsValid() {
		return nil, errs.New(errs.NotFound, "There is no such object.")
	}
	return &busconn.Call{
		Destination: busName, Path: dbus.ObjectPath(path), Interface: iface, Member: member,
		Flags: r.flags, Args: append(args, r.options), Files: r.files,
	}, nil
}

// send makes a call and waits for the reply, which the caller must Close.
func (c *Client) send(ctx context.Context, path model.Path, iface, member string, options []Option, args ...any) (*busconn.Message, error) {
	call, err := newCall(path, iface, member, options, args...)
	if err != nil {
		return nil, err
	}
	m, err := c.conn.Call(ctx, call)
	return m, toError(err)
}

// call is send for a method whose results are plain values.
func (c *Client) call(ctx context.Context, path model.Path, iface, member string, options []Option, args []any, results ...any) error {
	m, err := c.send(ctx, path, iface, member, options, args...)
	if err != nil {
		return err
	}
	defer m.Close()
	return unexpected(m.Store(results...))
}

// unexpected is the error of a reply that is not as the API says.
func unexpected(err error) error {
	if err == nil {
		return nil
	}
	return errs.Wrap(errs.NotSupported, err, "The KVM Manager service that runs answers in another way.")
}

// paths calls a method that lists objects.
func (c *Client) paths(ctx context.Context, path model.Path, member string, options []Option) (list []model.Path, err error) {
	err = c.call(ctx, path, hostIface, member, options, nil, &list)
	return list, err
}

// job calls a method of a VM that starts a job.
func (c *Client) job(ctx context.Context, vm model.Path, member string, options []Option) (job model.Path, err error) {
	err = c.call(ctx, vm, vmIface, member, options, nil, &job)
	return job, err
}
