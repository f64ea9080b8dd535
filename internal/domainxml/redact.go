package domainxml

import (
	"encoding/xml"
	"regexp"
	"slices"
	"strings"

	"org.kvmmanager/internal/errs"
)

// redactedMark is the comment at the beginning of a definition that Redact made.
// Check refuses it, so that nobody stores such a definition by mistake.
const redactedMark = " What may hold secrets is left out. "

// Redact returns a definition from libvirt without what may hold secrets, for
// those who may see a VM and not configure it. Whatever is not known to be
// harmless goes: what an element says as text is left out unless it is in
// plainText, and elements of other programs and hypervisors are left out whole.
func Redact(doc string) (string, error) {
	dom, err := parseRaw(doc, "domain")
	if err != nil {
		return "", errs.Wrap(errs.Internal, err, "The definition of the virtual machine cannot be read.")
	}
	dom.redact()
	var b strings.Builder
	b.WriteString("<!--" + redactedMark + "-->\n")
	if err := dom.write(&b, "\n"); err != nil {
		return "", err
	}
	return b.String() + "\n", nil
}

// secrets are the parts of a definition from libvirt that it leaves out unless they
// are asked for.
var secrets = []struct {
	part string // which it has not without them
	find *regexp.Regexp
	with string
}{
	{" passwd", regexp.MustCompile(` passwd='[^']*'`), " passwd='*'"},
	{" passwdValidTo", regexp.MustCompile(` passwdValidTo='[^']*'`), ""},
	{"<cookie ", regexp.MustCompile(`(<cookie [^>]*>)[^<]*`), "$1"},
}

// HidePasswords returns a definition from libvirt, read with secrets, in which only
// shows that there are some.
func HidePasswords(doc string) string {
	for _, s := range secrets {
		if strings.Contains(doc, s.part) {
			doc = s.find.ReplaceAllString(doc, s.with)
		}
	}
	return doc
}

// plainText is the elements whose text Redact keeps: numbers, words from a fixed
// list, paths of the host, and names that properties show, too. The arguments of a
// kernel or of an init program, firmware settings and strings, cookies, and the
// launch data of confidential VMs are not among them.
var plainText = newSet(
	// The VM itself.
	"name", "uuid", "genid", "title", "description", "memory", "currentMemory", "maxMemory", "vcpu", "iothreads",
	"on_poweroff", "on_reboot", "on_crash", "on_lockfailure", "partition",
	// What it boots, without arguments.
	"type", "loader", "nvram", "kernel", "initrd", "dtb", "shim", "table", "init", "initdir", "inituser", "initgroup",
	// Processors and memory.
	"model", "vendor", "pages", "nodemask", "node", "requested", "current", "block", "size",
	"hard_limit", "soft_limit", "min_guarantee", "swap_hard_limit",
	"shares", "period", "quota", "global_period", "global_quota", "emulator_period", "emulator_quota", "iothread_period", "iothread_quota",
	"tseg", "pcihole64",
	// Devices.
	"emulator", "path", "backend", "serial", "wwn", "product", "interface", "char", "sndbuf", "root", "mode", "address", "weight",
	"read_bytes_sec", "read_bytes_sec_max", "read_bytes_sec_max_length", "write_bytes_sec", "write_bytes_sec_max", "write_bytes_sec_max_length",
	"read_iops_sec", "read_iops_sec_max", "read_iops_sec_max_length", "write_iops_sec", "write_iops_sec_max", "write_iops_sec_max_length",
	"total_bytes_sec", "total_bytes_sec_max", "total_bytes_sec_max_length", "total_iops_sec", "total_iops_sec_max", "total_iops_sec_max_length",
	"size_iops_sec", "group_name",
	// Security labels.
	"label", "imagelabel", "baselabel",
)

// secretElements are left out whole wherever they are: their attributes may be
// secrets, too.
var secretElements = newSet("sysinfo", "cookies", "initenv", "initarg")

// secretAttributes are passwords, and the part of a web address in which keys are
// handed over.
var secretAttributes = []string{"passwd", "password", "query"}

func newSet(names ...string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, name := range names {
		set[name] = true
	}
	return set
}

// redact leaves out what may hold secrets, in this element and below.
func (n *node) redact() {
	if !plainText[n.name] {
		n.text = ""
	}
	n.attrs = slices.DeleteFunc(n.attrs, func(a xml.Attr) bool { return a.Name.Space != "" })
	n.unset(secretAttributes...)
	n.redactAddress()
	n.children = slices.DeleteFunc(n.children, func(c *node) bool {
		return c.space != "" || secretElements[c.name] || n.name == "metadata"
	})
	for _, c := range n.children {
		c.redact()
	}
}

// redactAddress leaves out of the source of a disk in the network what its
// property does not show either.
func (n *node) redactAddress() {
	if n.name == "source" && n.attr("protocol") != "" {
		n.set("name", pathOfAddress(n.attr("protocol"), n.attr("name")))
	}
	if host, there := n.lookup("name"); there && n.name == "host" {
		n.set("name", withoutUser(host))
	}
}

// pathOfAddress returns the path of a source in the network without a query,
// which libvirt accepts as its end.
func pathOfAddress(protocol, path string) string {
	switch protocol {
	case "http", "https", "ftp", "ftps":
		path, _, _ = strings.Cut(path, "?")
	}
	return path
}

// withoutUser returns a host's name without a user name and password before it.
func withoutUser(host string) string { return host[strings.LastIndexByte(host, '@')+1:] }
