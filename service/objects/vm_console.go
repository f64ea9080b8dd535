package objects

import (
	"context"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/wire"
)

// maxKeys is what libvirt presses at once.
const maxKeys = 16

func (r *request) openConsole(ctx context.Context) ([]any, error) {
	if err := r.needActive(); err != nil {
		return nil, err
	}
	console := r.vm.Console(r.text(0))
	if console == nil {
		return nil, errs.New(errs.NotFound, "“%s” has no console “%s”.", r.vm.Name, model.Printable(r.text(0)))
	}
	conn, err := r.conn()
	if err != nil {
		return nil, err
	}
	file, err := conn.OpenConsole(ctx, r.vm.UUID, console.Alias, r.options.flag("force"))
	if err != nil {
		return nil, err
	}
	return []any{file}, nil
}

func (r *request) openDisplay(ctx context.Context) ([]any, error) {
	if err := r.needActive(); err != nil {
		return nil, err
	}
	index := r.number(0)
	if int64(index) >= int64(len(r.vm.Graphics)) {
		return nil, errs.New(errs.NotFound, "“%s” has %d displays, and none with the number %d.", r.vm.Name, len(r.vm.Graphics), index)
	}
	conn, err := r.conn()
	if err != nil {
		return nil, err
	}
	file, info, err := conn.OpenDisplay(ctx, r.vm.UUID, index)
	if err != nil {
		return nil, err
	}
	return []any{file, wire.Dict(map[string]any{"type": info.Type})}, nil
}

func (r *request) sendKeys(ctx context.Context) ([]any, error) {
	names := r.Args[0].([]string)
	if len(names) == 0 || len(names) > maxKeys {
		return nil, errs.New(errs.InvalidArgument, "Give 1 to %d keys, not %d.", maxKeys, len(names))
	}
	codes := make([]uint32, len(names))
	for i, name := range names {
		code, ok := keyCodes[name]
		if !ok {
			return nil, errs.New(errs.InvalidArgument, "There is no key called “%s”. Names are those of Linux, such as KEY_LEFTCTRL.", model.Printable(name))
		}
		codes[i] = code
	}
	if err := r.needActive(); err != nil {
		return nil, err
	}
	conn, err := r.conn()
	if err != nil {
		return nil, err
	}
	return nil, conn.SendKeys(ctx, r.vm.UUID, codes)
}

// maxScreenshot is the largest picture that is handed over, in bytes. It is in
// the service's memory, and the guest decides how large its screen is.
const maxScreenshot = 64 << 20

// bounded takes so many bytes, and no more.
type bounded struct {
	io.Writer
	left int
}

func (b *bounded) Write(p []byte) (int, error) {
	if len(p) > b.left {
		return 0, errs.New(errs.NotSupported, "The picture of the screen is too large.")
	}
	b.left -= len(p)
	return b.Writer.Write(p)
}

// takeScreenshot hands over a memory file that holds the whole image, sealed,
// so that the caller can map it without fear of it changing.
func (r *request) takeScreenshot(ctx context.Context) ([]any, error) {
	if err := r.needActive(); err != nil {
		return nil, err
	}
	conn, err := r.conn()
	if err != nil {
		return nil, err
	}
	file, err := memoryFile("screenshot")
	if err != nil {
		return nil, err
	}
	mime, err := conn.Screenshot(ctx, r.vm.UUID, r.options.number("screen"), &bounded{file, maxScreenshot})
	if err == nil {
		err = finish(file)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return []any{file, mime}, nil
}

func memoryFile(name string) (*os.File, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, errs.Wrap(errs.Internal, err, "The service has no memory for the image.")
	}
	return os.NewFile(uintptr(fd), name), nil
}

func finish(file *os.File) error {
	const seals = unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE | unix.F_SEAL_SEAL
	if _, err := unix.FcntlInt(file.Fd(), unix.F_ADD_SEALS, seals); err != nil {
		return err
	}
	_, err := file.Seek(0, 0)
	return err
}
