package model

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
)

// textRule says why a text of a spec cannot be what it is.
type textRule func(key, text string) error

// specTexts has a rule for every text of everything that a caller can specify,
// by the type of the record and the key in it. libvirt and QEMU make paths,
// options with commas and lines of configuration files of many of them, so that
// each is only what it has to be. A text without a rule is refused: a new key
// needs one.
var specTexts = map[reflect.Type]map[string]textRule{
	reflect.TypeFor[Device](): {
		"id": aLine, "kind": aWord, "type": aWord, "model": aWord, "bus": aWord, "target": aDriveName, "address": aLine,
		"source": aSource, "pool": aReference, "volume": aReference, "format": aWord, "cache": aWord, "discard": aWord, "serial": aSerial,
		"mac": aMAC, "network": aLine, "network-name": aReference, "bridge": anInterface, "host-device": anInterface, "mode": aWord,
		"ip-addresses": aLine, "listen": aLine, "name": aChannelName, "state": aWord, "backend": aWord, "version": aWord, "action": aWord,
		"tag": aTag,
	},
	reflect.TypeFor[PortForward](): {"protocol": aWord, "address": anAddress},
	reflect.TypeFor[Configuration](): {
		"cpu-mode": aWord, "cpu-model": aWord, "machine-type": aWord, "firmware": aWord,
	},
	reflect.TypeFor[VMSpec](): {
		"name": aLine, "title": aLine, "description": lines, "tags": aLine, "os": aLine, "firmware": aWord, "machine": aWord,
	},
	reflect.TypeFor[VMSource]():  {"kind": aWord, "volume": aLine, "url": aLine, "path": aPath, "format": aWord},
	reflect.TypeFor[DiskSpec]():  {"format": aWord, "pool": aLine, "volume": aLine, "name": aLine, "bus": aWord},
	reflect.TypeFor[CloudInit](): {"user": aWord, "password": aLine, "ssh-keys": aLine, "host-name": aLine, "packages": aLine},
	reflect.TypeFor[NetworkSpec](): {
		"network": aLine, "bridge": anInterface, "host-device": anInterface, "model": aWord, "mac": aMAC,
	},
	reflect.TypeFor[NetworkSetup](): {
		"name": aLine, "mode": aWord, "bridge": anInterface, "host-device": anInterface, "macvtap-mode": aWord, "domain": aLine,
		"dns-forwarders": anAddress, "tftp-root": aPath, "boot-file": aLine,
	},
	reflect.TypeFor[NetworkAddress](): {"address": anAddress, "family": aWord},
	reflect.TypeFor[DHCPRange]():      {"start": anAddress, "end": anAddress},
	reflect.TypeFor[DHCPHost]():       {"mac": aMAC, "name": aLine, "address": anAddress, "id": aLine},
	reflect.TypeFor[DNSHost]():        {"address": anAddress, "names": aLine},
	reflect.TypeFor[PoolSpec](): {
		"name": aLine, "kind": aWord, "target": aPath, "source-hosts": aLine, "source-path": anExport, "source-devices": aPath,
		"source-name": aSourceName, "source-format": aWord, "initiator": aSourceName, "user": aSourceName, "secret": aLine,
	},
	reflect.TypeFor[VolumeSpec](): {"name": aLine, "format": aWord, "backing": aLine},
}

// ValidateSpecTexts says why a caller's spec, or a record in it, cannot have one
// of its texts. What a text means is for the other checks.
func ValidateSpecTexts(spec any) error {
	return validateTexts(reflect.Indirect(reflect.ValueOf(spec)), "")
}

func validateTexts(record reflect.Value, at string) error {
	rules := specTexts[record.Type()]
	for i := range record.NumField() {
		key := record.Type().Field(i).Tag.Get("wire")
		if key == "" || key == "-" {
			continue
		}
		if err := validateTextsOf(record.Field(i), at+key, rules[key]); err != nil {
			return err
		}
	}
	return nil
}

// validateTextsOf looks at the value of a key: a text, a record or a list of them.
func validateTextsOf(v reflect.Value, key string, rule textRule) error {
	switch v.Kind() {
	case reflect.String:
		if v.String() == "" {
			return nil
		}
		if rule == nil {
			return invalid("The key “%s” cannot be given.", key)
		}
		return rule(key, v.String())
	case reflect.Pointer:
		if !v.IsNil() {
			return validateTextsOf(v.Elem(), key, rule)
		}
	case reflect.Struct:
		return validateTexts(v, key+".")
	case reflect.Slice:
		for i := range v.Len() {
			at := key
			if v.Type().Elem().Kind() != reflect.String {
				at = fmt.Sprintf("%s[%d]", key, i)
			}
			if err := validateTextsOf(v.Index(i), at, rule); err != nil {
				return err
			}
		}
	}
	return nil
}

// ValidateDevice says why a device cannot have one of its texts.
func ValidateDevice(d *Device) error { return ValidateSpecTexts(d) }

var (
	plainWord     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]*$`)
	channelName   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
	driveName     = regexp.MustCompile(`^(fd|hd|sd|vd|xvd|ubd)[a-z]{1,3}$`)
	serialNumber  = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_.+ -]*[A-Za-z0-9_.+-])?$`)
	shareTag      = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9._ -]*[A-Za-z0-9._-])?$`)
	sourceName    = regexp.MustCompile(`^[A-Za-z0-9_.][A-Za-z0-9._:/@+-]*$`)
	interfaceName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,14}$`)
)

// maxSerial is more than any bus can tell a guest, in bytes.
const maxSerial = 128

// maxDeviceValue bounds a value of a device in bytes: a path is the longest.
const maxDeviceValue = 4096

// ValidateDeviceValue says why a device's key cannot have this value. It is one line.
func ValidateDeviceValue(key, value string) error {
	if len(value) > maxDeviceValue {
		return invalid("The value of “%s” is too long: %d bytes are allowed.", key, maxDeviceValue)
	}
	return validateLine("value of “"+key+"”", value)
}

// aLine is a text whose meaning another check knows.
func aLine(key, text string) error {
	if len(text) > MaxSSHKey { // the longest line
		return invalid("The value of “%s” is too long: %d bytes are allowed.", key, MaxSSHKey)
	}
	return validateLine("value of “"+key+"”", text)
}

func lines(_, text string) error { return ValidateDescription(text) }

// matching makes a rule of a pattern and a limit in bytes.
func matching(key, text string, most int, pattern *regexp.Regexp, says string) error {
	switch {
	case len(text) > most:
		return invalid("The value of “%s” is too long: %d bytes are allowed.", key, most)
	case !pattern.MatchString(text):
		return invalid("The value of “%s” cannot be “%s”: it can have only %s.", key, Printable(text), says)
	}
	return nil
}

// aWord is a name that QEMU and libvirt know.
func aWord(key, text string) error {
	return matching(key, text, maxWord, plainWord, "letters, digits, dots, dashes, underscores and plus signs, and begins with a letter or digit")
}

// aChannelName is also the name of a socket, in a folder whose own path is long.
func aChannelName(key, text string) error {
	return matching(key, text, 64, channelName, "letters, digits, dots, dashes and underscores, and begins with a letter or digit")
}

func aDriveName(key, text string) error {
	return matching(key, text, 8, driveName, "a prefix such as vd or sd and letters, such as vda")
}

func aSerial(key, text string) error {
	return matching(key, text, maxSerial, serialNumber, "letters, digits, dots, dashes, underscores, plus signs and spaces between them")
}

func aTag(key, text string) error {
	return matching(key, text, maxWord, shareTag, "letters, digits, dots, dashes, underscores and spaces between them")
}

func aSourceName(key, text string) error {
	return matching(key, text, maxWord*2, sourceName, "letters, digits and . _ : / @ + -, and does not begin with a dash or a slash")
}

func anAddress(key, text string) error {
	if ip, err := netip.ParseAddr(text); err != nil || ip.Zone() != "" {
		return invalid("The value of “%s” cannot be “%s”, which is not an IP address.", key, Printable(text))
	}
	return nil
}

func aMAC(key, text string) error {
	if !macAddress.MatchString(text) {
		return invalid("The MAC address must look like 52:54:00:12:34:56.")
	}
	return nil
}

// anInterface is a network interface of the host. The kernel has settings for
// all interfaces and for new ones in the places of those of interfaces called so,
// and libvirt numbers names with a percent sign.
func anInterface(key, text string) error {
	if text == "." || text == ".." || text == "all" || text == "default" || text == "lo" || !interfaceName.MatchString(text) {
		if len(text) > 15 {
			return invalid("“%s” is too long for the name of a network interface: 15 bytes are allowed.", Printable(text))
		}
		return invalid("“%s” cannot be the name of a network interface.", Printable(text))
	}
	return nil
}

// aReference is the name of an object that libvirt has; what it has none of is
// not found.
func aReference(key, text string) error {
	if strings.Contains(text, "/") || text == "." || text == ".." {
		return invalid("The value of “%s” cannot be “%s”: it is a name, not a path.", key, Printable(text))
	}
	if len(text) > MaxVolumeName {
		return invalid("The value of “%s” is too long: %d bytes are allowed.", key, MaxVolumeName)
	}
	return validateLine("value of “"+key+"”", text)
}

// aPath is a file or folder of the host, which needs a right of its own.
func aPath(key, text string) error {
	if !filepath.IsAbs(text) {
		return invalid("The value of “%s” must be an absolute path.", key)
	}
	return ValidateDeviceValue(key, text)
}

// aSource is a path, or the address of a medium on a web server.
func aSource(key, text string) error {
	if !filepath.IsAbs(text) {
		if !strings.Contains(text, "://") {
			return invalid("The source must be an absolute path.")
		}
		if _, err := ParseMediumAddress(text); err != nil {
			return err
		}
	}
	return ValidateDeviceValue(key, text)
}

// anExport is what a server exports, which mount gets as an argument.
func anExport(key, text string) error {
	if strings.HasPrefix(text, "-") {
		return invalid("The value of “%s” cannot begin with a dash.", key)
	}
	return ValidateDeviceValue(key, text)
}
