package virt

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/domainxml"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

// startFacts is what there is to judge a start by.
type startFacts struct {
	uuid    string
	needs   domainxml.StartNeeds
	saved   bool
	images  map[string]string    // why libvirt cannot open the image of a disk, by target
	silent  map[string]error     // why libvirt was not asked about a disk, by target
	volumes []string             // targets whose volumes are not in their pools
	memory  uint64               // bytes that the host can give away; 0 when it does not say
	total   uint64               // bytes that the host has
	last    string               // libvirt's words when the last start failed
	missing []domainxml.HostNeed // of needs.Host
	caps    model.Capabilities
	pools   []*model.StoragePool
}

// CheckStart looks for what keeps a VM from starting; see inventory.Conn. It
// changes nothing and starts nothing, so whether QEMU's user may read an image
// is judged by what this process sees of the way to it, and by what libvirt said
// the last time.
func (c *Conn) CheckStart(ctx context.Context, uuid string) ([]model.StartCheck, error) {
	w := work[*startFacts]{uuid: uuid, lane: laneWatch}
	late := errs.New(errs.Timeout, "libvirt does not answer questions about the virtual machine. Its storage may be on a server or a device that does not answer.")
	f, err := inTime(ctx, startPatience, late, func(ctx context.Context) (*startFacts, error) {
		return operate(ctx, c, w, func(conn *libvirt.Connect) (*startFacts, error) { return c.gatherStart(ctx, conn, uuid) })
	})
	if err != nil {
		return nil, err
	}
	if f.caps, err = c.Capabilities(ctx); err != nil {
		return nil, err
	}
	if f.pools, err = c.Pools(ctx); err != nil && !errs.Is(err, errs.Timeout) {
		return nil, err
	}
	f.last = c.memory.startFailure(uuid)
	checks := slices.Concat(f.machine(), f.firmware(func(path string) bool { return c.fileMissing(ctx, path) }), f.storage(c.statDir()), f.references())
	return append(checks, f.lastWords(checks)...), nil
}

// startPatience is how long CheckStart waits for what libvirt says of a VM.
const startPatience = 15 * time.Second

// gatherStart asks libvirt. What a driver does not know is left out, and so are
// disks that do not answer.
func (c *Conn) gatherStart(ctx context.Context, conn *libvirt.Connect, uuid string) (*startFacts, error) {
	dom, err := conn.LookupDomainByUUIDString(uuid)
	if err != nil {
		return nil, err
	}
	defer dom.Free()
	xml, err := dom.GetXMLDesc(libvirt.DOMAIN_XML_INACTIVE)
	if err != nil {
		return nil, err
	}
	f := &startFacts{uuid: uuid, images: map[string]string{}, silent: map[string]error{}}
	if f.needs, err = domainxml.ParseStartNeeds(xml); err != nil {
		return nil, err
	}
	if f.saved, err = optional(dom.HasManagedSaveImage(0)); err != nil {
		return nil, err
	}
	f.missing = c.missingOnHost(ctx, conn, f.needs.Host)
	for _, d := range f.needs.Disks {
		if err := c.imageAnswers(ctx, &model.Device{Source: d.Path, Pool: d.Pool, Volume: d.Volume}); err != nil {
			f.silent[d.Target] = err
			continue
		}
		f.look(conn, dom, d)
	}
	if stats, err := conn.GetMemoryStats(libvirt.NODE_MEMORY_STATS_ALL_CELLS, 0); err == nil {
		f.memory, f.total = (stats.Free+stats.Buffers+stats.Cached)<<10, stats.Total<<10
	}
	return f, nil
}

// look has libvirt open an image: as root, where libvirt is.
func (f *startFacts) look(conn *libvirt.Connect, dom *libvirt.Domain, d domainxml.DiskNeed) {
	if d.Volume != "" {
		if active, found := findVolume(conn, d.Pool, d.Volume); active && !found {
			f.volumes = append(f.volumes, d.Target)
		}
		return
	}
	var virt libvirt.Error
	if _, err := dom.GetBlockInfo(d.Target, 0); err != nil && asLibvirt(err, &virt) {
		f.images[d.Target] = virt.Message
	}
}

// findVolume says whether a pool runs, and whether it has a volume.
func findVolume(conn *libvirt.Connect, pool, volume string) (active, found bool) {
	p, err := conn.LookupStoragePoolByName(pool)
	if err != nil {
		return false, false
	}
	defer p.Free()
	if active, err = p.IsActive(); err != nil || !active {
		return false, false
	}
	v, err := p.LookupStorageVolByName(volume)
	if err != nil {
		return true, !hasCode(err, libvirt.ERR_NO_STORAGE_VOL)
	}
	_ = v.Free()
	return true, true
}

// machine checks processor and memory.
func (f *startFacts) machine() []model.StartCheck {
	var checks []model.StartCheck
	if f.needs.KVM && len(f.caps.DomainTypes) > 0 && !slices.Contains(f.caps.DomainTypes, "kvm") {
		checks = append(checks, model.StartCheck{
			ID: "kvm", Status: model.CheckError, Message: "The virtual machine needs KVM, which cannot be used on this host.",
			Hint: "Turn on virtualization (Intel VT-x or AMD-V) in the firmware settings of the host and check that /dev/kvm exists.",
		})
	}
	const mib = 1 << 20
	switch {
	case f.total > 0 && f.needs.Memory > f.total:
		checks = append(checks, model.StartCheck{
			ID: "memory", Status: model.CheckError,
			Message: fmt.Sprintf("The virtual machine wants %d MiB of memory, and the host has %d MiB.", f.needs.Memory/mib, f.total/mib),
			Hint:    "Give the virtual machine less memory.",
		})
	case f.memory > 0 && f.needs.Memory > f.memory:
		checks = append(checks, model.StartCheck{
			ID: "memory", Status: model.CheckWarning,
			Message: fmt.Sprintf("The virtual machine wants %d MiB of memory, and the host has %d MiB left.", f.needs.Memory/mib, f.memory/mib),
			Hint:    "Turn off other virtual machines, or give this one less memory.",
		})
	}
	return checks
}

// firmware checks the files of UEFI. missing says that a file is surely not
// there; nobody can say so of another machine's.
func (f *startFacts) firmware(missing func(string) bool) []model.StartCheck {
	failed := func(message string) []model.StartCheck {
		return []model.StartCheck{{
			ID: "firmware", Status: model.CheckError, Message: message,
			Hint: "Install the firmware (package ovmf or edk2-ovmf), or choose another firmware for the virtual machine.",
		}}
	}
	n := f.needs
	switch {
	case n.UEFI && len(f.caps.Firmware) > 0 && !slices.Contains(f.caps.Firmware, string(model.FirmwareUEFI)):
		return failed("The virtual machine boots with UEFI, and the host has no UEFI firmware.")
	case n.Loader != "" && missing(n.Loader):
		return failed(fmt.Sprintf("The firmware “%s” is not there.", n.Loader))
	case n.NVRAM != "" && n.NVRAMTemplate != "" && missing(n.NVRAM) && missing(n.NVRAMTemplate):
		return failed(fmt.Sprintf("The template of the UEFI variables, “%s”, is not there.", n.NVRAMTemplate))
	}
	return nil
}

// storage checks every image.
func (f *startFacts) storage(stat statFunc) []model.StartCheck {
	var checks []model.StartCheck
	denied := deniedPath(f.last)
	for _, d := range f.needs.Disks {
		words := f.images[d.Target]
		switch {
		case f.silent[d.Target] != nil && !errs.Is(f.silent[d.Target], errs.Busy):
			checks = append(checks, f.notAnswering(d))
		case slices.Contains(f.volumes, d.Target):
			checks = append(checks, model.StartCheck{
				ID: "disk", Status: model.CheckError,
				Message: fmt.Sprintf("The storage pool “%s” has no volume “%s”, which the disk %s uses.", d.Pool, d.Volume, d.Target),
				Hint:    "Choose another volume for the disk, or remove the disk.",
			})
		case d.Path == "":
		case strings.Contains(words, "No such file"):
			checks = append(checks, model.StartCheck{
				ID: "disk", Status: model.CheckError, Message: fmt.Sprintf("The image of the disk %s, “%s”, is not there.", d.Target, d.Path),
				Hint: "Put the image back, choose another one for the disk, or remove the disk.",
			})
		case strings.Contains(words, "Permission denied"), d.Path == denied:
			checks = append(checks, f.unreadable(d, model.CheckError, "The hypervisor may not read the image of the disk %s, “%s”.", stat))
		default:
			switch wayTo(d.Path, stat) {
			case wayClosed:
				checks = append(checks, f.unreadable(d, model.CheckError, "The image of the disk %s, “%s”, is in a folder that the hypervisor may not enter.", stat))
			case wayDoubtful:
				checks = append(checks, f.unreadable(d, model.CheckWarning, "The image of the disk %s, “%s”, is in a folder that the hypervisor probably may not enter.", stat))
			}
		}
	}
	return checks
}

// notAnswering is about a disk that libvirt was not asked about.
func (f *startFacts) notAnswering(d domainxml.DiskNeed) model.StartCheck {
	check := model.StartCheck{ID: "disk", Status: model.CheckError}
	switch _, reason := errs.Of(f.silent[d.Target]); {
	case !errs.Is(f.silent[d.Target], errs.Timeout):
		check.Message, check.Hint = reason, "Choose another image for the disk, or remove the disk."
	case d.Volume != "":
		check.Message = fmt.Sprintf("The storage pool “%s” of the disk %s does not answer.", d.Pool, d.Target)
	default:
		check.Message = fmt.Sprintf("The image of the disk %s, “%s”, does not answer.", d.Target, d.Path)
	}
	if check.Hint == "" {
		check.Hint = "Check the server or the device that it is on."
	}
	return check
}

// unreadable says what helps: never to open somebody's folder to everybody.
func (f *startFacts) unreadable(d domainxml.DiskNeed, status model.CheckStatus, message string, stat statFunc) model.StartCheck {
	check := model.StartCheck{
		ID: "disk", Status: status, Message: fmt.Sprintf(message, d.Target, d.Path),
		Hint: "Move or copy the image into a storage pool, and use it from there.",
	}
	if p := f.poolFor(d.Path, stat); p != nil && !f.saved {
		check.Hint = fmt.Sprintf("Move or copy the image into the storage pool “%s”, and use it from there.", p.Name)
		check.Fix, check.Object, check.Device, check.Pool = model.FixMoveDisk, model.VMPath(f.uuid), d.ID, p.Path()
	}
	return check
}

// poolFor is where an image can go so that the hypervisor may read it; nil when
// there is no such pool. The one called “default” is what people expect.
func (f *startFacts) poolFor(image string, stat statFunc) *model.StoragePool {
	var best *model.StoragePool
	for _, p := range f.pools {
		fits := p.State == model.PoolRunning && model.PoolOfFiles(p.Kind) && filepath.Dir(image) != p.Target &&
			wayTo(filepath.Join(p.Target, "volume"), stat) == wayOpen
		if fits && (best == nil || p.Name == "default") {
			best = p
		}
	}
	return best
}

// lastWords is what libvirt said when the last start failed, unless something
// that was found explains it.
func (f *startFacts) lastWords(found []model.StartCheck) []model.StartCheck {
	failed := func(c model.StartCheck) bool { return c.Status == model.CheckError }
	if f.last == "" || slices.ContainsFunc(found, failed) {
		return nil
	}
	text := sentence(f.last)
	if f.saved {
		return []model.StartCheck{{
			ID: "saved-state", Status: model.CheckError, Message: "The saved state could not be restored: " + text,
			Hint: "Discard the saved state to boot the virtual machine. What its guest had not saved to its disks is lost.",
			Fix:  model.FixDiscardState, Object: model.VMPath(f.uuid),
		}}
	}
	for _, t := range telltales {
		if strings.Contains(f.last, t.text) {
			return []model.StartCheck{{ID: t.id, Status: model.CheckError, Message: text, Hint: t.hint}}
		}
	}
	return []model.StartCheck{{ID: "start", Status: model.CheckError, Message: "The last start failed: " + text}}
}

// telltales are parts of libvirt's and QEMU's messages that tell what is taken
// or gone.
var telltales = []struct{ text, id, hint string }{
	{"\"write\" lock", "disk", "Turn off what else uses the image, or choose another image."},
	{"Address already in use", "port", "Choose another port, or let libvirt choose one."},
	{"Unable to find an unused port", "port", "Turn off virtual machines that nobody needs."},
	{"is in use by", "host-device", "Turn off the virtual machine that has the device, or remove the device from this one."},
	{"Did not find USB device", "host-device", "Plug the device in, or remove it from the virtual machine."},
	{"Device or resource busy", "host-device", "Find out what else uses the device, or remove it from the virtual machine."},
	{"Unknown driver 'http", "disk", "Install what QEMU needs to read from web servers (package qemu-block-extra or qemu-block-curl), or take the medium out of the drive."},
	{"CURL: ", "disk", "Check the address of the medium and the network of the host, or take the medium out of the drive."},
	{"Cannot get interface MTU", "network", "Create the bridge on the host, or choose another network."},
	{"Cannot allocate memory", "memory", "Turn off other virtual machines, or give this one less memory."},
}

// deniedMessage is how libvirt and QEMU say that a file may not be read.
var deniedMessage = regexp.MustCompile(`'(/[^']+)'[^']*: Permission denied`)

func deniedPath(message string) string {
	if m := deniedMessage.FindStringSubmatch(message); m != nil {
		return m[1]
	}
	return ""
}

// noteStart keeps libvirt's own words about a start that failed.
func (m *memory) noteStart(uuid string, err error) {
	var virt libvirt.Error
	words := ""
	if err != nil && asLibvirt(err, &virt) && !errs.Is(err, errs.Disconnected) {
		words = cmp.Or(virt.Message, "libvirt failed without saying why")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.of(uuid).startFailed = words
}

// startFailure is what libvirt said when the last start failed; empty if it did
// not, or if the VM has changed since.
func (m *memory) startFailure(uuid string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.of(uuid).startFailed
}
