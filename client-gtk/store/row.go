package store

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"org.kvmmanager/internal/model"
)

// Row is a VM in the list, with what filters and orders look at worked out
// once. A VM that changes gets another row.
type Row struct {
	VM   *model.VM
	Host string // the host's name for people

	group string // sorts the host
	name  string // sorts what people call it
	text  string // what a search looks through
}

func newRow(vm *model.VM, host *model.Host) *Row {
	r := &Row{VM: vm, name: naturalKey(Title(vm)), text: searchText(vm)}
	r.Host, r.group = hostName(host), groupKey(vm.Host, host)
	return r
}

// Path is the VM's object path.
func (r *Row) Path() model.Path { return r.VM.Path() }

// Title is what people see of a VM: its title, or its name if it has none.
func Title(vm *model.VM) string { return cmp.Or(vm.Title, vm.Name) }

// OSFamily is what sort of operating system a VM runs: linux, windows, bsd, or
// empty when it is another one or nobody knows.
func OSFamily(vm *model.VM) string {
	is := func(parts ...string) bool {
		return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(vm.OSID, part) })
	}
	switch {
	case is("//microsoft.com/"):
		return "windows"
	case is("bsd.org/", "//dragonflybsd"):
		return "bsd"
	case vm.OSID == "", is("//apple.com/", "//sun.com/", "//oracle.com/solaris", "//haiku-os.org/", "//novell.com/", "//libosinfo.org/unknown"):
		return ""
	default:
		return "linux"
	}
}

// hostName is what people call a host.
func hostName(h *model.Host) string {
	switch {
	case h == nil:
		return ""
	case h.Hostname != "":
		return h.Hostname
	default:
		return h.ID
	}
}

// groupKey puts this machine first, and others by their names.
func groupKey(path model.Path, h *model.Host) string {
	first := "1"
	if path == model.HostPath("local") {
		first = "0"
	}
	return first + naturalKey(hostName(h)) + "\x00" + string(path)
}

// naturalKey sorts as people do: without regard to case, and numbers by their
// value.
func naturalKey(s string) string {
	var b strings.Builder
	for s = strings.ToLower(s); s != ""; {
		n := len(s) - len(strings.TrimLeft(s, "0123456789"))
		if n == 0 {
			next := strings.IndexAny(s, "0123456789")
			if next < 0 {
				next = len(s)
			}
			b.WriteString(s[:next])
			s = s[next:]
			continue
		}
		digits := strings.TrimLeft(s[:n], "0")
		// A longer number is a larger one; names have 999 bytes at most.
		b.WriteByte('0')
		length := strconv.Itoa(1000 + len(digits))
		b.WriteString(length[len(length)-3:])
		b.WriteString(digits)
		s = s[n:]
	}
	return b.String()
}

// searchText has everything that a person may look for, in lower case, one
// thing a line.
func searchText(vm *model.VM) string {
	parts := append([]string{vm.Name, vm.Title, vm.OSName, vm.OSID, vm.UUID}, vm.Tags...)
	parts = append(parts, vm.IPAddresses...)
	return strings.ToLower(strings.Join(parts, "\n"))
}
