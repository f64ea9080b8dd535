package model

import (
	"net"
	"slices"
	"strconv"
	"strings"
)

// Limits of names in a host's storage. libvirt keeps a pool in a file of its
// name.
const (
	MaxPoolName   = 250 // bytes
	MaxVolumeName = 255 // bytes: what file systems take for a name
)

// PoolSpec is what a caller asks for a new storage pool.
type PoolSpec struct {
	Name          string   `wire:"name"`
	Kind          string   `wire:"kind"`   // libvirt's pool type
	Target        string   `wire:"target"` // where it appears on the host
	SourceHosts   []string `wire:"source-hosts"`
	SourcePath    string   `wire:"source-path"` // what a server exports
	SourceDevices []string `wire:"source-devices"`
	SourceName    string   `wire:"source-name"` // of a volume group, a zpool, an iSCSI target, …
	SourceFormat  string   `wire:"source-format"`
	Initiator     string   `wire:"initiator"`
	User          string   `wire:"user"`
	Secret        string   `wire:"secret"` // UUID of one that libvirt keeps
	Build         bool     `wire:"build"`
	Overwrite     bool     `wire:"overwrite"`
	Autostart     *bool    `wire:"autostart"`
	Start         *bool    `wire:"start"`
}

// VolumeSpec is what a caller asks for a new storage volume.
type VolumeSpec struct {
	Name       string  `wire:"name"`
	Format     string  `wire:"format"`
	Capacity   uint64  `wire:"capacity"`   // bytes
	Allocation *uint64 `wire:"allocation"` // bytes that are taken at once
	Backing    Path    `wire:"backing"`    // volume that it is made of
	FD         *FD     `wire:"fd"`         // a file whose content it gets
}

// poolKind says what a kind of pools is made of.
type poolKind struct {
	files  bool                // its volumes are files, which have formats
	target func(string) string // where it appears unless the spec says
	needs  []string            // keys that a spec must have
	takes  []string            // further keys that it may have
	builds bool                // there is something to make on devices
}

func imagesFolder(name string) string { return "/var/lib/libvirt/images/" + name }

func fixed(path string) func(string) string { return func(string) string { return path } }

// poolKinds is the kinds of pools that can be made.
var poolKinds = map[string]poolKind{
	"dir":   {files: true, target: imagesFolder, takes: []string{"target"}},
	"fs":    {files: true, target: imagesFolder, needs: []string{"source-devices"}, takes: []string{"target", "source-format"}, builds: true},
	"netfs": {files: true, target: imagesFolder, needs: []string{"source-hosts", "source-path"}, takes: []string{"target", "source-format"}},
	"logical": {
		target: func(name string) string { return "/dev/" + name },
		takes:  []string{"source-name", "source-devices", "target"}, builds: true,
	},
	"disk":  {target: fixed("/dev"), needs: []string{"source-devices"}, takes: []string{"source-format", "target"}, builds: true},
	"iscsi": {target: fixed("/dev/disk/by-path"), needs: []string{"source-hosts", "source-name"}, takes: []string{"initiator", "user", "secret", "target"}},
	"rbd":   {needs: []string{"source-hosts", "source-name"}, takes: []string{"user", "secret"}},
	"zfs":   {needs: []string{"source-name"}, takes: []string{"source-devices"}, builds: true},
}

// PoolOfFiles says whether the volumes of a kind of pools are files, which have
// formats.
func PoolOfFiles(kind string) bool {
	return poolKinds[kind].files || slices.Contains([]string{"gluster", "vstorage"}, kind)
}

// DefaultTarget is where a pool appears on the host unless its spec says.
func (s *PoolSpec) DefaultTarget() string {
	k := poolKinds[s.Kind]
	switch {
	case k.target == nil:
		return ""
	case s.Kind == "logical" && s.SourceName != "":
		return k.target(s.SourceName)
	}
	return k.target(s.Name)
}

// ValidatePoolName says why a storage pool cannot have this name.
func ValidatePoolName(name string) error {
	return validateFileName("storage pool", name, MaxPoolName)
}

// ValidateVolumeName says why a storage volume cannot have this name. It is that
// of a file, and never a way out of the pool's folder.
func ValidateVolumeName(name string) error {
	return validateFileName("volume", name, MaxVolumeName)
}

func validateFileName(what, name string, most int) error {
	switch {
	case name == "":
		return invalid("The name of a %s cannot be empty.", what)
	case len(name) > most:
		return invalid("The name of the %s is too long: %d bytes are allowed.", what, most)
	case name == "." || name == "..":
		return invalid("A %s cannot be called “.” or “..”.", what)
	case strings.Contains(name, "/"):
		return invalid("The name of a %s cannot contain a slash.", what)
	case strings.TrimSpace(name) != name:
		return invalid("The name of a %s cannot begin or end with a space.", what)
	}
	return validateName("name of a "+what, name)
}

// ValidatePoolSpec says why there cannot be such a pool.
func ValidatePoolSpec(s *PoolSpec) error {
	if err := ValidatePoolName(s.Name); err != nil {
		return err
	}
	kind, known := poolKinds[s.Kind]
	if !known {
		return invalid("A storage pool cannot be made of kind “%s”.", Printable(s.Kind))
	}
	given := s.given()
	for _, key := range kind.needs {
		if !slices.Contains(given, key) {
			return invalid("A storage pool of kind %s needs “%s”.", s.Kind, key)
		}
	}
	for _, key := range given {
		if !slices.Contains(kind.needs, key) && !slices.Contains(kind.takes, key) {
			return invalid("A storage pool of kind %s has no “%s”.", s.Kind, key)
		}
	}
	for _, check := range []func() error{s.checkPaths, s.checkHosts, s.checkWords, func() error { return s.checkBuild(kind) }} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// given is the keys that say where the storage is.
func (s *PoolSpec) given() []string {
	var keys []string
	for key, is := range map[string]bool{
		"target": s.Target != "", "source-hosts": len(s.SourceHosts) > 0, "source-path": s.SourcePath != "",
		"source-devices": len(s.SourceDevices) > 0, "source-name": s.SourceName != "", "source-format": s.SourceFormat != "",
		"initiator": s.Initiator != "", "user": s.User != "", "secret": s.Secret != "",
	} {
		if is {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

func (s *PoolSpec) checkPaths() error {
	for key, paths := range map[string][]string{"target": {s.Target}, "source-devices": s.SourceDevices} {
		for _, path := range paths {
			if path != "" && !strings.HasPrefix(path, "/") {
				return invalid("The value of “%s” must be an absolute path.", key)
			}
			folders := strings.Split(path, "/")
			switch {
			case slices.Contains(folders, ".."):
				return invalid("The value of “%s” cannot contain “..”.", key)
			case strings.HasSuffix(path, " "): // libvirt would cut it off
				return invalid("The value of “%s” cannot end with a space.", key)
			case slices.ContainsFunc(folders, func(name string) bool { return len(name) > MaxVolumeName }):
				return invalid("A name in the value of “%s” is too long: %d bytes are allowed.", key, MaxVolumeName)
			}
			if err := ValidateDeviceValue(key, path); err != nil {
				return err
			}
		}
	}
	if (s.Kind == "fs" || s.Kind == "disk") && len(s.SourceDevices) != 1 {
		return invalid("A storage pool of kind %s is on exactly one device.", s.Kind)
	}
	return ValidateDeviceValue("source-path", s.SourcePath)
}

func (s *PoolSpec) checkHosts() error {
	for _, host := range s.SourceHosts {
		if name, port := SplitHost(host); name == "" || strings.HasPrefix(name, "-") || strings.ContainsAny(name, " /") {
			return invalid("“%s” is no name or address of a server.", Printable(host))
		} else if n, err := strconv.Atoi(port); port != "" && (err != nil || n < 1 || n > 65535) {
			return invalid("“%s” has no port between 1 and 65535.", Printable(host))
		}
		if err := ValidateDeviceValue("source-hosts", host); err != nil {
			return err
		}
	}
	if s.Kind != "rbd" && len(s.SourceHosts) > 1 {
		return invalid("A storage pool of kind %s is on one server.", s.Kind)
	}
	return nil
}

// SplitHost is the name and the port of a server; the port may be left out.
func SplitHost(host string) (name, port string) {
	if name, port, err := net.SplitHostPort(host); err == nil {
		return name, port
	}
	return strings.Trim(host, "[]"), ""
}

func (s *PoolSpec) checkWords() error {
	for key, word := range map[string]string{"source-name": s.SourceName, "source-format": s.SourceFormat, "initiator": s.Initiator, "user": s.User} {
		if strings.HasPrefix(word, "-") {
			return invalid("The value of “%s” cannot begin with a dash.", key)
		}
		if err := ValidateDeviceValue(key, word); err != nil {
			return err
		}
	}
	if s.Kind == "logical" && s.SourceName == "" && !plainWord.MatchString(s.Name) {
		return invalid("A volume group cannot be called “%s”. Give another “source-name”.", Printable(s.Name))
	}
	if (s.User == "") != (s.Secret == "") {
		return invalid("A user needs a secret, and a secret a user.")
	}
	if s.Secret != "" {
		return ValidateUUID(s.Secret)
	}
	return nil
}

func (s *PoolSpec) checkBuild(kind poolKind) error {
	switch {
	case s.Build && !kind.builds:
		return invalid("There is nothing to build for a storage pool of kind %s.", s.Kind)
	case s.Overwrite && !s.Build:
		return invalid("Only what is built can overwrite something.")
	case s.Build && len(s.SourceDevices) == 0:
		return invalid("Building a storage pool of kind %s needs “source-devices”.", s.Kind)
	case s.Build && s.Kind == "fs" && (s.SourceFormat == "" || s.SourceFormat == "auto"):
		return invalid("Building a file system needs its “source-format”.")
	}
	return nil
}

// volumeFormats is the formats of volumes that can be made.
var volumeFormats = []string{"raw", "qcow2", "qed", "vmdk", "vdi", "vpc", "vhd"}

// ValidateVolumeSpec says why there cannot be such a volume in a pool of this
// kind.
func ValidateVolumeSpec(s *VolumeSpec, poolKind string) error {
	if err := ValidateVolumeName(s.Name); err != nil {
		return err
	}
	switch {
	case s.Format != "" && !slices.Contains(volumeFormats, s.Format):
		return invalid("A volume cannot have the format “%s”. It can be %s.", Printable(s.Format), strings.Join(volumeFormats, ", "))
	case s.Format != "" && s.Format != "raw" && !PoolOfFiles(poolKind):
		return invalid("Volumes of a storage pool of kind %s have no format.", poolKind)
	case s.FD != nil && (s.Backing != "" || s.Format != ""):
		return invalid("A volume that is made of a file has its format and needs nothing else.")
	case s.Capacity == 0 && s.Backing == "" && s.FD == nil:
		return invalid("A volume needs a “capacity”.")
	case s.Capacity > maxVolume:
		return invalid("A volume can have at most %d bytes.", uint64(maxVolume))
	case s.Allocation != nil && *s.Allocation > s.Capacity && s.Capacity != 0:
		return invalid("A volume cannot take more room than its “capacity”.")
	}
	return nil
}

// maxVolume is the largest size of a file, in bytes.
const maxVolume = 1<<63 - 1
