package store

import (
	"slices"
	"strings"

	"org.kvmmanager/internal/model"
)

// VMForm is a new VM as a person chooses it, in the units of the dialog.
type VMForm struct {
	Name, OS  string
	Source    model.SourceKind
	Address   string // of the medium of SourceURL
	VCPUs     uint32
	MemoryMiB uint64
	DiskGiB   uint64 // 0: no disk to choose the size of
	UEFI      bool

	// What the dialog hides until somebody wants it.
	SecureBoot, TPM bool
	Machine         string
	Pool            model.Path // empty: chosen
	Format          string
	Network         model.Path // empty with NoNetwork
	NoNetwork       bool

	// For cloud images.
	User, Password, SSHKey, HostName, Packages string
}

// OwnDisk is whether the VM gets a new, empty disk, instead of one that there is
// something on.
func (f VMForm) OwnDisk() bool {
	return f.Source != model.SourceImage && f.Source != model.SourceCloud
}

// WrongAddress is what is wrong with the address of a medium, as a sentence for
// people; empty if nothing is, or if none is needed.
func (f VMForm) WrongAddress() string {
	if f.Source != model.SourceURL {
		return ""
	}
	if _, err := model.ParseMediumAddress(strings.TrimSpace(f.Address)); err != nil {
		return err.Error()
	}
	return ""
}

// First is what the first step says: enough to plan the rest.
func (f VMForm) First() model.VMSpec {
	spec := model.VMSpec{Name: f.Name, Source: model.VMSource{Kind: f.Source}}
	if f.Source == model.SourceURL {
		spec.Source.URL = strings.TrimSpace(f.Address)
	}
	if f.Source != model.SourceCloud {
		return spec
	}
	spec.CloudInit = &model.CloudInit{
		User: f.User, Password: f.Password, HostName: f.HostName,
		Packages: strings.FieldsFunc(f.Packages, func(r rune) bool { return r == ' ' || r == ',' }),
	}
	if key := strings.TrimSpace(f.SSHKey); key != "" {
		spec.CloudInit.SSHKeys = []string{key}
	}
	return spec
}

// Spec is what all steps say.
func (f VMForm) Spec() model.VMSpec {
	spec := f.First()
	spec.OS, spec.VCPUs, spec.Memory, spec.Machine = f.OS, f.VCPUs, f.MemoryMiB*mebibyte, f.Machine
	spec.Firmware = model.FirmwareBIOS
	if f.UEFI {
		spec.Firmware = model.FirmwareUEFI
	}
	secure := f.SecureBoot && f.UEFI
	spec.SecureBoot, spec.TPM = &secure, &f.TPM
	switch {
	case f.DiskGiB == 0:
	case f.OwnDisk():
		spec.Disks = []model.DiskSpec{{Size: f.DiskGiB * gibibyte, Pool: f.Pool, Format: f.Format}}
	default:
		spec.DiskSize = f.DiskGiB * gibibyte
	}
	switch {
	case f.NoNetwork:
		spec.Networks = []model.NetworkSpec{}
	case f.Network != "":
		spec.Networks = []model.NetworkSpec{{Network: f.Network}}
	}
	return spec
}

// ActivePools is the pools that a new disk can be in.
func ActivePools(pools []*model.StoragePool) []*model.StoragePool {
	return slices.DeleteFunc(slices.Clone(pools), func(p *model.StoragePool) bool { return p.State != model.PoolRunning && p.State != model.PoolDegraded })
}

// DiskFormats is what a disk in a pool of a kind can be, the usual first.
func DiskFormats(poolKind string) []string {
	if formats := VolumeFormats(poolKind); formats != nil {
		return formats
	}
	return []string{"raw"}
}

// WhyNoSecureBoot is why a new VM cannot have Secure Boot; empty when it can.
func (w Words) WhyNoSecureBoot(c model.Capabilities, uefi bool) string {
	switch {
	case !c.SecureBoot:
		return w.text("The host has no firmware with Secure Boot. Install OVMF.")
	case !uefi:
		return w.text("Secure Boot needs UEFI firmware")
	default:
		return ""
	}
}

// WhyNoTPM is why a new VM cannot have a TPM; empty when it can.
func (w Words) WhyNoTPM(c model.Capabilities) string {
	if !slices.Contains(c.TPMBackends, "emulator") {
		return w.text("The host cannot emulate a TPM. Install swtpm.")
	}
	return ""
}
