package client

import (
	"context"
	"os"

	"org.kvmmanager/internal/model"
)

// OpenConsole connects to a serial console of a running VM: the one with this
// device id, or the first. It takes Force. The caller closes the file.
func (c *Client) OpenConsole(ctx context.Context, vm model.Path, id string, options ...Option) (*os.File, error) {
	m, err := c.send(ctx, vm, vmIface, "OpenConsole", options, id)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	file, err := m.File("console")
	return file, unexpected(err)
}

// DisplayInfo says what OpenDisplay opened.
type DisplayInfo struct {
	Type string `wire:"type"` // vnc, spice or dbus
}

// OpenDisplay connects to the display with this index in VM.Graphics. The file
// is a socket that speaks the display's protocol; the caller closes it.
func (c *Client) OpenDisplay(ctx context.Context, vm model.Path, index uint32, options ...Option) (*os.File, DisplayInfo, error) {
	var info DisplayInfo
	m, err := c.send(ctx, vm, vmIface, "OpenDisplay", options, index)
	if err != nil {
		return nil, info, err
	}
	defer m.Close()
	file, err := m.File("display")
	if err != nil {
		return nil, info, unexpected(err)
	}
	m.Body.Struct(&info)
	if err := m.Body.Err(); err != nil {
		_ = file.Close()
		return nil, info, unexpected(err)
	}
	return file, info, nil
}

// SendKeys presses keys all together and releases them. Their names are those
// of Linux, such as KEY_LEFTCTRL.
func (c *Client) SendKeys(ctx context.Context, vm model.Path, keys []string, options ...Option) error {
	return c.call(ctx, vm, vmIface, "SendKeys", options, []any{keys})
}

// TakeScreenshot takes a picture of what the guest shows. It takes Screen. The
// file holds the whole image, of this MIME type, and cannot change; the caller
// closes it.
func (c *Client) TakeScreenshot(ctx context.Context, vm model.Path, options ...Option) (image *os.File, mime string, err error) {
	return c.image(ctx, vm, vmIface, "TakeScreenshot", options)
}

// image calls a method that answers with an image and its MIME type.
func (c *Client) image(ctx context.Context, path model.Path, iface, method string, options []Option) (image *os.File, mime string, err error) {
	m, err := c.send(ctx, path, iface, method, options)
	if err != nil {
		return nil, "", err
	}
	defer m.Close()
	if image, err = m.File("screenshot"); err != nil {
		return nil, "", unexpected(err)
	}
	mime = m.Body.Text()
	if err := m.Body.Err(); err != nil {
		_ = image.Close()
		return nil, "", unexpected(err)
	}
	return image, mime, nil
}
