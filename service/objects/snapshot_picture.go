package objects

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"time"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/inventory"
	"org.kvmmanager/service/pictures"
)

// screenPatience is how long a snapshot waits for a picture of the screen.
const screenPatience = 2 * time.Second

func (r *request) pictures() *pictures.Store {
	return pictures.New(r.service.pictures, r.host.ID())
}

// screen is what the guest shows now, as a PNG. It is empty if the guest shows
// nothing, or hangs.
func (r *request) screen(ctx context.Context, conn inventory.Conn) []byte {
	if r.service.pictures == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, screenPatience)
	defer cancel()
	var picture bytes.Buffer
	mime, err := conn.Screenshot(ctx, r.vm.UUID, 0, &bounded{&picture, pictures.MaxSize})
	if err != nil || mime != "image/png" {
		r.service.log.Debug("a snapshot has no picture", "vm_uuid", r.vm.UUID, "mime", mime, "error", err)
		return nil
	}
	return picture.Bytes()
}

// keepPicture keeps what the guest showed when a snapshot was made of it. The
// snapshot is as good without.
func (r *request) keepPicture(png []byte, of model.Path) {
	vm := r.host.VM(r.vm.UUID)
	if len(png) == 0 || vm == nil || vm.Snapshot(of) == nil {
		return
	}
	if err := r.pictures().Put(vm.UUID, vm.Snapshot(of), png); err != nil {
		r.service.log.Warn("cannot keep the picture of a snapshot", "vm_uuid", vm.UUID, "error", err)
	}
}

// sweepPictures removes the pictures of snapshots and VMs that are gone.
func (r *request) sweepPictures() {
	if r.service.pictures == "" {
		return
	}
	if err := r.pictures().Sweep(r.host.VM); err != nil {
		r.service.log.Warn("cannot remove pictures of snapshots", "error", err)
	}
}

func (r *request) openPicture() (*os.File, error) {
	if r.service.pictures == "" {
		return nil, os.ErrNotExist
	}
	return r.pictures().Open(r.vm.UUID, r.snapshot)
}

// getSnapshotScreenshot hands over a copy, so that nothing the caller does reaches
// the service's file.
func (r *request) getSnapshotScreenshot(context.Context) ([]any, error) {
	kept, err := r.openPicture()
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, errs.New(errs.NotFound, "There is no picture of the snapshot “%s”. The service takes one of guests that run, when it makes a snapshot with their memory.", r.snapshot.Name)
	case err != nil:
		return nil, errs.Wrap(errs.Internal, err, "The service cannot read from its state folder. Its journal has the details.")
	}
	defer kept.Close()
	file, err := memoryFile("screenshot")
	if err != nil {
		return nil, err
	}
	if _, err = io.Copy(file, kept); err == nil {
		err = finish(file)
	}
	if err != nil {
		file.Close()
		return nil, errs.Wrap(errs.Internal, err, "The service has no memory for the image.")
	}
	return []any{file, "image/png"}, nil
}
