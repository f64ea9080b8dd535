package model

import (
	"fmt"
	"strings"
)

// Limits of values that a caller may set.
const (
	MaxVMName      = 230       // bytes
	MaxTitle       = 255       // bytes
	MaxDescription = 64 * 1024 // bytes
	MaxTags        = 64
	MaxTag         = 64  // bytes
	MaxSnapshot    = 128 // bytes
)

// invalid makes an error whose whole text is a sentence for people. The caller
// gives it a kind.
func invalid(format string, args ...any) error { return valueError(fmt.Sprintf(format, args...)) }

type valueError string

func (e valueError) Error() string { return string(e) }

// ValidateVMName says why a VM cannot have this name. libvirt keeps a VM in
// files of its name, so that it cannot be "." or ".." or have a slash, and must
// leave room for the longest suffix (-fs0-virtiofsd.log and the like) in the 255
// bytes of a file's name. libvirt itself would take spaces around a name, and
// nobody could tell that VM from another.
func ValidateVMName(name string) error {
	switch {
	case name == "":
		return invalid("The name of a VM cannot be empty.")
	case len(name) > MaxVMName:
		return invalid("The name of the VM is too long: %d bytes are allowed.", MaxVMName)
	case name == "." || name == "..":
		return invalid("A VM cannot be called “.” or “..”.")
	case strings.Contains(name, "/"):
		return invalid("The name of a VM cannot contain a slash.")
	case strings.TrimSpace(name) != name:
		return invalid("The name of a VM cannot begin or end with a space.")
	}
	return validateName("name of a VM", name)
}

// ValidateSnapshotName says why a snapshot cannot have this name. libvirt keeps a
// snapshot in a file of its name and makes that a part of the names of images,
// so that it cannot have a slash or begin with a dot, and must leave room for
// the image's own name in the 255 bytes of a file's name.
func ValidateSnapshotName(name string) error {
	switch {
	case name == "":
		return invalid("The name of a snapshot cannot be empty.")
	case len(name) > MaxSnapshot:
		return invalid("The name of the snapshot is too long: %d bytes are allowed.", MaxSnapshot)
	case strings.HasPrefix(name, "."):
		return invalid("The name of a snapshot cannot begin with a dot.")
	case strings.Contains(name, "/"):
		return invalid("The name of a snapshot cannot contain a slash.")
	case strings.TrimSpace(name) != name:
		return invalid("The name of a snapshot cannot begin or end with a space.")
	}
	return validateName("name of a snapshot", name)
}

// ValidateTitle says why a VM cannot have this title. A title is one line.
func ValidateTitle(title string) error {
	if len(title) > MaxTitle {
		return invalid("The title is too long: %d bytes are allowed.", MaxTitle)
	}
	return validateLine("title", title)
}

// ValidateDescription says why a VM cannot have this description. A carriage
// return is refused because XML turns it into a newline on its way back.
func ValidateDescription(text string) error {
	if len(text) > MaxDescription {
		return invalid("The description is too long: %d bytes are allowed.", MaxDescription)
	}
	return validateText("description", text, "\n\t")
}

// ValidateTags says why a VM cannot have these tags. A comma is what people and
// programs put between tags.
func ValidateTags(tags []string) error {
	if len(tags) > MaxTags {
		return invalid("There are too many tags: %d are allowed.", MaxTags)
	}
	seen := make(map[string]bool, len(tags))
	for _, tag := range tags {
		if err := validateTag(tag); err != nil {
			return err
		}
		if seen[tag] {
			return invalid("The tag “%s” is given twice.", tag)
		}
		seen[tag] = true
	}
	return nil
}

func validateTag(tag string) error {
	switch {
	case tag == "":
		return invalid("A tag cannot be empty.")
	case len(tag) > MaxTag:
		return invalid("A tag is too long: %d bytes are allowed.", MaxTag)
	case strings.Contains(tag, ","):
		return invalid("A tag cannot contain a comma.")
	case strings.TrimSpace(tag) != tag:
		return invalid("A tag cannot begin or end with a space.")
	}
	return validateName("tag", tag)
}

// ValidateUUID says whether this is a UUID in the form of the API: lower case,
// with dashes.
func ValidateUUID(uuid string) error {
	if parsed, err := ParseUUID(uuid); err != nil || parsed != uuid {
		return invalid("The UUID must have the form 01234567-89ab-cdef-0123-456789abcdef.")
	}
	return nil
}

// ParseUUID takes a UUID in any form that libvirt does, with or without dashes
// and in either case, and gives the form of the API.
func ParseUUID(s string) (string, error) {
	var digits strings.Builder
	for _, c := range []byte(s) {
		switch {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'f':
			digits.WriteByte(c)
		case c >= 'A' && c <= 'F':
			digits.WriteByte(c - 'A' + 'a')
		case c != '-':
			return "", invalid("The UUID has a character that is no hexadecimal digit.")
		}
	}
	d := digits.String()
	if len(d) != 32 {
		return "", invalid("The UUID must have 32 hexadecimal digits.")
	}
	return d[:8] + "-" + d[8:12] + "-" + d[12:16] + "-" + d[16:20] + "-" + d[20:], nil
}
