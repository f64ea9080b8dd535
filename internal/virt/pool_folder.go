package virt

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"libvirt.org/go/libvirt"
	"libvirt.org/go/libvirtxml"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/inventory"
)

// poolFolder says who can put files and links into the folder of a pool. libvirt and
// QEMU follow links as root, so whoever can do that can have a VM use any file of
// the host.
type poolFolder struct {
	path   string
	weak   string // a folder that others than root can change; empty if there is none
	hidden bool   // this process cannot see the way to it
}

// safe reports whether only root can change what is in the folder.
func (f *poolFolder) safe() bool { return f.weak == "" && !f.hidden }

// words says what is wrong with the folder of a pool; empty if nothing is.
func (f *poolFolder) words(pool string) string {
	switch {
	case f.weak != "":
		return fmt.Sprintf("Others than root can change the folder “%s” of the storage pool “%s”. With a link they can have virtual machines use any file of the host.", f.weak, pool)
	case f.hidden:
		return fmt.Sprintf("The folder “%s” of the storage pool “%s” is hidden from this service, so it cannot tell whether others than root can change it. With a link they could have virtual machines use any file of the host.", f.path, pool)
	}
	return ""
}

// folderOf finds out who can change the folder of a pool. Only for the libvirtd of
// this system it matters and can be known: elsewhere every folder is safe, and so
// are block devices.
func (c *Conn) folderOf(p *libvirt.StoragePool) (poolFolder, error) {
	if c.places.config != systemConfig {
		return poolFolder{}, nil
	}
	doc, err := p.GetXMLDesc(0)
	if err != nil {
		return poolFolder{}, err
	}
	var pool libvirtxml.StoragePool
	if err := pool.Unmarshal(doc); err != nil {
		return poolFolder{}, err
	}
	// Below /dev there are also folders that everybody can write to, as /dev/shm.
	if pool.Target == nil || !strings.HasPrefix(pool.Target.Path, "/") || !model.PoolOfFiles(pool.Type) {
		return poolFolder{}, nil
	}
	f := poolFolder{path: pool.Target.Path}
	info, err := c.eyes.files.probe(context.Background(), f.path) // its own patience ends it
	switch {
	case err == nil && info.kind == fileFolder && !slices.Contains(private, info.path):
		if f.weak = info.weak; f.weak == "" && (info.uid != 0 || info.mode&0o022 != 0) {
			f.weak = info.path
		}
		return f, nil
	case err == nil && info.kind == fileMissing:
		return f, nil
	}
	// Folders like /home are root's, but what is in them only libvirt tells.
	f.hidden = !slices.Contains(private, filepath.Dir(filepath.Clean(f.path)))
	if perms := pool.Target.Permissions; perms == nil {
		f.hidden = true
	} else if mode, err := strconv.ParseUint(perms.Mode, 8, 32); err != nil || perms.Owner != "0" || mode&0o022 != 0 {
		f.weak = f.path
	}
	return f, nil
}

// guarded refuses a pool whose folder others than root can change, without the right
// to manage storage.
func (i *inspection) guarded(p *libvirt.StoragePool) error {
	if i.rights.Storage {
		return nil
	}
	f, err := i.over.folderOf(p)
	if err != nil || f.safe() {
		return err
	}
	name, err := p.GetName()
	if err != nil {
		return err
	}
	return errs.Wrap(errs.NotAuthorized, inventory.ErrNeedsStorage, "%s Using it takes the right to manage storage.", f.words(model.Printable(name)))
}

// inside refuses a volume that is a link out of the folder of its pool, and any of
// a pool whose folder others can change, without the right to manage storage.
func (i *inspection) inside(v *libvirt.StorageVol, place string) error {
	if i.rights.Storage || i.over.places.config != systemConfig {
		return nil
	}
	p, err := v.LookupPoolByVolume()
	if err != nil {
		return err
	}
	defer p.Free()
	if err := i.guarded(p); err != nil || isDevicePath(place) {
		return err
	}
	id, folder := i.over.eyes.identify(place), i.over.eyes.identify(filepath.Dir(place))
	if id.sight == seen && filepath.Dir(id.path) != folder.path {
		return errs.Wrap(errs.NotAuthorized, inventory.ErrNeedsStorage, "The volume “%s” is a link out of its storage pool. Using it takes the right to manage storage.", nameOf(v))
	}
	return nil
}

// MayFill looks whether new images may be put into a pool; see inventory.NewVolumes.
func (c *Conn) MayFill(ctx context.Context, pool string, rights inventory.ImageRights) error {
	return c.inPool(ctx, pool, func(conn *libvirt.Connect, p *libvirt.StoragePool) error {
		return c.inspect(conn, rights).guarded(p)
	})
}

// PoolWarning says who else can change the folder of a pool; see
// inventory.PoolManager.
func (c *Conn) PoolWarning(ctx context.Context, pool string) (words string, err error) {
	err = c.inPool(ctx, pool, func(_ *libvirt.Connect, p *libvirt.StoragePool) error {
		f, err := c.folderOf(p)
		if err != nil {
			return err
		}
		name, err := p.GetName()
		words = f.words(model.Printable(name))
		return err
	})
	return words, err
}

// checkFolders warns of pools that run whose folders others than root can change.
func (c *Conn) checkFolders(ctx context.Context, pools []*model.StoragePool) []model.Check {
	var checks []model.Check
	for _, p := range pools {
		if p.State != model.PoolRunning { // libvirt may not answer about others
			continue
		}
		words, err := c.PoolWarning(ctx, p.UUID)
		if err == nil && words != "" { // otherwise it went away meanwhile
			checks = append(checks, model.Check{
				ID: "storage-folder", Status: model.CheckWarning, Message: words,
				Hint: "Keep the pool in a folder that only root can change, with all folders above it, such as /var/lib/libvirt/images.",
			})
		}
	}
	return checks
}

// refuseLink refuses an image that a link of another user than root leads to. What
// this process cannot see, it cannot tell.
func (i *inspection) refuseLink(target, place string) error {
	if i.over.places.config != systemConfig || !strings.HasPrefix(place, "/") || isDevicePath(place) {
		return nil
	}
	info, err := i.over.eyes.files.probe(context.Background(), place) // its own patience ends it
	if err != nil || info.link == "" {
		return nil
	}
	return errs.New(errs.InvalidState, "The image of the disk %s, “%s”, is behind the symbolic link “%s” of another user than root. Name the file itself, or have root make the link.", target, place, info.link)
}
