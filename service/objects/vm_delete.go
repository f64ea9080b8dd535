package objects

import (
	"context"
	"slices"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/inventory"
	"org.kvmmanager/service/jobs"
)

const optDeleteStorage = "delete-storage"

// allStorage stands for every disk that nobody else uses.
const allStorage = "*"

// deleteVM removes the definition, the saved state and the NVRAM, and the disks
// that the caller names.
func (r *request) deleteVM(ctx context.Context) ([]any, error) {
	if err := r.need(!r.vm.State.Active(), "Turn the VM off before you delete it"); err != nil {
		return nil, err
	}
	disks := r.options.list(optDeleteStorage)
	for _, id := range disks {
		if id != allStorage && !slices.ContainsFunc(r.vm.Disks, func(d *model.Device) bool { return d.ID == id }) {
			return nil, errs.New(errs.InvalidArgument, "“%s” has no disk “%s”.", r.vm.Name, model.Printable(id))
		}
	}
	conn, err := r.conn()
	if err != nil {
		return nil, err
	}
	return r.startJob(ctx, jobs.Spec{
		Operation: "delete", Objects: []model.Path{r.vm.Path()},
		Run: r.alone(func(ctx context.Context, _ *jobs.Job) (map[string]any, error) {
			var storage []inventory.DiskStorage
			var err error
			if len(disks) > 0 {
				// Once the definition is gone, nobody knows what its disks were.
				if storage, err = conn.Storage(ctx, r.vm.UUID); err != nil {
					return nil, err
				}
			}
			storage = slices.DeleteFunc(storage, func(s inventory.DiskStorage) bool {
				return !slices.Contains(disks, s.Disk) && !slices.Contains(disks, allStorage)
			})
			notes, err := r.remember(storage)
			if err != nil {
				return nil, err
			}
			err = conn.Delete(ctx, r.vm.UUID)
			r.refresh(context.WithoutCancel(ctx))
			if err != nil {
				forget(notes, err)
				return nil, err
			}
			r.sweepPictures()
			if len(disks) == 0 {
				return nil, nil
			}
			return r.deleteStorage(context.WithoutCancel(ctx), conn, storage, notes), nil
		}),
	})
}

// remember notes which volumes go with the VM, since nobody knows any more once
// its definition is gone.
func (r *request) remember(storage []inventory.DiskStorage) (map[string]inventory.Note, error) {
	notes := map[string]inventory.Note{}
	for _, s := range storage {
		if s.Kept != "" || s.Pool == "" {
			continue
		}
		note, err := r.service.unfinished.OnHost(r.host.ID()).Removal(s.Pool, s.Name)
		if err != nil {
			forget(notes, nil)
			return nil, err
		}
		notes[s.Disk] = note
	}
	return notes, nil
}

// forget ends the notes of a VM that was not deleted. Where it is unknown whether
// it was, whoever clears up finds out.
func forget(notes map[string]inventory.Note, err error) {
	for _, note := range notes {
		if errs.Is(err, errs.Disconnected) || errs.Is(err, errs.Timeout) {
			note.Leave()
		} else {
			note.Done()
		}
	}
}

// deleteStorage removes the volumes of a VM that is gone. What stays is named,
// with the reason.
func (r *request) deleteStorage(ctx context.Context, conn inventory.Conn, storage []inventory.DiskStorage, notes map[string]inventory.Note) map[string]any {
	deleted, kept, reasons := []string{}, []string{}, []string{}
	for _, s := range storage {
		reason := s.Kept
		if reason == "" {
			if err := conn.DeleteVolume(ctx, s.Volume); err != nil && !errs.Is(err, errs.NotFound) {
				_, reason = errs.Of(err)
			}
			_ = r.host.RefreshVolumeAt(ctx, s.Volume) // the outcome is the deletion's
		}
		if note := notes[s.Disk]; note != nil {
			note.Done() // what stays is named
		}
		if reason == "" {
			deleted = append(deleted, s.Disk)
			continue
		}
		kept, reasons = append(kept, s.Disk), append(reasons, reason)
	}
	return map[string]any{"deleted": deleted, "kept": kept, "reasons": reasons}
}

// deleteStorageAction asks for the right to delete volumes if any are named.
func deleteStorageAction(r *request) string {
	if len(r.options.list(optDeleteStorage)) > 0 {
		return actionStorage
	}
	return open
}
