package virt

import (
	"context"
	"crypto/rand"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/domainxml"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

// scratchPool begins the names of pools that are there for a moment only, so
// that libvirt can get at an image that is in no pool. Nobody is shown them.
const scratchPool = "kvm-manager-scratch-"

// scratchAgain is how soon somebody else's scratch pool is looked at again that
// could not be ended.
const scratchAgain = 10 * time.Second

// newScratch begins the names of one connection's own scratch pools.
func newScratch() string { return scratchPool + rand.Text() + "-" }

func isScratch(name string) bool { return strings.HasPrefix(name, scratchPool) }

// inScratch says whether a volume is in no other pool.
func inScratch(v *libvirt.StorageVol) bool {
	p, err := v.LookupPoolByVolume()
	if err != nil {
		return false
	}
	defer p.Free()
	name, err := p.GetName()
	return err == nil && isScratch(name)
}

// withImage looks up the volume at a place. A file that is in no pool gets one
// for as long as that takes; libvirt allows one for each folder at a time.
func (c *Conn) withImage(conn *libvirt.Connect, scratch, kind, place string, do func(*libvirt.StorageVol) error) error {
	if err := c.refuseSilent(c.ctx, place); errs.Is(err, errs.Timeout) {
		return err
	}
	v, err := c.volumeAt(conn, place)
	if err == nil {
		defer v.Free()
		return do(v)
	}
	if kind != "file" || !filepath.IsAbs(place) || !hasCode(err, libvirt.ERR_NO_STORAGE_VOL) {
		return err
	}
	folder, name := filepath.Split(place)
	if isKernels(folder) {
		return errs.New(errs.NotSupported, "The image “%s” is in a folder of the kernel, whose files are not looked at.", place)
	}
	xml, err := domainxml.NewPool(&model.PoolSpec{Name: scratch + rand.Text(), Kind: "dir", Target: filepath.Clean(folder)})
	if err != nil {
		return err
	}
	p, err := conn.StoragePoolCreateXML(xml, 0)
	if err != nil {
		return err
	}
	defer p.Free()
	defer func() { _ = p.Destroy() }()
	v, err = p.LookupStorageVolByName(name)
	if hasCode(err, libvirt.ERR_NO_STORAGE_VOL) {
		return errs.Wrap(errs.NotFound, err, "The image “%s” is not there.", place)
	}
	if err != nil {
		return err
	}
	defer v.Free()
	return do(v)
}

// isKernels reports whether a folder has files that do something when they are
// opened, as libvirt opens all files of a pool.
func isKernels(folder string) bool {
	return slices.ContainsFunc([]string{"/dev", "/proc", "/sys"}, func(of string) bool { return within(filepath.Clean(folder), of) })
}

// clearScratch ends the pools that processes left which were killed: all but our
// own. A copy that libvirt is still at keeps its pool, so that comes later.
func (c *Conn) clearScratch(ctx context.Context) {
	busy, err := readPools(ctx, c, "", func(conn *libvirt.Connect) (busy bool, err error) {
		pools, err := conn.ListAllStoragePools(libvirt.CONNECT_LIST_STORAGE_POOLS_TRANSIENT)
		if err != nil {
			return false, err
		}
		defer freeRest(pools, (*libvirt.StoragePool).Free)
		for i := range pools {
			name, err := pools[i].GetName()
			if err != nil || !isScratch(name) || strings.HasPrefix(name, c.scratch) {
				continue
			}
			if err := pools[i].Destroy(); err != nil && !hasCode(err, libvirt.ERR_NO_STORAGE_POOL) {
				busy = true
			}
		}
		return busy, nil
	})
	if err == nil && busy {
		time.AfterFunc(scratchAgain, func() {
			if c.ctx.Err() == nil {
				c.later("", taskScratch)
			}
		})
	}
}
