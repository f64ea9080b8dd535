package osinfo

import (
	"bytes"
	"context"
	"slices"
	"strings"
)

// System is what the database says of an operating system.
type System struct {
	ID      string // libosinfo's id, a URL
	ShortID string // such as debian12
	Name    string
	Family  string // linux, winnt, freebsd, …

	// What it should have, for one architecture; zero where nobody says.
	VCPUs   uint32
	Memory  uint64 // bytes
	Storage uint64 // bytes
	// What it cannot do without.
	MinimumMemory  uint64
	MinimumStorage uint64

	// VirtioDisk and VirtioNetwork say whether it has drivers for these.
	VirtioDisk, VirtioNetwork bool
	// NeedsUEFI says that it does not start with a BIOS.
	NeedsUEFI bool
	// KnownDevices says whether the database lists its devices at all.
	KnownDevices bool
}

// Devices of libosinfo's database: each has an id for the transitional and one
// for the modern form.
var (
	virtioDisk    = []string{"http://pcisig.com/pci/1af4/1001", "http://pcisig.com/pci/1af4/1042"}
	virtioNetwork = []string{"http://pcisig.com/pci/1af4/1000", "http://pcisig.com/pci/1af4/1041"}
)

// maxAncestors bounds how many systems one is derived from.
const maxAncestors = 64

// Find gives the system with this id or short id (debian12), for machines of
// this architecture. Nil when the database has none.
func (d *Database) Find(ctx context.Context, id, arch string) (*System, error) {
	r := d.record(id)
	if r == nil && validShortID(id) {
		err := d.search(ctx, containing("<short-id>"+id+"</short-id>"), func(found *record) bool {
			if slices.Contains(found.ShortIDs, id) {
				r = found
			}
			return r != nil
		})
		if err != nil {
			return nil, err
		}
	}
	if r == nil {
		return nil, nil
	}
	return d.describe(r, arch), nil
}

func containing(text string) func([]byte) bool {
	return func(data []byte) bool { return bytes.Contains(data, []byte(text)) }
}

func validShortID(id string) bool {
	return id != "" && len(id) <= 64 && !strings.ContainsAny(id, "<>&/ \n")
}

func (d *Database) describe(r *record, arch string) *System {
	s := &System{ID: r.ID, Name: r.name(), Family: r.Family}
	if len(r.ShortIDs) > 0 {
		s.ShortID = r.ShortIDs[0]
	}
	line := d.ancestry(r)
	for _, a := range line {
		if devices := a.Devices; len(devices) > 0 {
			s.KnownDevices = true
			s.VirtioDisk = s.VirtioDisk || has(devices, virtioDisk)
			s.VirtioNetwork = s.VirtioNetwork || has(devices, virtioNetwork)
		}
	}
	s.NeedsUEFI = r.refusesBIOS(arch)
	for _, a := range line {
		if s.setResources(a.Resources, arch) {
			break
		}
	}
	return s
}

// ancestry is a system, those that it is a clone of or derived from, and theirs,
// the nearest first.
func (d *Database) ancestry(r *record) []*record {
	line, seen := []*record{r}, map[string]bool{r.ID: true}
	for i := 0; i < len(line) && len(line) < maxAncestors; i++ {
		for _, parent := range append(slices.Clone(line[i].Clones), line[i].Derives...) {
			if seen[parent.ID] {
				continue
			}
			seen[parent.ID] = true
			if p := d.record(parent.ID); p != nil {
				line = append(line, p)
			}
		}
	}
	return line
}

func has(devices []ref, ids []string) bool {
	return slices.ContainsFunc(devices, func(r ref) bool { return slices.Contains(ids, r.ID) })
}

func (r *record) refusesBIOS(arch string) bool {
	return slices.ContainsFunc(r.Firmware, func(f firmware) bool {
		return f.Arch == arch && f.Type == "bios" && f.Supported == "false"
	})
}

// setResources takes what a system says for this architecture, or else for all.
// It is false when it says nothing itself, or refers to its ancestors.
func (s *System) setResources(list []resource, arch string) bool {
	for _, want := range []string{arch, "all"} {
		for _, r := range list {
			if r.Arch != want || r.Inherit == "true" {
				continue
			}
			s.MinimumMemory, s.MinimumStorage = r.Minimum.Memory, r.Minimum.Storage
			s.VCPUs = max(r.Recommended.CPUs, r.Minimum.CPUs)
			s.Memory = max(r.Recommended.Memory, r.Minimum.Memory)
			s.Storage = max(r.Recommended.Storage, r.Minimum.Storage)
			return true
		}
	}
	return false
}
