package virt

import (
	"context"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/domainxml"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/inventory"
)

// movingDisk is a disk on its way into a pool.
type movingDisk struct {
	ctx     context.Context // its end is looked at between the steps
	over    *Conn
	local   bool // whether libvirt is on this machine
	conn    *libvirt.Connect
	scratch string // begins the names of pools for a moment
	dom     *libvirt.Domain
	uuid    string // of the VM
	id      string // of the disk
	move    inventory.DiskMove
	moved   inventory.MovedDisk
	chain   *domainxml.Chain // what the definition says of the disk's image
	old     inventory.Note   // of the original, if that is to go and a record can name it
}

// MoveDisk puts the image of a disk into a pool; see inventory.Conn. libvirt
// cannot stop in the middle of a volume, so one that is cancelled is copied first.
func (c *Conn) MoveDisk(ctx context.Context, uuid, id string, move inventory.DiskMove) (inventory.MovedDisk, error) {
	if err := c.imagesAnswer(ctx, uuid); err != nil {
		return inventory.MovedDisk{}, err
	}
	// Whoever gives up must not do so while something half-made is there.
	w := work[inventory.MovedDisk]{uuid: uuid, lane: laneTransfer, settled: true}
	moved, err := operate(ctx, c, w, func(conn *libvirt.Connect) (inventory.MovedDisk, error) {
		dom, err := conn.LookupDomainByUUIDString(uuid)
		if err != nil {
			return inventory.MovedDisk{}, err
		}
		defer dom.Free()
		m := &movingDisk{ctx: ctx, over: c, local: c.places.config != "", conn: conn, scratch: c.scratch, dom: dom, uuid: uuid, id: id, move: move}
		err = m.run()
		return m.moved, err
	})
	c.memory.redefined(uuid)
	c.later(uuid, taskSizes)
	c.hint(inventory.VMEvent, uuid, false)
	return moved, err
}

func (m *movingDisk) run() error {
	disk, place, err := m.find()
	if err != nil {
		return err
	}
	if err := m.inspection().inPool(place); err != nil {
		return err
	}
	return m.over.withImage(m.conn, m.scratch, disk.Type, place, func(original *libvirt.StorageVol) error {
		if err := m.replace(disk, original); err != nil {
			return err
		}
		if m.move.DeleteOriginal {
			err := m.remove(original)
			if m.old == nil || m.alive() { // otherwise it goes later
				m.moved.Kept = translate(err, m.alive())
			}
		}
		m.forget()
		return nil
	})
}

// find looks at the VM, its disk, and where the image is.
func (m *movingDisk) find() (disk *domainxml.Element, place string, err error) {
	if err := m.refuseActive(); err != nil {
		return nil, "", err
	}
	if err := m.refuseStates(); err != nil {
		return nil, "", err
	}
	doc, err := m.dom.GetXMLDesc(libvirt.DOMAIN_XML_INACTIVE | libvirt.DOMAIN_XML_SECURE)
	if err != nil {
		return nil, "", err
	}
	disk, err = domainxml.FindDevice(doc, m.id)
	if err == nil && disk == nil {
		err = noDevice()
	}
	if err != nil {
		return nil, "", err
	}
	if m.chain, err = chainOf(doc, disk.Target); err != nil {
		return nil, "", err
	}
	switch disk.Type {
	case "file", "block", "volume":
		place = m.over.pathOf(m.conn, &disk.Device)
	}
	switch {
	case place == "":
		return nil, "", errs.New(errs.NotSupported, "“%s” has no image that could be copied.", m.id)
	case disk.Encrypted():
		return nil, "", errs.New(errs.NotSupported, "The image of “%s” is encrypted, and the hypervisor could not read a copy of it.", m.id)
	}
	return disk, place, nil
}

func (m *movingDisk) inspection() *inspection {
	return m.over.inspect(m.conn, m.move.Rights)
}

// refuseStates is about what the VM can go back to, which names its images.
func (m *movingDisk) refuseStates() error {
	if n, err := m.dom.SnapshotNum(0); err == nil && n > 0 {
		return errs.New(errs.InvalidState, "The virtual machine has snapshots, which need its disks where they are. Delete the snapshots first.")
	}
	saved, err := optional(m.dom.HasManagedSaveImage(0))
	if err == nil && saved {
		err = errs.New(errs.InvalidState, "The virtual machine has a saved state, which needs its disks where they are. Discard it, or start the virtual machine and turn it off.")
	}
	return err
}

// refuseActive keeps what a guest writes from being lost.
func (m *movingDisk) refuseActive() error {
	active, err := m.dom.IsActive()
	if err == nil && active {
		err = errs.New(errs.InvalidState, "The virtual machine is running. Turn it off before you move its disks.")
	}
	return err
}

// replace makes the volume and has the disk use it. Nothing of it is left when
// that fails.
func (m *movingDisk) replace(disk *domainxml.Element, original *libvirt.StorageVol) error {
	from := &copySource{vol: original, format: disk.Format, chain: m.chain}
	if err := from.look(m.inspection()); err != nil {
		return err
	}
	format := "raw"
	if disk.Format == "qcow2" {
		format = "qcow2"
	}
	pool, err := m.conn.LookupStoragePoolByUUIDString(m.move.Pool)
	if err != nil {
		return err
	}
	defer pool.Free()
	if err := m.inspection().guarded(pool); err != nil {
		return err
	}
	note, err := m.choose(pool, disk, from.facts.Path)
	if err != nil {
		return err
	}
	made, err := m.copy(pool, from, format)
	if err != nil {
		m.settle(pool, note, err)
		return err
	}
	defer made.Free()
	if err = m.remember(original, made); err == nil {
		err = m.use(disk, made, format)
	}
	if err != nil {
		m.takeBack(made, note)
		m.forget()
		return err
	}
	note.Done()
	return nil
}

// remember notes that the original is to go, so that it does even if nobody is
// left to see to it. Whoever clears up leaves it alone unless a VM has the copy.
// What is in no pool cannot be noted.
func (m *movingDisk) remember(original, made *libvirt.StorageVol) error {
	if !m.move.DeleteOriginal || inScratch(original) {
		return nil
	}
	if m.local {
		unix.Sync() // whoever clears up does not ask whether the copy is safe
	}
	pool, err := original.LookupPoolByVolume()
	if err != nil {
		return err
	}
	defer pool.Free()
	name, err := original.GetName()
	if err != nil {
		return err
	}
	copied, err := made.GetPath()
	if err != nil {
		return err
	}
	m.old, err = m.move.Unfinished.Original(uuidOf(pool), name, copied)
	return err
}

// forget ends the note of the original, unless nobody knows which image the VM
// has: then whoever clears up finds out.
func (m *movingDisk) forget() {
	switch {
	case m.old == nil:
	case m.alive():
		m.old.Done()
	default:
		m.old.Leave()
	}
}

func (m *movingDisk) alive() bool {
	alive, err := m.conn.IsAlive()
	return err == nil && alive
}

// choose takes a name that is free, and has it remembered that a volume of that
// name is about to be made.
func (m *movingDisk) choose(pool *libvirt.StoragePool, disk *domainxml.Element, place string) (inventory.Note, error) {
	name := filepath.Base(place)
	if model.ValidateVolumeName(name) != nil {
		vm, err := m.dom.GetName()
		if err != nil {
			return nil, err
		}
		name = vm + "-" + disk.Target
	}
	ending := filepath.Ext(name)
	name, err := freeName(pool, strings.TrimSuffix(name, ending), ending)
	if err != nil {
		return nil, err
	}
	m.moved.Volume = name
	return m.move.Unfinished.Volume(m.move.Pool, name)
}

func (m *movingDisk) copy(pool *libvirt.StoragePool, from *copySource, format string) (*libvirt.StorageVol, error) {
	if !m.move.Files {
		format = "" // its volumes have none
	}
	xml, err := domainxml.CopyXML(m.moved.Volume, format, from.facts.Capacity, nil)
	if err != nil {
		return nil, err
	}
	total := from.facts.Allocation
	stop := followVolume(pool, m.moved.Volume, func(done uint64) { m.move.Progress(done, total) })
	defer stop()
	return copyImage(m.inspection(), from, pool, xml)
}

// settle is about a copy that has failed: libvirt has removed it, unless nobody
// knows.
func (m *movingDisk) settle(pool *libvirt.StoragePool, note inventory.Note, failure error) {
	if hasCode(failure, libvirt.ERR_STORAGE_VOL_EXIST) { // somebody was faster
		note.Done()
		return
	}
	v, err := pool.LookupStorageVolByName(m.moved.Volume)
	switch {
	case err == nil:
		m.takeBack(v, note)
		_ = v.Free()
	case hasCode(err, libvirt.ERR_NO_STORAGE_VOL):
		note.Done()
	default:
		note.Leave()
	}
}

// takeBack removes the copy, unless the VM uses it in spite of the failure: who
// loses libvirt meanwhile does not know.
func (m *movingDisk) takeBack(made *libvirt.StorageVol, note inventory.Note) {
	err := m.over.onUses(m.conn, made, unwanted(made), func() error { return made.Delete(libvirt.STORAGE_VOL_DELETE_NORMAL) })
	if err == nil || errs.Is(err, errs.DeviceInUse) {
		note.Done()
		return
	}
	note.Leave()
}

// use changes the stored definition.
func (m *movingDisk) use(disk *domainxml.Element, made *libvirt.StorageVol, format string) error {
	path, err := made.GetPath()
	if err != nil {
		return err
	}
	info, err := made.GetInfo()
	if err != nil {
		return err
	}
	kind := "file"
	if info.Type == libvirt.STORAGE_VOL_BLOCK {
		kind = "block"
	}
	disk.ReplaceMedium(kind, path, format, nil)
	xml, err := disk.XML()
	if err != nil {
		return err
	}
	if err := m.refuseActive(); err != nil { // somebody has started it meanwhile
		return err
	}
	if m.ctx.Err() != nil || !m.move.Finish() {
		return errs.New(errs.Cancelled, "The operation was cancelled.")
	}
	return m.dom.UpdateDeviceFlags(xml, libvirt.DOMAIN_DEVICE_MODIFY_CONFIG)
}

// remove deletes the original, unless something else needs it.
func (m *movingDisk) remove(original *libvirt.StorageVol) error {
	return m.over.onUses(m.conn, original, unused(original, ""), func() error {
		if m.local {
			unix.Sync() // not even a power failure may take both
		}
		return original.Delete(libvirt.STORAGE_VOL_DELETE_NORMAL)
	})
}
