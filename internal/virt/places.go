package virt

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// places is where a local libvirt daemon keeps what we look at.
type places struct {
	config string // definitions, with networks and autostart links in folders
	run    string // <name>.pid of running VMs
	save   string // <name>.save of saved VMs
	leases string // <bridge>.status of networks with DHCP
	active string // <name>.xml of running networks

	snapshots string // a folder for each VM that has some, with <name>.xml
}

// systemConfig is where the daemon of the system keeps definitions.
const systemConfig = "/etc/libvirt"

// placesOf knows the daemon of this system and the one of this user. For
// another machine, and for drivers without a daemon, there are none.
func placesOf(uri string) (places, bool) {
	u, err := url.Parse(uri)
	if err != nil || u.Host != "" || u.Scheme != "qemu" && u.Scheme != "qemu+unix" {
		return places{}, false
	}
	switch u.Path {
	case "/system":
		return places{
			config: systemConfig, run: "/run/libvirt/qemu",
			save: "/var/lib/libvirt/qemu/save", leases: "/var/lib/libvirt/dnsmasq",
			active:    "/run/libvirt/network",
			snapshots: "/var/lib/libvirt/qemu/snapshot",
		}, true
	case "/session":
		config, err := os.UserConfigDir()
		runtime := os.Getenv("XDG_RUNTIME_DIR")
		if err != nil || runtime == "" {
			return places{}, false
		}
		config = filepath.Join(config, "libvirt")
		return places{
			config: config, run: filepath.Join(runtime, "libvirt/qemu/run"),
			save: filepath.Join(config, "qemu/save"), leases: filepath.Join(runtime, "libvirt/network"),
			snapshots: filepath.Join(config, "qemu/snapshot"),
		}, true
	}
	return places{}, false
}

// startTime is when the hypervisor process of a running VM was started, as its
// pid file says; zero when that is out of reach.
func (c *Conn) startTime(name string) time.Time {
	if c.places.run == "" || strings.ContainsRune(name, '/') {
		return time.Time{}
	}
	info, err := os.Stat(filepath.Join(c.places.run, name+".pid"))
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}
