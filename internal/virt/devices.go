package virt

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"slices"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/domainxml"
	"org.kvmmanager/internal/domainxml/build"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/inventory"
)

// editing is one change of a VM's devices: what the VM has, and where the
// change is wanted.
type editing struct {
	over *Conn
	dom  *libvirt.Domain
	conn *libvirt.Connect
	how  inventory.DeviceChange
	// The definitions, which tell together what each device is called; empty
	// where the VM has none.
	allStored, allLive string
	// The same; empty where the change is not wanted.
	stored, live string
}

// edit runs one change of devices.
func edit[T any](ctx context.Context, c *Conn, uuid string, how inventory.DeviceChange, fn func(*editing) (T, error)) (T, error) {
	result, err := onVM(ctx, c, work[T]{uuid: uuid}, func(dom *libvirt.Domain) (T, error) {
		var none T
		e := &editing{over: c, dom: dom, how: how}
		if err := e.look(); err != nil {
			return none, err
		}
		defer e.conn.Close()
		return fn(e)
	})
	c.memory.redefined(uuid)
	c.hint(inventory.VMEvent, uuid, false)
	return result, err
}

// look reads the definitions.
func (e *editing) look() error {
	has, err := whereItIs(e.dom)
	if err != nil {
		return err
	}
	where, err := wanted(has, e.how.Apply)
	if err != nil {
		return err
	}
	if err := e.read(has); err != nil {
		return err
	}
	if where&libvirt.DOMAIN_AFFECT_CONFIG != 0 {
		e.stored = e.allStored
	}
	if where&libvirt.DOMAIN_AFFECT_LIVE != 0 {
		e.live = e.allLive
	}
	e.conn, err = e.dom.DomainGetConnect()
	return err
}

func (e *editing) read(has libvirt.DomainModificationImpact) (err error) {
	e.allStored, e.allLive = "", ""
	if has&libvirt.DOMAIN_AFFECT_CONFIG != 0 {
		if e.allStored, err = e.dom.GetXMLDesc(libvirt.DOMAIN_XML_INACTIVE | libvirt.DOMAIN_XML_SECURE); err != nil {
			return err
		}
	}
	if has&libvirt.DOMAIN_AFFECT_LIVE != 0 {
		e.allLive, err = e.dom.GetXMLDesc(0)
	}
	return err
}

// AddDevice adds a device; see inventory.Conn.
func (c *Conn) AddDevice(ctx context.Context, uuid string, device model.DeviceSpec, how inventory.DeviceChange) (string, inventory.Applied, error) {
	type added struct {
		id      string
		applied inventory.Applied
	}
	a, err := edit(ctx, c, uuid, how, func(e *editing) (added, error) {
		id, applied, err := e.add(&device)
		return added{id, applied}, err
	})
	return a.id, a.applied, err
}

func (e *editing) add(d *model.DeviceSpec) (string, inventory.Applied, error) {
	var applied inventory.Applied
	if err := e.prepare(d); err != nil {
		return "", applied, err
	}
	xml, err := build.XML(d)
	if err != nil {
		return "", applied, err
	}
	release, err := e.admit(d.Kind, "", xml)
	if err != nil {
		return "", applied, err
	}
	defer release()
	now := e.live != "" && canPlug(&d.Device)
	if now && usesOldConnector(&d.Device) {
		if now, err = hasOldConnector(e.allLive); err != nil {
			return "", applied, err
		}
	}
	if !now && e.stored == "" {
		return "", applied, e.notNow("A running virtual machine cannot get such a device.", "Add it for the next boot.")
	}
	if e.how.DryRun {
		return "", inventory.Applied{Now: now, NextBoot: e.stored != ""}, nil
	}
	if e.stored != "" {
		if err := e.addStored(d.Kind, xml); err != nil {
			return "", applied, err
		}
		applied.NextBoot = true
	}
	if now {
		err := e.dom.AttachDeviceFlags(xml, libvirt.DOMAIN_DEVICE_MODIFY_LIVE)
		if err := e.afterLive(err, &applied); err != nil {
			return "", inventory.Applied{}, err
		}
	}
	id, err := e.newID(d.Kind, applied)
	return id, applied, err
}

// admit says why the VM may not get what is new in the element of a drive. Until
// release is called, others see the VM have it.
func (e *editing) admit(kind model.DeviceKind, before, after string) (release func(), err error) {
	if after == "" || kind != model.KindDisk && kind != model.KindCDROM && kind != model.KindFloppy {
		return func() {}, nil
	}
	images, err := domainxml.DiskImages(after)
	if err != nil {
		return nil, err
	}
	if before != "" {
		had, err := domainxml.DiskImages(before)
		if err != nil {
			return nil, err
		}
		images = slices.DeleteFunc(images, func(i domainxml.Image) bool { return slices.ContainsFunc(had, i.Same) })
	}
	to := owner{uuid: uuidOf(e.dom), active: e.allLive != ""}
	if to.name, err = e.dom.GetName(); err != nil {
		return nil, err
	}
	return e.over.admit(e.conn, to, images, e.how.Storage)
}

// notNow refuses a change that can be made nowhere, with what can be done instead
// if there is a next boot that was left out.
func (e *editing) notNow(why, instead string) error {
	if e.allStored == "" || e.how.Apply != inventory.ApplyNow {
		return errs.New(errs.NotSupported, "%s", why)
	}
	return errs.New(errs.NotSupported, "%s %s", why, instead)
}

// afterLive judges what the running VM made of a change that is stored
// already: one that it cannot do waits for the next boot, and after any other
// failure the stored definition becomes what it was.
func (e *editing) afterLive(err error, applied *inventory.Applied) error {
	switch {
	case err == nil:
		applied.Now = true
	case applied.NextBoot && e.how.Apply == inventory.ApplyBoth && notPossible(err):
		slog.Info("a change has to wait for the next boot", "what", "device", "error", err)
	case applied.NextBoot:
		return takeBack(e.conn, e.stored, err)
	default:
		return err
	}
	return nil
}

// addStored adds a device to the stored definition. Where libvirt has no call
// for this kind, the definition is replaced with the element in it. So it is
// for controllers, whose place libvirt only finds when it defines a VM.
func (e *editing) addStored(kind model.DeviceKind, xml string) error {
	if kind != model.KindController {
		err := e.dom.AttachDeviceFlags(xml, libvirt.DOMAIN_DEVICE_MODIFY_CONFIG)
		if !unsupported(err) {
			return err
		}
	}
	doc, fault := domainxml.AddElement(e.stored, xml)
	if fault != nil {
		return fault
	}
	return e.define(doc)
}

func (e *editing) define(doc string) error { return redefine(e.conn, doc) }

func redefine(conn *libvirt.Connect, doc string) error {
	dom, err := conn.DomainDefineXML(doc)
	if err != nil {
		return err
	}
	return dom.Free()
}

// takeBack makes the stored definition what it was, after the running VM has failed
// to change with it.
func takeBack(conn *libvirt.Connect, stored string, err error) error {
	if undo := redefine(conn, stored); undo != nil {
		return errs.Wrap(errs.LibvirtFailed, err, "The running virtual machine did not take the change, and it remains stored for the next boot. %s", said(err))
	}
	return err
}

// newID is the id of the device that is there now and was not before.
func (e *editing) newID(kind model.DeviceKind, applied inventory.Applied) (string, error) {
	had := map[string]bool{}
	next, now, err := domainxml.BothDevices(e.allStored, e.allLive)
	if err != nil {
		return "", err
	}
	for _, d := range slices.Concat(next, now) {
		had[d.ID] = true
	}
	has, err := whereItIs(e.dom)
	if err == nil {
		err = e.read(has)
	}
	if err != nil {
		return "", err
	}
	if next, now, err = domainxml.BothDevices(e.allStored, e.allLive); err != nil {
		return "", err
	}
	if applied.NextBoot {
		now = next
	}
	id := ""
	for i := range now {
		// libvirt may add a controller or a graphics card for the device.
		if !had[now[i].ID] && now[i].Kind == kind {
			id = now[i].ID
		}
	}
	return id, nil
}

// prepare fills in what has to be known before the XML is written.
func (e *editing) prepare(d *model.DeviceSpec) error {
	if _, err := build.XML(d); err != nil {
		return err
	}
	switch d.Kind {
	case model.KindDisk, model.KindCDROM, model.KindFloppy:
		if err := e.resolveImage(d, d.Kind, d.ReadOnly); err != nil {
			return err
		}
		return e.chooseTarget(d)
	case model.KindInterface:
		if d.MAC == "" {
			d.MAC = newMAC() // the same one now and at the next boot
		}
		return e.needPasst(d.PortForwards)
	case model.KindShare:
		return e.needSharedMemory()
	}
	return nil
}

// newMAC is an address of QEMU's range.
func newMAC() string {
	var b [3]byte
	_, _ = rand.Read(b[:]) // it never fails
	return fmt.Sprintf("52:54:00:%02x:%02x:%02x", b[0], b[1], b[2])
}

// needSharedMemory refuses a share that would keep the VM from starting.
func (e *editing) needSharedMemory() error {
	for _, doc := range []string{e.stored, e.live} {
		if doc == "" {
			continue
		}
		if shared, err := domainxml.SharesMemory(doc); err != nil || !shared {
			return errs.New(errs.InvalidState, "A shared folder needs shared memory, which this virtual machine does not have. Give it shared memory in its XML (memoryBacking, access shared) first.")
		}
	}
	return nil
}

// chooseTarget gives a drive a name that neither definition has, wherever it is
// added.
func (e *editing) chooseTarget(d *model.DeviceSpec) error {
	bus, err := build.DiskBus(d)
	if err != nil {
		return err
	}
	taken := map[string]bool{}
	next, now, err := domainxml.BothDevices(e.allStored, e.allLive)
	if err != nil {
		return err
	}
	for _, other := range slices.Concat(next, now) {
		taken[other.Target] = true
	}
	if d.Target != "" {
		if taken[d.Target] {
			return errs.New(errs.AlreadyExists, "The virtual machine has a drive “%s” already.", d.Target)
		}
		return nil
	}
	d.Bus = bus
	for letter := 'a'; letter <= 'z'; letter++ {
		if name := build.DiskPrefix(bus) + string(letter); !taken[name] {
			d.Target = name
			return nil
		}
	}
	return errs.New(errs.NotSupported, "The virtual machine has too many drives on the bus “%s”.", bus)
}

// canPlug says whether QEMU can give such a device to a running VM at all.
func canPlug(d *model.Device) bool {
	switch d.Kind {
	case model.KindDisk:
		return d.Bus != "sata" && d.Bus != "ide"
	case model.KindCDROM:
		return d.Bus == "scsi" || d.Bus == "usb"
	case model.KindController:
		return d.Type == "scsi" || d.Type == "usb" || d.Type == "virtio-serial"
	case model.KindSerial:
		return d.Model == "pci-serial" || d.Model == "usb-serial"
	case model.KindWatchdog:
		return d.Model == "" || d.Model == "i6300esb"
	case model.KindInterface, model.KindChannel, model.KindRNG, model.KindVsock, model.KindShare,
		model.KindInput, model.KindUSBRedir, model.KindMemory:
		return true
	}
	return false
}

// usesOldConnector says whether a device that can be plugged in is a card for
// conventional PCI.
func usesOldConnector(d *model.Device) bool {
	switch d.Kind {
	case model.KindWatchdog:
		return true
	case model.KindInterface:
		return slices.Contains([]string{"e1000", "rtl8139", "ne2k_pci", "pcnet"}, d.Model)
	}
	return false
}

// hasOldConnector says whether a running VM has a bus for conventional PCI that
// cards can be plugged into. A q35 machine has one only if it booted with a card
// that needs it; libvirt adds the bridge at the next boot.
func hasOldConnector(live string) (bool, error) {
	_, devices, err := domainxml.BothDevices("", live)
	return slices.ContainsFunc(devices, func(d domainxml.Element) bool {
		return d.Kind == model.KindController && slices.Contains([]string{"pci-root", "pci-bridge", "pcie-to-pci-bridge"}, d.Model)
	}), err
}
