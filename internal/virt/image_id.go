package virt

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// imageID says which image a path of the host leads to, so that two spellings of
// one path are recognized. It is what this process could see at one moment and is
// not kept.
type imageID struct {
	spelled string    // as it was given
	path    string    // cleaned, with every symbolic link replaced that could be read
	sight   sight     // how much of the path could be seen
	file    fileKey   // of what is there, if sight is seen
	under   []fileKey // what a block device is on: the whole disk, other devices, a file
	// Of a regular file: bytes, and when content and status last changed, in ns.
	length            uint64
	modified, changed int64
}

// fileKey is a file's device and inode, or the number of a block device.
type fileKey struct {
	block  bool
	device uint64
	inode  uint64
}

// sight says how much of a path could be seen.
type sight uint8

const (
	unseen  sight = iota // a part of it is hidden from this process, or does not answer
	missing              // there is nothing at it
	seen                 // the image itself was looked at
)

// likeness says whether two paths lead to one image.
type likeness uint8

const (
	different likeness = iota
	perhaps            // it cannot be told, and something speaks for it
	same
)

// like compares two images:
//
//	both seen, with one device and inode or device number       same
//	both seen, one block device is on the other                 perhaps
//	both seen, otherwise                                        different
//	otherwise, with the same resolved path                      same
//	one seen, the other missing                                 different
//	otherwise, two names in one folder                          different
//	    but below /dev/disk, and for device mapper's and loop devices  perhaps
//	otherwise, two block devices of which one is not seen       perhaps
//	otherwise, the same name in two folders                     perhaps
//	otherwise                                                   different
//
// The last rows are about paths that are hidden from this process: a folder that is
// linked or mounted twice keeps the names of its files. Where libvirt has the images
// in pools, uses.like asks it for more.
func (a *imageID) like(b *imageID) likeness {
	if a.path == "" || b.path == "" {
		return different
	}
	if a.sight == seen && b.sight == seen {
		switch {
		case a.file == b.file:
			return same
		case slices.Contains(a.under, b.file), slices.Contains(b.under, a.file):
			return perhaps
		}
		return different
	}
	if a.path == b.path {
		return same
	}
	if a.sight == seen && b.sight == missing || a.sight == missing && b.sight == seen {
		return different
	}
	folder, name := filepath.Split(a.path)
	otherFolder, otherName := filepath.Split(b.path)
	device, otherDevice := isDevicePath(a.path), isDevicePath(b.path)
	switch {
	case device != otherDevice:
		return likeNames(name, otherName)
	case device && (folder != otherFolder || isAlias(a.path) || isAlias(b.path)):
		return perhaps
	case folder == otherFolder:
		return different
	}
	return likeNames(name, otherName)
}

func likeNames(a, b string) likeness {
	if a == b {
		return perhaps
	}
	return different
}

func isDevicePath(path string) bool { return strings.HasPrefix(path, "/dev/") }

// isAlias reports whether a block device may be another name of one beside it, or
// on top of it.
func isAlias(path string) bool {
	if strings.HasPrefix(path, "/dev/disk/") {
		return true
	}
	name := strings.TrimPrefix(path, "/dev/")
	return strings.HasPrefix(name, "dm-") || strings.HasPrefix(name, "loop") || strings.HasPrefix(name, "md")
}

// eyes is what this process sees of a host's files.
type eyes struct {
	files *prober // nil for another machine's
	sys   string  // where the kernel tells about block devices
	udev  string  // where udev keeps their other names
	mount string  // the file in which the kernel lists what is mounted
}

// identify returns the identity of what is at a path.
func (e *eyes) identify(path string) imageID {
	id := imageID{spelled: path, path: path}
	if !strings.HasPrefix(path, "/") {
		return id // no file of the host
	}
	if e.files == nil {
		id.path = filepath.Clean(path)
		return id
	}
	info, err := e.files.probe(context.Background(), path) // its own patience ends it
	id.path = info.path
	switch {
	case err != nil:
		id.path = filepath.Clean(path)
	case info.kind == fileMissing:
		id.sight = missing
	case info.kind == fileBlock:
		id.sight, id.file = seen, fileKey{block: true, device: info.device}
		number := fmt.Sprintf("%d:%d", unix.Major(info.device), unix.Minor(info.device))
		if folder, err := os.Readlink(filepath.Join(e.sys, "dev/block", number)); err == nil {
			_, _, id.under = e.block(filepath.Base(folder))
		}
	case info.kind == fileRegular, info.kind == fileFolder:
		id.sight, id.file = seen, fileKey{device: info.device, inode: info.inode}
		id.length, id.modified, id.changed = info.length, info.modified, info.changed
	case isDevicePath(id.path): // of block devices the kernel tells elsewhere
		if name := e.blockName(strings.TrimPrefix(id.path, "/dev/")); name != "" {
			id.sight, id.file, id.under = e.block(name)
		}
	}
	return id
}

// blockName is the kernel's name of a block device, by its path below /dev; empty
// if it is not known.
func (e *eyes) blockName(path string) string {
	class := filepath.Join(e.sys, "class/block")
	name := strings.ReplaceAll(path, "/", "!") // as the kernel names those in folders
	if _, err := os.Stat(filepath.Join(class, name, "dev")); err == nil {
		return name
	}
	mapped := ""
	if parts := strings.Split(path, "/"); len(parts) == 2 {
		double := func(s string) string { return strings.ReplaceAll(s, "-", "--") }
		if mapped = double(parts[0]) + "-" + double(parts[1]); parts[0] == "mapper" {
			mapped = parts[1]
		}
	}
	names, _ := filepath.Glob(filepath.Join(class, "dm-*")) // the pattern is well-formed
	for _, device := range names {
		if mapped != "" && e.word(filepath.Join(device, "dm/name")) == mapped {
			return filepath.Base(device)
		}
	}
	return e.linked(path)
}

// linked is the kernel's name of the block device that udev has made a link to.
func (e *eyes) linked(path string) string {
	files, _ := filepath.Glob(filepath.Join(e.udev, "b*")) // the pattern is well-formed
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			continue
		}
		found := false
		for lines := bufio.NewScanner(f); lines.Scan() && !found; {
			found = lines.Text() == "S:"+path
		}
		_ = f.Close()
		if !found {
			continue
		}
		if folder, err := os.Readlink(filepath.Join(e.sys, "dev/block", strings.TrimPrefix(filepath.Base(file), "b"))); err == nil {
			return filepath.Base(folder)
		}
	}
	return ""
}

// block is the number of the block device with the kernel's name, and what it is
// on.
func (e *eyes) block(name string) (sight, fileKey, []fileKey) {
	number, ok := e.number(name)
	if !ok {
		return unseen, fileKey{}, nil
	}
	var under []fileKey
	done := map[string]bool{name: true}
	for names := []string{name}; len(names) > 0; names = names[1:] {
		for _, below := range e.below(names[0]) {
			if n, ok := e.number(below); ok && !done[below] {
				done[below] = true
				under, names = append(under, n), append(names, below)
			}
		}
		if file := e.word(filepath.Join(e.sys, "class/block", names[0], "loop/backing_file")); strings.HasPrefix(file, "/") {
			if id := e.identify(file); id.sight == seen {
				under = append(under, id.file)
			}
		}
	}
	return seen, number, under
}

// below is the kernel's names of the devices that one is on.
func (e *eyes) below(name string) []string {
	folder := filepath.Join(e.sys, "class/block", name)
	var names []string
	slaves, _ := os.ReadDir(filepath.Join(folder, "slaves"))
	for _, s := range slaves {
		names = append(names, s.Name())
	}
	if _, err := os.Stat(filepath.Join(folder, "partition")); err == nil {
		if real, err := filepath.EvalSymlinks(folder); err == nil {
			names = append(names, filepath.Base(filepath.Dir(real)))
		}
	}
	return names
}

// hostHas reports whether the host itself uses a block device or a part of it: a
// file system on it is mounted, or another device is made of it, such as a volume
// group.
func (e *eyes) hostHas(id *imageID) bool {
	if !id.file.block {
		return false
	}
	number := fmt.Sprintf("%d:%d", unix.Major(id.file.device), unix.Minor(id.file.device))
	folder, err := os.Readlink(filepath.Join(e.sys, "dev/block", number))
	return err == nil && e.hostHasDevice(filepath.Base(folder))
}

func (e *eyes) hostHasDevice(name string) bool {
	folder := filepath.Join(e.sys, "class/block", name)
	holders, _ := os.ReadDir(filepath.Join(folder, "holders")) // what cannot be read is not known
	if len(holders) > 0 || e.isMounted(name) {
		return true
	}
	parts, _ := filepath.Glob(filepath.Join(folder, "*/partition")) // the pattern is well-formed
	return slices.ContainsFunc(parts, func(part string) bool { return e.hostHasDevice(filepath.Base(filepath.Dir(part))) })
}

// isMounted reports whether the file system on a block device is mounted. Those on
// several devices, as Btrfs has them, are listed by the path of one.
func (e *eyes) isMounted(name string) bool {
	number := e.word(filepath.Join(e.sys, "class/block", name, "dev"))
	for line := range strings.Lines(e.word(e.mount)) {
		mount, device, _ := strings.Cut(line, " - ")
		place, source := strings.Fields(mount), strings.Fields(device)
		if len(place) > 2 && place[2] == number {
			return true
		}
		if len(source) > 1 && isDevicePath(source[1]) && e.blockName(strings.TrimPrefix(unescapeMount.Replace(source[1]), "/dev/")) == name {
			return true
		}
	}
	return false
}

func (e *eyes) number(name string) (fileKey, bool) {
	major, minor, ok := strings.Cut(e.word(filepath.Join(e.sys, "class/block", name, "dev")), ":")
	a, err := strconv.ParseUint(major, 10, 32)
	b, err2 := strconv.ParseUint(minor, 10, 32)
	return fileKey{block: true, device: unix.Mkdev(uint32(a), uint32(b))}, ok && err == nil && err2 == nil
}

func (e *eyes) word(file string) string {
	text, _ := os.ReadFile(file) // what cannot be read is not known
	return strings.TrimSpace(string(text))
}
