package objects

import (
	"context"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/inventory"
	"org.kvmmanager/service/jobs"
)

const optDeleteContents = "delete-contents"

// deletePool stops a pool and removes its configuration. What it holds stays
// where it is, unless the caller asks.
func (r *request) deletePool(ctx context.Context) ([]any, error) {
	if err := r.refuseRunning("delete the pool"); err != nil {
		return nil, err
	}
	contents := r.options.flag(optDeleteContents)
	if contents {
		if err := r.needActivePool(); err != nil {
			return nil, err
		}
		if err := r.refuseUsed(); err != nil {
			return nil, err
		}
	}
	conn, err := r.conn()
	if err != nil {
		return nil, err
	}
	return r.startJob(ctx, jobs.Spec{
		Operation: "delete-pool", Objects: []model.Path{r.pool.Path()},
		Run: func(ctx context.Context, job *jobs.Job) (map[string]any, error) {
			unlock, err := r.service.locks.lock(ctx, r.pool.UUID)
			if err != nil {
				return nil, err
			}
			defer unlock()
			defer func() { r.announcePool(ctx, r.pool.UUID) }()
			result := map[string]any{}
			if contents {
				deleted, err := r.deleteContents(ctx, conn, job)
				if err != nil {
					return nil, err
				}
				result["volumes-deleted"] = uint32(deleted)
			}
			kept, err := conn.DeletePool(ctx, r.pool.UUID, contents)
			if err != nil {
				return nil, err
			}
			if kept != nil {
				_, why := errs.Of(kept)
				result["kept"] = why
			}
			return result, nil
		},
	})
}

// refuseUsed names a VM or a volume of another pool that needs what is to be
// deleted.
func (r *request) refuseUsed() error {
	for _, v := range r.host.Volumes(r.pool.UUID) {
		if err := r.refuseUsers(v); err != nil {
			return err
		}
		for _, overlay := range r.host.MadeOf(v.Place) {
			if overlay.Pool != v.Pool {
				return madeOf(overlay, v)
			}
		}
	}
	return nil
}

// deleteContents deletes every volume of the pool, those that are made of others
// first.
func (r *request) deleteContents(ctx context.Context, conn inventory.Conn, job *jobs.Job) (int, error) {
	if err := r.host.RefreshVolumes(ctx, r.pool.UUID); err != nil {
		return 0, err
	}
	if err := r.refuseUsed(); err != nil {
		return 0, err
	}
	// What a snapshot needs is only libvirt's to know: either all of it goes or none.
	if err := conn.CheckPool(ctx, r.pool.UUID); err != nil {
		return 0, err
	}
	volumes := layered(r.host.Volumes(r.pool.UUID), r.host.Place)
	for i, v := range volumes {
		if err := conn.DeleteVolumeOf(ctx, r.pool.UUID, v.Name); err != nil && !errs.Is(err, errs.NotFound) {
			return i, err
		}
		job.Progress(uint64(i+1), uint64(len(volumes)))
	}
	return len(volumes), nil
}

// layered orders volumes so that each comes before what it is made of. place
// returns a path without links.
func layered(volumes []*model.StorageVolume, place func(string) string) []*model.StorageVolume {
	places := make(map[string]*model.StorageVolume, len(volumes))
	for _, v := range volumes {
		places[place(v.Place)] = v
	}
	seen := make(map[*model.StorageVolume]bool, len(volumes))
	var bottomUp []*model.StorageVolume
	var visit func(*model.StorageVolume)
	visit = func(v *model.StorageVolume) {
		if v == nil || seen[v] {
			return
		}
		seen[v] = true
		visit(places[place(v.Backing)])
		bottomUp = append(bottomUp, v)
	}
	for _, v := range volumes {
		visit(v)
	}
	for i, j := 0, len(bottomUp)-1; i < j; i, j = i+1, j-1 {
		bottomUp[i], bottomUp[j] = bottomUp[j], bottomUp[i]
	}
	return bottomUp
}
