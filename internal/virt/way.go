package virt

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// way says whether the user of QEMU can get to a file.
type way uint8

const (
	wayOpen     way = iota // nothing speaks against it
	wayDoubtful            // it cannot be seen from here, and is not so usually
	wayClosed              // a folder on the way lets in root only
)

// passage is what can be seen of a folder on the way.
type passage struct {
	everybody bool // everybody may go through it
	rootOnly  bool // it is root's, and nobody else is let in
}

// statFunc looks at a folder; false when it cannot be seen.
type statFunc func(dir string) (passage, bool)

// homes are where people keep what is nobody else's business. The service's
// unit does not see into them.
var homes = []string{"/home/", "/root/", "/run/user/"}

// wayTo follows the folders to a file. Its own mode does not matter: libvirt
// gives the file to QEMU's user for as long as the VM runs, and leaves folders
// as they are.
func wayTo(file string, stat statFunc) way {
	if stat == nil {
		return wayOpen
	}
	for _, home := range homes {
		if strings.HasPrefix(file, home) {
			return wayDoubtful
		}
	}
	for dir := filepath.Dir(filepath.Clean(file)); dir != "/" && dir != "."; dir = filepath.Dir(dir) {
		f, seen := stat(dir)
		switch {
		case !seen || f.everybody:
		case f.rootOnly:
			return wayClosed
		default:
			return wayDoubtful
		}
	}
	return wayOpen
}

// statDir is how this process looks at the folders of the host; nil for another
// machine, and for a daemon that runs VMs as its own user: that one has tried.
func (c *Conn) statDir() statFunc {
	if c.places.config != systemConfig {
		return nil
	}
	return lookAtFolder
}

func lookAtFolder(dir string) (passage, bool) {
	info, err := os.Stat(dir)
	if err != nil {
		return passage{}, false
	}
	if info.Mode()&fs.ModePerm&0o001 != 0 {
		return passage{everybody: true}, true
	}
	if n, err := unix.Getxattr(dir, "system.posix_acl_access", nil); err == nil && n > 0 {
		return passage{}, false // somebody has been let in by name
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	// In the unit's user namespace everybody but root and the service is nobody.
	return passage{rootOnly: ok && owner.Uid == 0 && (owner.Gid == 0 || info.Mode()&0o010 == 0)}, true
}
