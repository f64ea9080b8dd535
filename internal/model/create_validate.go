package model

import (
	"regexp"
	"slices"
	"strings"
)

// Limits of what a new VM can be asked for.
const (
	MaxNewVCPUs     = 4096
	MinNewMemory    = 4 << 20 // bytes
	MaxNewMemory    = 1 << 46 // bytes
	MinDiskSize     = 1 << 20 // bytes
	MaxDiskSize     = 1 << 53 // bytes
	MaxNewDevices   = 64      // disks, interfaces
	MaxPassword     = 256     // bytes
	MaxSSHKeys      = 64
	MaxSSHKey       = 16 << 10 // bytes
	MaxPackages     = 256
	maxWord         = 128 // bytes
	maxHostNamePart = 63
)

var (
	word        = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]*$`)
	userName    = regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,31}$`)
	hostLabel   = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$`)
	packageName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.+_:~=/-]*$`)
	macAddress  = regexp.MustCompile(`^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}$`)
	interfaces  = regexp.MustCompile(`^[A-Za-z0-9_.@-]{1,15}$`)
)

// ValidateVMSpec says what is wrong with a spec by itself, whatever host it is
// for.
func ValidateVMSpec(s *VMSpec) error {
	for _, check := range []func() error{
		func() error { return ValidateVMName(s.Name) },
		func() error { return ValidateTitle(s.Title) },
		func() error { return ValidateDescription(s.Description) },
		func() error { return ValidateTags(s.Tags) },
		func() error { return validateShort("operating system", s.OS) },
		func() error { return s.Source.validate() },
		s.validateSizes,
		s.validateFirmware,
		s.validateDisks,
		s.validateNetworks,
		s.validateCloudInit,
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func validateShort(what, s string) error {
	if len(s) > maxWord {
		return invalid("The %s is too long: %d bytes are allowed.", what, maxWord)
	}
	return validateLine(what, s)
}

func (s *VMSource) validate() error {
	given := 0
	for _, there := range []bool{s.FD != nil, s.Volume != "", s.Path != "", s.URL != ""} {
		if there {
			given++
		}
	}
	switch s.Kind {
	case "", SourceNone, SourcePXE:
		if given > 0 || s.Copy != nil || s.Format != "" {
			return invalid("A source of the kind “%s” takes no file.", s.Kind)
		}
		return nil
	case SourceURL:
		if given != 1 || s.URL == "" || s.Copy != nil || s.Format != "" {
			return invalid("A source of the kind “url” needs an address, and nothing else.")
		}
		_, err := ParseMediumAddress(s.URL)
		return err
	case SourceISO, SourceImage, SourceCloud:
	default:
		return invalid("There is no source of the kind “%s”. Use iso, image, cloud, url, pxe or none.", Printable(string(s.Kind)))
	}
	if given != 1 || s.URL != "" {
		return invalid("A source of the kind “%s” needs exactly one of fd, volume and path.", s.Kind)
	}
	return s.validateFile()
}

func (s *VMSource) validateFile() error {
	switch {
	case s.FD != nil && s.Copy != nil && !*s.Copy:
		return invalid("A file that is handed over as a descriptor can only be copied.")
	case s.Kind == SourceISO && s.Format != "":
		return invalid("A medium to install from has no format.")
	case s.Format != "" && s.Format != "qcow2" && s.Format != "raw":
		return invalid("The format of a disk must be qcow2 or raw.")
	case s.Path != "" && (!strings.HasPrefix(s.Path, "/") || len(s.Path) > 4096):
		return invalid("The path of a file must be absolute.")
	}
	return validateLine("path", s.Path)
}

func (s *VMSpec) validateSizes() error {
	switch {
	case s.VCPUs > MaxNewVCPUs:
		return invalid("A VM can have %d virtual CPUs at most.", MaxNewVCPUs)
	case s.Memory != 0 && (s.Memory < MinNewMemory || s.Memory > MaxNewMemory):
		return invalid("The memory must be at least %d MiB and at most %d TiB.", MinNewMemory>>20, uint64(MaxNewMemory)>>40)
	case s.DiskSize != 0 && s.Disks != nil:
		return invalid("Give either disk-size or disks.")
	}
	return validateDiskSize(s.DiskSize)
}

func validateDiskSize(size uint64) error {
	if size != 0 && (size < MinDiskSize || size > MaxDiskSize) {
		return invalid("The size of a disk must be at least %d MiB and at most %d TiB.", MinDiskSize>>20, uint64(MaxDiskSize)>>40)
	}
	return nil
}

func (s *VMSpec) validateFirmware() error {
	secure := s.SecureBoot != nil && *s.SecureBoot
	switch {
	case s.Firmware != "" && s.Firmware != FirmwareBIOS && s.Firmware != FirmwareUEFI:
		return invalid("The firmware must be bios or uefi.")
	case s.Firmware == FirmwareBIOS && secure:
		return invalid("Secure Boot needs UEFI.")
	case s.Machine != "" && (!word.MatchString(s.Machine) || len(s.Machine) > maxWord):
		return invalid("“%s” cannot be a machine type.", Printable(s.Machine))
	}
	return nil
}

func (s *VMSpec) validateDisks() error {
	if len(s.Disks) > MaxNewDevices {
		return invalid("There are too many disks: %d are allowed.", MaxNewDevices)
	}
	for _, d := range s.Disks {
		if err := d.validate(); err != nil {
			return err
		}
	}
	return nil
}

func (d *DiskSpec) validate() error {
	switch {
	case d.Volume != "" && (d.Size != 0 || d.Format != "" || d.Pool != "" || d.Name != ""):
		return invalid("A disk is either a volume that exists, or a new one with a size.")
	case d.Format != "" && d.Format != "qcow2" && d.Format != "raw":
		return invalid("The format of a disk must be qcow2 or raw.")
	case d.Bus != "" && !slices.Contains([]string{"virtio", "sata", "scsi", "usb", "ide"}, d.Bus):
		return invalid("The bus of a disk must be virtio, sata, scsi, usb or ide.")
	}
	if d.Name != "" { // else it is made of the VM's
		if err := ValidateVolumeName(d.Name); err != nil {
			return err
		}
	}
	return validateDiskSize(d.Size)
}

func (s *VMSpec) validateNetworks() error {
	if len(s.Networks) > MaxNewDevices {
		return invalid("There are too many network interfaces: %d are allowed.", MaxNewDevices)
	}
	var forwards []PortForward
	for _, n := range s.Networks {
		if err := n.validate(); err != nil {
			return err
		}
		forwards = append(forwards, n.PortForwards...)
	}
	return ValidatePortForwards(forwards)
}

func (n *NetworkSpec) validate() error {
	given := 0
	for _, place := range []string{string(n.Network), n.Bridge, n.HostDevice} {
		if place != "" {
			given++
		}
	}
	if n.User {
		given++
	}
	switch {
	case given > 1:
		return invalid("A network interface is in one place: give only one of network, bridge, host-device and user.")
	case len(n.PortForwards) > 0 && !n.User:
		return invalid("Only an interface of user networking forwards ports: give “user” as well.")
	case n.MAC != "" && !macAddress.MatchString(n.MAC):
		return invalid("A MAC address must have the form 52:54:00:12:34:56.")
	case n.Model != "" && (!word.MatchString(n.Model) || len(n.Model) > maxWord):
		return invalid("“%s” cannot be the model of a network interface.", Printable(n.Model))
	}
	for _, name := range []string{n.Bridge, n.HostDevice} {
		if name != "" && !interfaces.MatchString(name) {
			return invalid("“%s” cannot be the name of a network interface.", Printable(name))
		}
	}
	return ValidatePortForwards(n.PortForwards)
}

func (s *VMSpec) validateCloudInit() error {
	if s.CloudInit == nil {
		return nil
	}
	if s.Source.Kind != SourceCloud {
		return invalid("cloud-init needs a source of the kind “cloud”.")
	}
	return s.CloudInit.validate()
}

func (c *CloudInit) validate() error {
	switch {
	case c.User != "" && !userName.MatchString(c.User):
		return invalid("The user name must begin with a small letter and have only small letters, digits, dashes and underscores.")
	case len(c.Password) > MaxPassword:
		return invalid("The password is too long: %d bytes are allowed.", MaxPassword)
	case len(c.SSHKeys) > MaxSSHKeys:
		return invalid("There are too many SSH keys: %d are allowed.", MaxSSHKeys)
	case len(c.Packages) > MaxPackages:
		return invalid("There are too many packages: %d are allowed.", MaxPackages)
	}
	if err := validateLine("password", c.Password); err != nil {
		return err
	}
	for _, key := range c.SSHKeys {
		if err := validateSSHKey(key); err != nil {
			return err
		}
	}
	for _, p := range c.Packages {
		if len(p) > maxWord || !packageName.MatchString(p) {
			return invalid("“%s” cannot be the name of a package.", Printable(p))
		}
	}
	return ValidateHostName(c.HostName)
}

// ValidateHostName says why a machine cannot have this name (RFC 1123). The
// empty one means that nobody says.
func ValidateHostName(name string) error {
	if name == "" {
		return nil
	}
	if len(name) > 253 {
		return invalid("The host name is too long: 253 bytes are allowed.")
	}
	for _, label := range strings.Split(name, ".") {
		if len(label) > maxHostNamePart || !hostLabel.MatchString(label) {
			return invalid("The host name can have only letters, digits and dashes, and dots between them.")
		}
	}
	return nil
}

// validateSSHKey looks at the form of a line of authorized_keys. A private key
// is what people paste by mistake.
func validateSSHKey(key string) error {
	switch {
	case strings.Contains(key, "PRIVATE KEY"):
		return invalid("This is a private SSH key. Give the public one, from the file whose name ends in .pub.")
	case len(key) > MaxSSHKey:
		return invalid("The SSH key is too long: %d bytes are allowed.", MaxSSHKey)
	}
	fields := strings.Fields(key)
	if len(fields) < 2 || !strings.HasPrefix(fields[0], "ssh-") && !strings.HasPrefix(fields[0], "ecdsa-") && !strings.HasPrefix(fields[0], "sk-") {
		return invalid("The SSH key must be one line that begins with its type, such as ssh-ed25519.")
	}
	return validateLine("SSH key", key)
}
