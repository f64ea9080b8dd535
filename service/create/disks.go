package create

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/osinfo"
	"org.kvmmanager/service/inventory"
)

// resolveDisks chooses the disks and the medium, and the volumes for them.
func (p *Planner) resolveDisks(_ context.Context, plan *Plan, source *Source) error {
	switch plan.Spec.Source.Kind {
	case model.SourceImage, model.SourceCloud:
		if err := p.systemDisk(plan, source); err != nil {
			return err
		}
	default:
		p.defaultDisk(plan)
	}
	for i := range plan.Spec.Disks {
		if err := p.resolveDisk(plan, &plan.Spec.Disks[i]); err != nil {
			return err
		}
	}
	switch plan.Spec.Source.Kind {
	case model.SourceISO:
		if err := p.medium(plan, source); err != nil {
			return err
		}
	case model.SourceURL:
		p.webMedium(plan)
	}
	plan.Spec.DiskSize = 0
	p.checkFormats(plan)
	p.checkRoom(plan)
	return nil
}

// defaultDisk is the one disk of who does not list any.
func (p *Planner) defaultDisk(plan *Plan) {
	s := &plan.Spec
	if s.Disks == nil {
		s.Disks = []model.DiskSpec{{Size: s.DiskSize}}
	}
}

// systemDisk is the first disk of a VM that starts from one: the source itself,
// or a copy of it.
func (p *Planner) systemDisk(plan *Plan, source *Source) error {
	s := &plan.Spec
	copies := source.file != nil || s.Source.Kind == model.SourceCloud
	if s.Source.Copy != nil {
		copies = *s.Source.Copy
	}
	s.Source.Copy = &copies
	format := source.format
	if s.Source.Format != "" {
		format = s.Source.Format
	}
	s.Source.Format = format
	d := &model.Device{Kind: model.KindDisk, Bus: p.diskBus(plan, ""), Format: format}
	switch {
	case copies && source.path != "":
		return errs.New(errs.NotSupported, "The service cannot read this file to copy it. Hand it over as a descriptor, or use it where it is.")
	case copies:
		pool, err := p.pool(plan, "")
		if pool == nil {
			return err
		}
		if source.volume != nil {
			p.checkImage(plan, source.volume.Path, format, true)
		}
		capacity := max(source.virtualSize(), s.DiskSize)
		p.newVolume(plan, &volume{pool: pool, format: format, capacity: capacity, contents: copied, source: source, device: d}, "", suffix(format))
		if v := source.volume; v != nil {
			plan.copies = &model.Device{Kind: model.KindDisk, Source: v.Path, Format: v.Format, ReadOnly: true}
		}
		plan.Info.Copies += source.size
		if s.DiskSize > 0 && s.DiskSize < source.virtualSize() {
			plan.fail("disk-size", errs.InvalidArgument, "", "The disk cannot be smaller than the image, which has %s.", size(source.virtualSize()))
		}
	case s.DiskSize != 0:
		return errs.New(errs.InvalidArgument, "A disk that is used in place keeps its size. Leave out disk-size, or ask for a copy.")
	case source.volume != nil:
		p.useVolume(plan, d, source.volume)
	default:
		d.Source, d.Type, d.Format = source.path, "file", cmp.Or(format, "qcow2")
	}
	plan.addDisk(d)
	return nil
}

func suffix(format string) string {
	if format == "qcow2" {
		return ".qcow2"
	}
	return ".img"
}

// resolveDisk plans one disk of the list.
func (p *Planner) resolveDisk(plan *Plan, spec *model.DiskSpec) error {
	spec.Bus = p.diskBus(plan, spec.Bus)
	d := &model.Device{Kind: model.KindDisk, Bus: spec.Bus}
	plan.addDisk(d)
	if spec.Volume != "" {
		v := p.Volume(spec.Volume)
		if v == nil {
			return errs.New(errs.NotFound, "There is no such storage volume.")
		}
		p.useVolume(plan, d, v)
		return nil
	}
	pool, err := p.pool(plan, spec.Pool)
	if pool == nil {
		return err
	}
	spec.Pool = pool.Path()
	if spec.Size == 0 {
		spec.Size = defaultDisk
		if plan.system != nil && plan.system.Storage > 0 {
			spec.Size = plan.system.Storage
		}
	}
	if spec.Format == "" {
		spec.Format = p.bestFormat(pool)
	}
	if spec.Format == "qcow2" && !holdsFiles(pool) {
		plan.fail("format", errs.NotSupported, "Choose raw.", "The storage pool “%s” can hold raw disks only.", pool.Name)
	}
	if plan.system != nil && spec.Size < plan.system.MinimumStorage && len(plan.vm.Disks) == 1 {
		plan.warn("disk-size", "", "%s needs a disk of at least %s.", plan.system.Name, size(plan.system.MinimumStorage))
	}
	d.Format = spec.Format
	p.newVolume(plan, &volume{pool: pool, format: spec.Format, capacity: spec.Size, device: d}, spec.Name, suffix(spec.Format))
	spec.Name = plan.volumes[len(plan.volumes)-1].name
	return nil
}

// medium is the CD-ROM drive with what the VM is installed from.
func (p *Planner) medium(plan *Plan, source *Source) error {
	d := &model.Device{Kind: model.KindCDROM, Bus: "sata", Format: "raw", ReadOnly: true}
	switch {
	case source.file != nil:
		pool, err := p.pool(plan, "")
		if pool == nil {
			return err
		}
		p.newVolume(plan, &volume{pool: pool, format: "raw", capacity: source.size, contents: copied, source: source, device: d}, "", ".iso")
		plan.Info.Copies += source.size
	case source.volume != nil:
		d.Source, d.Type = source.volume.Path, diskType(source.volume.Pool)
		p.checkImage(plan, d.Source, d.Format, true)
	default:
		d.Source, d.Type = source.path, "file"
	}
	plan.addDisk(d)
	return nil
}

// webMedium is the CD-ROM drive with a medium on a web server. QEMU reads it from
// there, as its own user, while the VM runs: the service, which may more, asks no
// server for anything.
func (p *Planner) webMedium(plan *Plan) {
	const download = "or download the ISO image and choose the file."
	address := plan.Spec.Source.URL
	switch {
	case !slices.Contains(p.Capabilities.URLSchemes, "https"):
		plan.fail("source", errs.NotSupported, "Install qemu-block-extra (Debian, Ubuntu) or qemu-block-curl (others), "+download,
			"QEMU on this host lacks the driver that reads from web servers.")
	case strings.HasPrefix(address, "http:"):
		plan.warn("source", "Use an address that begins with https:, if the server has one.",
			"The installer comes over an unprotected connection, so that others could replace it on the way. Some versions of QEMU also stop in the midst of it where a server does not speak HTTP/2.")
	}
	plan.addDisk(&model.Device{Kind: model.KindCDROM, Type: "network", Bus: "sata", Format: "raw", ReadOnly: true, Source: address})
}

// resolveCloudInit plans the small disk that cloud-init reads.
func (p *Planner) resolveCloudInit(_ context.Context, plan *Plan, _ *Source) error {
	if plan.Spec.Source.Kind != model.SourceCloud {
		return nil
	}
	c := model.CloudInit{}
	if plan.secrets != nil {
		c = *plan.secrets
	}
	if c.HostName == "" {
		c.HostName = hostName(plan.Spec.Name)
	}
	plan.secrets = &c
	shown := c
	shown.Password = ""
	plan.Spec.CloudInit = &shown
	if c.Password == "" && len(c.SSHKeys) == 0 {
		plan.warn("cloud-init", "Give a password or an SSH key.", "Nobody will be able to log in to the new system.")
	}
	pool, err := p.pool(plan, "")
	if pool == nil {
		return err
	}
	d := &model.Device{Kind: model.KindCDROM, Bus: "sata", Format: "raw", ReadOnly: true}
	p.newVolume(plan, &volume{pool: pool, format: "raw", contents: cloudSeed, device: d}, "", "-cloud-init.iso")
	plan.addDisk(d)
	return nil
}

// hostName makes one of a VM's name; empty when nothing is left of it.
func hostName(name string) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		case r == ' ', r == '_', r == '.':
			return '-'
		default:
			return -1
		}
	}, name)
	if len(name) > 63 {
		name = name[:63]
	}
	return strings.Trim(name, "-")
}

func (p *Planner) diskBus(plan *Plan, asked string) string {
	switch {
	case asked != "":
		return asked
	case plan.virtio(func(s *osinfo.System) bool { return s.VirtioDisk }):
		return "virtio"
	default:
		return "sata"
	}
}

// pool is the one with this path, or for the empty path the default one: that
// which has the name, or else the first that runs and holds files. Nil, with a
// problem of the plan, when there is none.
func (p *Planner) pool(plan *Plan, path model.Path) (*model.StoragePool, error) {
	pools := p.Host.Pools()
	if path != "" {
		i := slices.IndexFunc(pools, func(pool *model.StoragePool) bool { return pool.Path() == path })
		if i < 0 {
			return nil, errs.New(errs.NotFound, "There is no such storage pool on this host.")
		}
		p.checkPool(plan, pools[i])
		return pools[i], nil
	}
	i := slices.IndexFunc(pools, func(pool *model.StoragePool) bool { return pool.Name == "default" })
	if i < 0 {
		i = slices.IndexFunc(pools, func(pool *model.StoragePool) bool { return pool.Active && holdsFiles(pool) })
	}
	if i < 0 {
		plan.failOnce("storage", errs.NotFound, "Create a storage pool.", "There is no storage pool for the disks.")
		return nil, nil
	}
	p.checkPool(plan, pools[i])
	return pools[i], nil
}

func (p *Planner) checkPool(plan *Plan, pool *model.StoragePool) {
	if !pool.Active {
		plan.failOnce("storage", errs.InvalidState, "Start the storage pool.", "The storage pool “%s” is not active.", pool.Name)
	}
	if pool.Kind == "rbd" || pool.Kind == "gluster" || pool.Kind == "iscsi-direct" {
		plan.failOnce("storage", errs.NotSupported, "Choose another storage pool.", "New disks cannot be made in the storage pool “%s”.", pool.Name)
	}
}

// failOnce is fail, unless the same has been said.
func (p *Plan) failOnce(id string, kind errs.Kind, hint, message string, args ...any) {
	text := fmt.Sprintf(message, args...)
	if !slices.ContainsFunc(p.Info.Problems, func(c model.Check) bool { return c.Message == text }) {
		p.fail(id, kind, hint, "%s", text)
	}
}

// holdsFiles says whether a pool's volumes are files, which can be of any format
// and grow.
func holdsFiles(pool *model.StoragePool) bool {
	return slices.Contains([]string{"dir", "fs", "netfs", "vstorage"}, pool.Kind)
}

func diskType(pool *model.StoragePool) string {
	if holdsFiles(pool) {
		return "file"
	}
	return "block"
}

func (p *Planner) bestFormat(pool *model.StoragePool) string {
	if holdsFiles(pool) {
		return "qcow2"
	}
	return "raw"
}

// newVolume plans a volume that is to be made. Without a name it gets the VM's,
// with the first number that is free.
func (p *Planner) newVolume(plan *Plan, v *volume, name, ending string) {
	taken := func(name string) bool {
		return p.Taken(v.pool, name) || slices.ContainsFunc(plan.volumes, func(o *volume) bool { return o.pool == v.pool && o.name == name })
	}
	if v.name = name; name == "" {
		v.name = plan.Spec.Name + ending
		for n := 1; taken(v.name) && n < 10_000; n++ {
			v.name = fmt.Sprintf("%s-%d%s", plan.Spec.Name, n, ending)
		}
	} else if taken(name) {
		plan.fail("volume", errs.AlreadyExists, "Choose another name.", "The storage pool “%s” has a volume “%s” already.", v.pool.Name, name)
	}
	v.device.Type = diskType(v.pool)
	plan.volumes = append(plan.volumes, v)
}

// useVolume plans a volume that exists. Unless the caller says what it is, it is
// what libvirt found, or else a plain disk.
func (p *Planner) useVolume(plan *Plan, d *model.Device, v *Volume) {
	if d.Format == "" || d.Format == v.Format && d.Format != "qcow2" {
		d.Format = p.volumeFormat(plan, v)
	}
	p.checkImage(plan, v.Path, d.Format, d.ReadOnly)
	d.Source, d.Type, d.Capacity = v.Path, diskType(v.Pool), v.Capacity
	if len(v.UsedBy) > 0 {
		plan.warn("volume", "Ask for a copy, or do not run both at once.", "Another VM uses the volume “%s”, too.", v.Name)
	}
}

// checkImage looks at an image that exists and is used or copied.
func (p *Planner) checkImage(plan *Plan, path, format string, readOnly bool) {
	err := p.CheckImage(path, format, readOnly)
	switch {
	case errors.Is(err, inventory.ErrNeedsStorage): // the caller is asked
	case err != nil:
		kind, message := errs.Of(err)
		plan.failOnce("volume", kind, "", "%s", message)
	}
}

// checkFormats refuses one image in two formats: what the guest writes to the one
// disk would be the header of the other.
func (p *Planner) checkFormats(plan *Plan) {
	formats := map[string]string{}
	for _, d := range plan.vm.Disks {
		if d.Source == "" {
			continue
		}
		if format, known := formats[d.Source]; known && format != d.Format {
			plan.failOnce("volume", errs.InvalidArgument, "", "Two disks are the same image in two formats.")
		}
		formats[d.Source] = d.Format
	}
}

// volumeFormat is qcow2 or raw. The formats of other programs may refer to files
// that nobody has looked at, and are not used.
func (p *Planner) volumeFormat(plan *Plan, v *Volume) string {
	if v.Format == "qcow2" {
		return v.Format
	}
	if slices.Contains([]string{"bochs", "cloop", "dmg", "qcow", "qed", "vdi", "vhdx", "vmdk", "vpc"}, v.Format) {
		plan.failOnce("volume", errs.NotSupported, "Convert it first: qemu-img convert -O qcow2.", "The volume “%s” has a format that cannot be used.", v.Name)
	}
	return "raw"
}

// checkRoom compares what the volumes take with what the pools have.
func (p *Planner) checkRoom(plan *Plan) {
	for _, pool := range p.Host.Pools() {
		var now, later uint64
		for _, v := range plan.volumes {
			if v.pool != pool {
				continue
			}
			switch later += v.capacity; {
			case v.contents == copied:
				now += v.source.size
			case !holdsFiles(pool):
				now += v.capacity
			}
		}
		switch {
		case now > pool.Available:
			plan.fail("space", errs.NoSpace, "Remove what nobody needs, or choose another storage pool.",
				"The storage pool “%s” has %s left, and %s are needed.", pool.Name, size(pool.Available), size(now))
		case later > pool.Available:
			plan.warn("space", "", "The disks can grow to %s, and the storage pool “%s” has %s left.", size(later), pool.Name, size(pool.Available))
		}
	}
}
