package virt

import (
	"context"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/diskimage"
	"org.kvmmanager/internal/domainxml"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/inventory"
)

// What libvirt holds while it waits for a file system, of libvirt 11:
//
//   - the lock of a VM while it opens the images of the VM: to tell their sizes
//     (virDomainGetBlockInfo), and to start the VM or attach a disk. Every list of
//     VMs takes the lock of each of them.
//   - the lock of a storage pool while it refreshes the pool or describes one of
//     its volumes, for which it opens the volume's file and that of its base
//     image. Every list of pools, and every search for the volume at a path, takes
//     the lock of each active pool.
//
// So one call about one image that does not answer ends in everybody's waiting.
// Whatever makes libvirt open a file asks here first.

const (
	// storagePatience is how long libvirt may take to tell about pools, which it
	// knows by heart: longer means that a pool's lock is held.
	storagePatience = 5 * time.Second
	// volumePatience is the same for reading one volume.
	volumePatience = 10 * time.Second
	// hiddenAtOnce is how many paths that only libvirt can see may hang there. Each
	// takes one of its twenty workers.
	hiddenAtOnce = 2
	// poolPatience is how long a call waits for those before it in the same pool.
	poolPatience = 30 * time.Second
	// mountsFresh is for how long remote file systems count as answering after all
	// of them have.
	mountsFresh = 5 * time.Second
)

// poolPlace is what is known of a storage pool without asking libvirt.
type poolPlace struct {
	name, target string
	active       bool
	mounted      bool // its folder is a file system that libvirt mounts and unmounts
}

// storagePlaces is the pools as they were last read.
type storagePlaces struct {
	mu    sync.Mutex
	pools map[string]poolPlace // guarded by mu, by UUID
	// silent is which pools did not answer the last time.
	silent map[string]bool // guarded by mu

	mounts sync.Mutex // held while the remote mounts are probed
	fresh  time.Time  // guarded by mounts: when all of them answered
}

func (s *storagePlaces) note(pools ...*model.StoragePool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noteLocked(pools)
}

func (s *storagePlaces) noteLocked(pools []*model.StoragePool) {
	if s.pools == nil {
		s.pools = map[string]poolPlace{}
	}
	for _, p := range pools {
		place := poolPlace{name: p.Name, active: p.Active, mounted: p.Kind == "fs" || p.Kind == "netfs"}
		if model.PoolOfFiles(p.Kind) {
			place.target = p.Target
		}
		s.pools[p.UUID] = place
	}
}

// retain forgets the pools that are not listed.
func (s *storagePlaces) retain(pools []*model.StoragePool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pools = nil
	s.noteLocked(pools)
	maps.DeleteFunc(s.silent, func(uuid string, _ bool) bool { _, there := s.pools[uuid]; return !there })
}

// setSilent keeps whether a pool answers and reports whether that is new.
func (s *storagePlaces) setSilent(uuid string, silent bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.silent[uuid] == silent {
		return false
	}
	if s.silent == nil {
		s.silent = map[string]bool{}
	}
	s.silent[uuid] = silent
	return true
}

// all lists the pools.
func (s *storagePlaces) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.pools))
}

func (s *storagePlaces) of(uuid string) poolPlace {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pools[uuid]
}

// named returns the pool with a name and its UUID.
func (s *storagePlaces) named(name string) (place poolPlace, uuid string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for uuid, p := range s.pools {
		if p.name == name {
			return p, uuid
		}
	}
	return poolPlace{}, ""
}

// holding is the UUID of the pool whose folder a path is in; empty if there is none.
func (s *storagePlaces) holding(path string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for uuid, p := range s.pools {
		if p.active && p.target != "" && filepath.Clean(p.target) == filepath.Dir(path) {
			return uuid
		}
	}
	return ""
}

// probeFile reports what is at a path of the host, as far as this process can see
// it; fileHidden on another host. It is errs.Timeout when the file system does
// not answer, and always returns within probePatience.
func (c *Conn) probeFile(ctx context.Context, path string) (fileInfo, error) {
	if !IsHere(c.uri) || isTest(c.uri) {
		return fileInfo{path: path}, nil
	}
	return c.files.probe(ctx, path)
}

// refuseSilent returns why libvirt must not be asked about an image: its file
// system does not answer, or opening it may wait forever.
func (c *Conn) refuseSilent(ctx context.Context, path string) error {
	if !filepath.IsAbs(path) {
		return nil
	}
	info, err := c.probeFile(ctx, path)
	switch {
	case err != nil:
		return err
	case info.kind == fileSpecial:
		return errs.New(errs.NotSupported, "“%s” is neither a file nor a block device. Choose another image.", path)
	case info.kind == fileHidden:
		return c.probeHidden(ctx, path)
	}
	return nil
}

// probeHidden has libvirt open what this process cannot see, in the one call for
// which it holds no lock: it looks for a saved state in the file, and finds none.
// Once some of these calls hang, others are errs.Busy.
func (c *Conn) probeHidden(ctx context.Context, path string) error {
	if isTest(c.uri) {
		return nil
	}
	select {
	case c.hidden <- struct{}{}:
	case <-time.After(c.files.await):
		return errs.New(errs.Busy, "“%s” cannot be looked at now, because other files do not answer.", path)
	case <-ctx.Done():
		return ctx.Err()
	}
	_, err := c.files.attempt(ctx, path, func() string { return path }, func() (fileInfo, error) {
		defer func() { <-c.hidden }()
		l, err := c.enterOps()
		if err != nil {
			return fileInfo{}, translate(err, true)
		}
		defer l.leave()
		_, _ = l.conn.DomainSaveImageGetXMLDesc(path, 0)
		return fileInfo{}, nil
	})
	return err
}

// poolAnswers returns why libvirt must not look into a pool: its folder is on a file
// system that does not answer. What has changed about that is announced.
func (c *Conn) poolAnswers(ctx context.Context, uuid string) error {
	place := c.storage.of(uuid)
	silent := place.target != "" && place.active && errs.Is(c.refuseSilent(ctx, place.target), errs.Timeout)
	if err := ctx.Err(); err != nil {
		return err
	}
	if c.storage.setSilent(uuid, silent) {
		c.hint(inventory.PoolEvent, uuid, false)
	}
	if silent {
		return c.slowPool(uuid)
	}
	return nil
}

func silentPool(name string) error {
	return errs.New(errs.Timeout, "The storage pool “%s” does not answer. Check the server or the device that it is on, and try again.", name)
}

// imagesAnswer returns why libvirt must not open the images of a VM.
func (c *Conn) imagesAnswer(ctx context.Context, uuid string) error {
	if isTest(c.uri) {
		return nil
	}
	images, err := readOver(ctx, c, c.texts, func(l *link) ([]domainxml.Image, error) {
		dom, err := l.handles.borrow(l.conn, uuid)
		if err != nil {
			return nil, err
		}
		defer dom.Free()
		xml, err := dom.GetXMLDesc(libvirt.DOMAIN_XML_INACTIVE)
		if err != nil {
			return nil, err
		}
		return domainxml.Images(xml)
	})
	if err != nil {
		return err
	}
	for i := range images {
		if err := c.imageAnswers(ctx, &images[i].Device); err != nil && !errs.Is(err, errs.Busy) {
			return err
		}
	}
	return nil
}

// deviceAnswers is imageAnswers for a device that gets an image; id is empty for a
// new one.
func (c *Conn) deviceAnswers(ctx context.Context, id string, d *model.Device) error {
	kind, _, _ := strings.Cut(id, "-")
	if id == "" {
		kind = string(d.Kind)
	}
	switch model.DeviceKind(kind) {
	case model.KindDisk, model.KindCDROM, model.KindFloppy:
		if err := c.imageAnswers(ctx, d); !errs.Is(err, errs.Busy) {
			return err
		}
	}
	return nil
}

// imageAnswers returns why libvirt must not open the image of a disk.
func (c *Conn) imageAnswers(ctx context.Context, d *model.Device) error {
	if d.Volume == "" {
		return c.refuseSilent(ctx, d.Source)
	}
	place, uuid := c.storage.named(d.Pool)
	if err := c.poolAnswers(ctx, uuid); err != nil || place.target == "" {
		return err
	}
	return c.refuseSilent(ctx, filepath.Join(place.target, d.Volume))
}

// mountsAnswer reports whether all remote file systems of the host answer. If they
// do, describing a volume is safe wherever its base image may be.
func (c *Conn) mountsAnswer(ctx context.Context) bool {
	if !IsHere(c.uri) || isTest(c.uri) {
		return true
	}
	c.storage.mounts.Lock()
	defer c.storage.mounts.Unlock()
	if c.files.anyHangs() {
		return false
	}
	if time.Since(c.storage.fresh) < mountsFresh {
		return true
	}
	inParallel(remoteMounts(), func(mount string) { _, _ = c.files.probe(ctx, mount) })
	if ctx.Err() != nil || c.files.anyHangs() {
		return false
	}
	c.storage.fresh = time.Now()
	return true
}

// storageAnswers has read again what did not answer, now that a file system
// answers again.
func (c *Conn) storageAnswers() {
	if c.ctx.Err() != nil {
		return
	}
	for _, uuid := range c.memory.withSilent() {
		c.later(uuid, taskSizes)
	}
	c.later("", taskPools)
}

// enterPool waits for a turn in a pool and returns what gives it back. Unless the
// pool is only read about, it must answer. What moves the content of volumes takes
// no turn: it may take hours, in which libvirt does not hold the pool's lock.
func (c *Conn) enterPool(ctx context.Context, uuid string, l lane) (func(), error) {
	if uuid == "" {
		return func() {}, nil
	}
	if l != lanePools {
		if err := c.poolAnswers(ctx, uuid); err != nil {
			return nil, err
		}
	}
	if l == laneTransfer {
		return func() {}, nil
	}
	return inTime(ctx, poolPatience, c.slowPool(uuid), func(ctx context.Context) (func(), error) {
		return c.turns.lock(ctx, turnKey{"in " + uuid, l})
	})
}

// inParallel calls do for each and returns when all calls have.
func inParallel[T any](list []T, do func(T)) {
	var group sync.WaitGroup
	for _, one := range list {
		group.Add(1)
		go func() { defer group.Done(); do(one) }()
	}
	group.Wait()
}

// slowPool is the error for a pool in which calls take too long.
func (c *Conn) slowPool(uuid string) error { return silentPool(c.storage.of(uuid).name) }

// inTime runs do for some time at most. Late is its error if it takes longer.
func inTime[T any](ctx context.Context, patience time.Duration, late error, do func(context.Context) (T, error)) (T, error) {
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	v, err := do(limited)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		err = late
	}
	return v, err
}

// readPools runs a call that only asks about one pool, or about all if there is no
// UUID: that opens no file.
func readPools[T any](ctx context.Context, c *Conn, uuid string, do func(*libvirt.Connect) (T, error)) (T, error) {
	late := errs.New(errs.Timeout, "libvirt does not answer questions about storage pools. One of them may be on a server or a device that does not answer.")
	return inTime(ctx, storagePatience, late, func(ctx context.Context) (T, error) {
		return operate(ctx, c, work[T]{pool: uuid, lane: lanePools}, do)
	})
}

// markSilent shows the pools that do not answer as inaccessible.
func (c *Conn) markSilent(ctx context.Context, pools ...*model.StoragePool) {
	inParallel(pools, func(p *model.StoragePool) {
		if errs.Is(c.poolAnswers(ctx, p.UUID), errs.Timeout) && p.State != model.PoolBuilding {
			p.State = model.PoolInaccessible
		}
	})
}

// announceSilent announces the pools that have stopped to answer since they were
// last shown, or answer again.
func (c *Conn) announceSilent(ctx context.Context) {
	inParallel(c.storage.all(), func(uuid string) { _ = c.poolAnswers(ctx, uuid) })
}

// readVolumes runs a call that only reads about the volumes of a pool.
func readVolumes[T any](ctx context.Context, c *Conn, pool string, patience time.Duration, do func(*libvirt.Connect) (T, error)) (T, error) {
	return inTime(ctx, patience, c.slowPool(pool), func(ctx context.Context) (T, error) {
		return operate(ctx, c, work[T]{pool: pool, lane: laneVolumes}, do)
	})
}

// volumeAnswers returns why libvirt must not describe a volume, for which it opens
// the base image, too; then also the path of the base image, if that is known.
func (c *Conn) volumeAnswers(ctx context.Context, conn *libvirt.Connect, v *libvirt.StorageVol) (base string, err error) {
	if c.mountsAnswer(ctx) {
		return "", nil
	}
	path, err := v.GetPath()
	if err != nil || !filepath.IsAbs(path) {
		return "", nil
	}
	base, known := c.bases.at(imageID{spelled: path, path: path})
	if err := c.refuseSilent(ctx, path); err != nil {
		return base, err
	}
	if !known {
		base = peekBase(conn, v, path)
	}
	return base, c.refuseSilent(ctx, base)
}

// facts is factsOf for a volume that may not answer. The error is errs.Timeout then,
// and the base image is told if it is known.
func (c *Conn) facts(conn *libvirt.Connect, v *libvirt.StorageVol) (domainxml.ImageFacts, error) {
	if base, err := c.volumeAnswers(c.ctx, conn, v); errs.Is(err, errs.Timeout) {
		path, _ := v.GetPath()
		return domainxml.ImageFacts{Name: nameOf(v), Path: path, Backing: base}, err
	}
	return factsOf(v)
}

// peekBase returns the path of a volume's base image from what is in the volume;
// empty if there is none.
func peekBase(conn *libvirt.Connect, v *libvirt.StorageVol, path string) string {
	head, err := peek(conn, v, 0, headLength)
	if err != nil || !diskimage.IsQcow2(head) {
		return ""
	}
	h, err := diskimage.Parse(head)
	if err != nil || !h.Layered {
		return ""
	}
	name, err := h.Backing(head)
	if err != nil {
		return ""
	}
	return beside(path, name)
}

// basesAnswer returns why libvirt must not refresh a pool, which opens the base
// image of each volume.
func (c *Conn) basesAnswer(ctx context.Context, pool string) error {
	if c.mountsAnswer(ctx) {
		return nil
	}
	for _, base := range c.bases.of(pool) {
		if err := c.refuseSilent(ctx, base); errs.Is(err, errs.Timeout) {
			return err
		}
	}
	return nil
}
