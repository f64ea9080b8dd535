package create

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"

	"org.kvmmanager/internal/domainxml"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/osinfo"
	"org.kvmmanager/service/inventory"
)

// Host is what a plan looks at: the picture of a host.
type Host interface {
	Info() *model.Host
	FindVM(nameOrUUID string) *model.VM
	Networks() []*model.Network
	Pools() []*model.StoragePool
}

// Planner makes plans for one host.
type Planner struct {
	Host         Host
	Capabilities model.Capabilities
	Systems      *osinfo.Database
	// Volume gives the volume with this path; nil when there is none.
	Volume func(model.Path) *Volume
	// CheckImage returns why the image at a path cannot be used in this format.
	CheckImage func(path, format string, readOnly bool) error
	// Taken says whether a pool has a volume with this name.
	Taken func(pool *model.StoragePool, name string) bool
}

// Plan is what a spec becomes.
type Plan struct {
	Spec model.VMSpec // with nothing left out, and without secrets
	Info model.VMPlan

	vm      *model.VM // what is defined, but for the places of new volumes
	volumes []*volume // what is made, in the order of the disks
	failure error     // of the first problem that is an error
	secrets *model.CloudInit
	system  *osinfo.System
	caps    *model.Capabilities
	copies  *model.Device // the volume that is copied, if one is
	storage bool
}

// Uses lists what is there already that the VM gets or is copied from, as disks and
// drives.
func (p *Plan) Uses() []*model.Device {
	var uses []*model.Device
	for _, d := range p.vm.Disks {
		if d.Source != "" || d.Volume != "" {
			uses = append(uses, d)
		}
	}
	if p.copies != nil {
		uses = append(uses, p.copies)
	}
	return uses
}

// AllowStorage says whether the caller may use images that other VMs have.
func (p *Plan) AllowStorage(allowed bool) { p.storage = allowed }

// Rights returns what the caller may use besides the images that the spec names.
func (p *Plan) Rights() inventory.ImageRights {
	return inventory.ImageRights{Storage: p.storage, HostPaths: p.Spec.Source.Path != ""}
}

// Disks is the disks and media of the VM. Only what is there already is somewhere.
func (p *Plan) Disks() []*model.Device { return p.vm.Disks }

// contents is what comes into a new volume.
type contents uint8

const (
	empty     contents = iota
	copied             // the source's
	cloudSeed          // what cloud-init reads
)

// volume is a volume that is to be made, and the disk that it is for.
type volume struct {
	pool     *model.StoragePool
	name     string
	format   string
	capacity uint64
	contents contents
	source   *Source // of copied
	device   *model.Device
}

// Plan resolves a spec, which must be valid by itself. source is the source's
// file, if it has one. The error is one of the caller's: a spec that cannot be
// resolved at all. What just will not work is a problem of the plan.
func (p *Planner) Plan(ctx context.Context, spec model.VMSpec, source *Source) (*Plan, error) {
	uuid, err := newUUID()
	if err != nil {
		return nil, err
	}
	plan := &Plan{Spec: spec, secrets: spec.CloudInit, caps: &p.Capabilities, vm: &model.VM{
		UUID: uuid, Name: spec.Name, Title: spec.Title, Description: spec.Description, Tags: spec.Tags,
		Architecture: p.Host.Info().Architecture, Autostart: spec.Autostart,
	}}
	if plan.Spec.Source.Kind == "" {
		plan.Spec.Source.Kind = model.SourceNone
	}
	for _, step := range []func(context.Context, *Plan, *Source) error{
		p.resolveName, p.resolveSystem, p.resolveMachine, p.resolveFirmware, p.resolveSizes,
		p.resolveDisks, p.resolveNetworks, p.resolveCloudInit, p.resolveStart,
	} {
		if err := step(ctx, plan, source); err != nil {
			return nil, err
		}
	}
	plan.addDevices()
	return plan, plan.check()
}

// check looks whether the definition can be written, before anything is made of
// it, unless that is said not to work anyway. Volumes that are to be made have no
// place yet.
func (p *Plan) check() error {
	if p.failure != nil {
		return nil
	}
	const somewhere = "/"
	for _, v := range p.volumes {
		v.device.Source = somewhere
	}
	_, err := p.XML()
	for _, v := range p.volumes {
		v.device.Source = ""
	}
	return err
}

// Err is why the plan cannot be carried out; nil when it can.
func (p *Plan) Err() error { return p.failure }

// UUID is that of the new VM.
func (p *Plan) UUID() string { return p.vm.UUID }

// XML is the definition, once every volume has been made.
func (p *Plan) XML() (string, error) {
	return domainxml.NewDomain(p.vm, p.Info.DomainType, p.system != nil && p.system.Family == "winnt")
}

// Pools is the storage pools that the plan takes room of.
func (p *Plan) Pools() []string {
	var uuids []string
	for _, v := range p.volumes {
		if !slices.Contains(uuids, v.pool.UUID) {
			uuids = append(uuids, v.pool.UUID)
		}
	}
	return uuids
}

// EachVolume calls fn for every volume that is made, by its pool's UUID and its
// name.
func (p *Plan) EachVolume(fn func(pool, name string)) {
	for _, v := range p.volumes {
		fn(v.pool.UUID, v.name)
	}
}

// newUUID makes a random one (RFC 9562, version 4).
func newUUID() (string, error) {
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", fmt.Errorf("cannot make a UUID: %w", err)
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]), nil
}

// fail notes what keeps the plan from being carried out.
func (p *Plan) fail(id string, kind errs.Kind, hint, message string, args ...any) {
	e := errs.New(kind, message, args...)
	if p.failure == nil {
		p.failure = e
	}
	p.Info.Problems = append(p.Info.Problems, model.Check{ID: id, Status: model.CheckError, Message: e.Message, Hint: hint})
}

// warn notes what a person should know.
func (p *Plan) warn(id, hint, message string, args ...any) {
	text := fmt.Sprintf(message, args...)
	p.Info.Warnings = append(p.Info.Warnings, text)
	p.Info.Problems = append(p.Info.Problems, model.Check{ID: id, Status: model.CheckWarning, Message: text, Hint: hint})
}

func (p *Planner) resolveName(_ context.Context, plan *Plan, _ *Source) error {
	if other := p.Host.FindVM(plan.Spec.Name); other != nil && other.Name == plan.Spec.Name {
		plan.fail("name", errs.AlreadyExists, "Choose another name.", "There is already a VM called “%s”.", plan.Spec.Name)
	}
	return nil
}

// resolveSystem finds out what runs in the VM.
func (p *Planner) resolveSystem(ctx context.Context, plan *Plan, source *Source) (err error) {
	arch := plan.vm.Architecture
	switch {
	case plan.Spec.OS != "":
		plan.system, err = p.Systems.Find(ctx, plan.Spec.OS, arch)
		if err == nil && plan.system == nil {
			plan.warn("os", "Look the id up in libosinfo's database (package osinfo-db), or leave it out.",
				"The operating system “%s” is not known, so its defaults are guessed.", plan.Spec.OS)
		}
	case plan.Spec.Source.Kind == model.SourceISO && source != nil:
		if m, ok := osinfo.ParseMedium(source.descriptor(ctx)); ok {
			plan.system, err = p.Systems.Detect(ctx, m, arch)
		}
	case plan.Spec.Source.Kind == model.SourceURL:
		plan.system, err = p.Systems.DetectAddress(ctx, plan.Spec.Source.URL, arch)
	}
	if plan.system != nil {
		plan.Spec.OS, plan.Info.OSName = plan.system.ID, plan.system.Name
	}
	plan.vm.OSID = plan.Spec.OS
	return err
}

// virtio says whether the system is expected to have drivers for virtio disks or
// interfaces. Linux has them; cloud images are made for them.
func (p *Plan) virtio(known func(*osinfo.System) bool) bool {
	switch {
	case p.system == nil:
		return p.Spec.Source.Kind == model.SourceCloud
	case p.system.KnownDevices:
		return known(p.system)
	default:
		return p.system.Family == "linux"
	}
}

// resolveMachine chooses how the VM runs and on which machine.
func (p *Planner) resolveMachine(_ context.Context, plan *Plan, _ *Source) error {
	types := p.Capabilities.DomainTypes
	switch {
	case slices.Contains(types, "kvm"):
		plan.Info.DomainType = "kvm"
	case slices.Contains(types, "qemu"):
		plan.Info.DomainType = "qemu"
		plan.warn("kvm", "Turn on virtualization (Intel VT-x or AMD-V) in the firmware settings of the host and check that /dev/kvm exists.",
			"KVM cannot be used, so the virtual machine is emulated and slow.")
	case len(types) > 0:
		plan.Info.DomainType = types[0]
	}
	machines := p.Capabilities.MachineTypes
	switch {
	case plan.Spec.Machine == "" && slices.Contains(machines, "q35"):
		plan.Spec.Machine = "q35"
	case plan.Spec.Machine != "" && len(machines) > 0 && !slices.Contains(machines, plan.Spec.Machine):
		plan.fail("machine", errs.NotSupported, "GetCapabilities lists the machine types.",
			"This host has no machine type “%s”.", plan.Spec.Machine)
	}
	plan.vm.MachineType = plan.Spec.Machine
	plan.vm.CPUMode = p.cpuMode(plan.Info.DomainType)
	return nil
}

// cpuMode is the most that the way to run the VM can give.
func (p *Planner) cpuMode(domainType string) string {
	mode := "maximum"
	if domainType == "kvm" {
		mode = "host-passthrough"
	}
	if slices.Contains(p.Capabilities.CPUModes, mode) {
		return mode
	}
	return ""
}

const firmwareHint = "Install OVMF (package ovmf or edk2-ovmf)."

// resolveFirmware chooses BIOS unless something needs UEFI.
func (p *Planner) resolveFirmware(_ context.Context, plan *Plan, _ *Source) error {
	s := &plan.Spec
	secure := s.SecureBoot != nil && *s.SecureBoot
	needs := plan.system != nil && plan.system.NeedsUEFI
	if s.SecureBoot == nil && needs && p.Capabilities.SecureBoot && s.Firmware != model.FirmwareBIOS {
		secure = true
	}
	if s.Firmware == "" {
		s.Firmware = model.FirmwareBIOS
		if secure || needs || !p.has(model.FirmwareBIOS) && p.has(model.FirmwareUEFI) {
			s.Firmware = model.FirmwareUEFI
		}
	}
	switch {
	case !p.has(s.Firmware):
		plan.fail("firmware", errs.NotSupported, firmwareHint, "This host has no %s firmware for virtual machines.", firmwareName(s.Firmware))
	case secure && !p.Capabilities.SecureBoot:
		plan.fail("secure-boot", errs.NotSupported, firmwareHint, "This host has no firmware with Secure Boot.")
	case needs && s.Firmware == model.FirmwareBIOS:
		plan.warn("firmware", "Choose UEFI.", "%s does not start with a BIOS.", plan.system.Name)
	}
	s.SecureBoot = &secure
	plan.vm.Firmware, plan.vm.SecureBoot = s.Firmware, secure
	p.resolveTPM(plan, needs)
	return nil
}

// has says whether a host has a firmware. One that does not tell has it.
func (p *Planner) has(f model.Firmware) bool {
	return len(p.Capabilities.Firmware) == 0 || slices.Contains(p.Capabilities.Firmware, string(f))
}

func firmwareName(f model.Firmware) string {
	if f == model.FirmwareUEFI {
		return "UEFI"
	}
	return "BIOS"
}

// resolveTPM gives a TPM to who asks for it, and to a system that wants one.
func (p *Planner) resolveTPM(plan *Plan, wanted bool) {
	const hint = "Install swtpm."
	available := slices.Contains(p.Capabilities.TPMBackends, "emulator")
	asked := plan.Spec.TPM != nil
	if asked {
		wanted = *plan.Spec.TPM
	}
	switch {
	case !wanted || available:
	case asked:
		plan.fail("tpm", errs.NotSupported, hint, "This host cannot emulate a TPM.")
	default:
		wanted = false
		plan.warn("tpm", hint, "This host cannot emulate a TPM, which %s wants.", plan.system.Name)
	}
	plan.Spec.TPM = &wanted
	plan.vm.TPM = wanted
}

const (
	defaultVCPUs  = 2
	defaultMemory = 2 << 30
	defaultDisk   = 20 << 30
)

// resolveSizes chooses CPUs and memory.
func (p *Planner) resolveSizes(_ context.Context, plan *Plan, _ *Source) error {
	s, host := &plan.Spec, p.Host.Info()
	if s.VCPUs == 0 {
		s.VCPUs = defaultVCPUs
		if plan.system != nil {
			s.VCPUs = max(s.VCPUs, plan.system.VCPUs)
		}
		if host.CPUs > 0 {
			s.VCPUs = min(s.VCPUs, host.CPUs)
		}
	}
	if s.Memory == 0 {
		s.Memory = defaultMemory
		if plan.system != nil && plan.system.Memory > 0 {
			s.Memory = plan.system.Memory
		}
	}
	s.Memory = s.Memory &^ (1<<20 - 1) // whole MiB, as QEMU wants it
	plan.vm.VCPUs, plan.vm.MaxVCPUs = s.VCPUs, s.VCPUs
	plan.vm.Memory, plan.vm.MaxMemory = s.Memory, s.Memory
	p.checkSizes(plan, host)
	return nil
}

func (p *Planner) checkSizes(plan *Plan, host *model.Host) {
	s := &plan.Spec
	if most := p.Capabilities.MaxVCPUs; most > 0 && s.VCPUs > most {
		plan.fail("vcpus", errs.NotSupported, "", "A VM on this host can have %d virtual CPUs at most.", most)
	} else if host.CPUs > 0 && s.VCPUs > host.CPUs {
		plan.warn("vcpus", "", "The VM has more virtual CPUs than the host has CPUs (%d), which makes it slower.", host.CPUs)
	}
	if host.MemoryTotal > 0 && s.Memory > host.MemoryTotal {
		plan.fail("memory", errs.NoSpace, "Choose less memory.", "The VM would have more memory than the host, which has %s.", size(host.MemoryTotal))
	}
	if plan.system != nil && s.Memory < plan.system.MinimumMemory {
		plan.warn("memory", "", "%s needs at least %s of memory.", plan.system.Name, size(plan.system.MinimumMemory))
	}
}

// size is bytes for people.
func size(bytes uint64) string {
	const gib, mib = 1 << 30, 1 << 20
	if bytes >= gib {
		return fmt.Sprintf("%.1f GiB", float64(bytes)/gib)
	}
	return fmt.Sprintf("%d MiB", bytes/mib)
}

// resolveStart starts what has something to boot.
func (p *Planner) resolveStart(_ context.Context, plan *Plan, _ *Source) error {
	if plan.Spec.Start == nil {
		start := plan.Spec.Source.Kind != model.SourceNone
		plan.Spec.Start = &start
	}
	return nil
}
