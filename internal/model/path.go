package model

import (
	"encoding/hex"
	"strings"
)

// Path is a D-Bus object path. The zero value means "no object" and travels
// as "/".
type Path string

// Root is the path of the object that carries ObjectManager and Manager.
const Root Path = "/org/kvmmanager"

const hexDigits = "0123456789abcdef"

// EscapeName makes a path element of any byte string: every byte that is not
// an ASCII letter or digit, and a leading digit, becomes _xx; the empty string
// becomes "_". It is the encoding of sd_bus_path_encode(3).
func EscapeName(name string) string {
	if name == "" {
		return "_"
	}
	var b strings.Builder
	b.Grow(len(name))
	for i := range len(name) {
		c := name[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', i > 0 && c >= '0' && c <= '9':
			b.WriteByte(c)
		default:
			b.WriteByte('_')
			b.WriteByte(hexDigits[c>>4])
			b.WriteByte(hexDigits[c&15])
		}
	}
	return b.String()
}

// UnescapeName undoes EscapeName; false for what it does not make.
func UnescapeName(element string) (string, bool) {
	if element == "_" {
		return "", true
	}
	var name []byte
	for i := 0; i < len(element); i++ {
		if element[i] != '_' {
			name = append(name, element[i])
			continue
		}
		if i+3 > len(element) {
			return "", false
		}
		b, err := hex.DecodeString(element[i+1 : i+3])
		if err != nil {
			return "", false
		}
		name = append(name, b...)
		i += 2
	}
	return string(name), EscapeName(string(name)) == element
}

// HostPath is the path of the host with this id.
func HostPath(id string) Path { return Root + "/hosts/" + Path(EscapeName(id)) }

// VMPath is the path of the VM with this UUID (lower case, with dashes).
func VMPath(uuid string) Path { return Root + "/vms/" + uuidElement(uuid) }

// NetworkPath is the path of the network with this UUID.
func NetworkPath(uuid string) Path { return Root + "/networks/" + uuidElement(uuid) }

// PoolPath is the path of the storage pool with this UUID.
func PoolPath(uuid string) Path { return Root + "/pools/" + uuidElement(uuid) }

const volumesBelow = "/volumes/"

// VolumePath is the path of the volume with this name in a storage pool.
func VolumePath(poolUUID, name string) Path {
	return PoolPath(poolUUID) + volumesBelow + Path(EscapeName(name))
}

// SplitVolumePath is the path of the pool and the name of the volume that a
// volume's path is made of; false for any other path.
func SplitVolumePath(path Path) (pool Path, name string, ok bool) {
	before, element, found := strings.Cut(string(path), volumesBelow)
	if !found {
		return "", "", false
	}
	name, ok = UnescapeName(element)
	return Path(before), name, ok
}

// JobPath is the path of the job with this number.
func JobPath(number string) Path { return Root + "/jobs/" + Path(number) }

// uuidElement follows api.md: in a UUID "-" becomes "_".
func uuidElement(uuid string) Path { return Path(strings.ReplaceAll(uuid, "-", "_")) }
