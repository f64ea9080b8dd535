package virt

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

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

// edit runs one change of devices, and again if another program has changed the
// stored definition meanwhile.
func edit[T any](ctx context.Context, c *Conn, uuid string, how inventory.DeviceChange, fn func(*editing) (T, error)) (T, error) {
	result, err := onVM(ctx, c, work[T]{uuid: uuid}, func(dom *libvirt.Domain) (result T, err error) {
		for range 3 {
			e := &editing{over: c, dom: dom, how: how}
			if err = e.look(); err != nil {
				return result, err
			}
			result, err = fn(e)
			_, _ = e.conn.Close()
			if !errors.Is(err, errOutdated) {
				break
			}
		}
		return result, err
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
		if e.allStored, err = e.dom.GetXMLDesc(storedXML); err != nil {
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
	if err := c.deviceAnswers(ctx, "", &device.Device); err != nil {
		return "", inventory.Applied{}, err
	}
	type added struct {
		id      string
		applied inventory.Applied
	}
	a, err := edit(ctx, c, uuid, how, func(e *editing) (added, error) {
		d := device
		id, applied, err := e.add(&d)
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
	if now {
		if err := e.needInterface(d); err != nil {
			return "", applied, err
		}
	}
	if applied.NextBoot, err = e.store(func() (string, error) { return domainxml.AddElement(e.stored, xml) }); err != nil {
		return "", applied, err
	}
	if e.how.DryRun {
		return "", inventory.Applied{Now: now, NextBoot: e.stored != ""}, nil
	}
	if now {
		err := e.dom.AttachDeviceFlags(xml, libvirt.DOMAIN_DEVICE_MODIFY_LIVE)
		if err := e.afterLive(err, &applied); err != nil {
			return "", inventory.Applied{}, err
		}
	}
	id, err := e.newID(d.Kind, &applied)
	if err == nil && id == "" {
		return "", inventory.Applied{}, e.takeBack(errs.New(errs.LibvirtFailed, "libvirt did not add the device."))
	}
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

// afterLive judges what the running VM made of a change that is stored already: one
// that it cannot do waits for the next boot, and after a failure the stored
// definition becomes what it was.
func (e *editing) afterLive(err error, applied *inventory.Applied) error {
	switch {
	case err == nil:
		applied.Now = true
	case applied.NextBoot && e.how.Apply == inventory.ApplyBoth && notPossible(err):
		slog.Info("a change has to wait for the next boot", "what", "device", "error", err)
	case applied.NextBoot:
		return e.takeBack(err)
	default:
		return err
	}
	return nil
}

// errOutdated is that the definition that was edited is not the stored one any
// more.
var errOutdated = errs.New(errs.Busy, "Another program is changing the configuration of the virtual machine. Try again.")

// store replaces the stored definition with the one that change returns, if the
// stored one is to change, and reports whether it did. libvirt reads the whole new
// definition before it keeps it, as it does when it starts: what its calls for
// single devices store is not checked like that, and can be a definition that it
// cannot read any more. A dry run ends with the checks.
func (e *editing) store(change func() (string, error)) (bool, error) {
	if e.stored == "" {
		return false, nil
	}
	doc, err := change()
	if err != nil {
		return false, err
	}
	conflicts, err := domainxml.NewConflicts(e.stored, doc)
	if err != nil {
		return false, err
	}
	if len(conflicts) > 0 {
		return false, errs.New(conflicts[0].Kind, "%s %s", conflicts[0].Message, conflicts[0].Hint)
	}
	if e.how.DryRun {
		return false, nil
	}
	stored, err := e.dom.GetXMLDesc(storedXML)
	switch {
	case err != nil:
		return false, err
	case stored != e.stored:
		return false, errOutdated
	}
	return true, e.define(doc)
}

// storedXML is how a definition is read that is to be stored again.
const storedXML = libvirt.DOMAIN_XML_INACTIVE | libvirt.DOMAIN_XML_SECURE

func (e *editing) define(doc string) error { return redefine(e.conn, doc) }

func redefine(conn *libvirt.Connect, doc string) error {
	dom, err := conn.DomainDefineXML(doc)
	if err != nil {
		return err
	}
	return dom.Free()
}

// takeBack makes the stored definition what it was, if it has changed.
func (e *editing) takeBack(err error) error {
	if e.stored == "" {
		return err
	}
	return takeBack(e.conn, e.stored, err)
}

// takeBack makes the stored definition what it was, after the change that err is
// about has failed.
func takeBack(conn *libvirt.Connect, stored string, err error) error {
	if undo := redefine(conn, stored); undo != nil {
		return errs.Wrap(errs.LibvirtFailed, err, "The change failed, and it remains stored for the next boot. %s", said(err))
	}
	return err
}

// newID returns the id of the device that is there now and was not before, and
// corrects applied if the running VM does not have it.
func (e *editing) newID(kind model.DeviceKind, applied *inventory.Applied) (string, error) {
	had := map[string]bool{}
	next, now, err := domainxml.BothDevices(e.allStored, e.allLive)
	if err != nil {
		return "", err
	}
	for _, d := range slices.Concat(next, now) {
		had[d.ID] = true
	}
	if next, now, err = e.readAgain(); err != nil {
		return "", err
	}
	added := func(list []domainxml.Element) string {
		id := ""
		for i := range list {
			// libvirt may add a controller or a graphics card for the device.
			if !had[list[i].ID] && list[i].Kind == kind {
				id = list[i].ID
			}
		}
		return id
	}
	live := added(now)
	applied.Now = applied.Now && live != ""
	if applied.NextBoot {
		return added(next), nil
	}
	return live, nil
}

// readAgain returns the devices of both definitions after a change.
func (e *editing) readAgain() (next, now []domainxml.Element, err error) {
	has, err := whereItIs(e.dom)
	if err != nil {
		return nil, nil, err
	}
	after := editing{dom: e.dom}
	if err := after.read(has); err != nil {
		return nil, nil, err
	}
	return domainxml.BothDevices(after.allStored, after.allLive)
}

// needInterface refuses a connection to an interface that the host does not have:
// libvirt finds that out too late, and a definition with it keeps a VM from
// starting.
func (e *editing) needInterface(d *model.DeviceSpec) error {
	name := cmp.Or(d.Bridge, d.HostDevice)
	if name == "" {
		return nil
	}
	if there, known := e.over.hostInterfaces(e.conn); known && !there[name] {
		return errs.New(errs.NotFound, "The host has no network interface “%s”. Create it in the host's network settings first.", name)
	}
	return nil
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
		if err := e.chooseMAC(d); err != nil {
			return err
		}
		return e.needPasst(d.PortForwards)
	case model.KindShare:
		return e.needSharedMemory()
	}
	return nil
}

// chooseMAC gives an interface an address, the same one now and at the next boot.
func (e *editing) chooseMAC(d *model.DeviceSpec) error {
	if d.MAC == "" {
		d.MAC = newMAC()
		return nil
	}
	next, now, err := domainxml.BothDevices(e.allStored, e.allLive)
	if slices.ContainsFunc(slices.Concat(next, now), func(o domainxml.Element) bool { return strings.EqualFold(o.MAC, d.MAC) }) {
		return errs.New(errs.AlreadyExists, "The virtual machine has an interface with the MAC address %s already.", d.MAC)
	}
	return err
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
			return errs.New(errs.InvalidState, "A shared folder needs shared memory, which this virtual machine does not have. Configure “shared-memory” first.")
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
		return d.Type == "scsi"
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
