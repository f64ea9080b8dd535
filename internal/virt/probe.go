package virt

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"org.kvmmanager/internal/errs"
)

const (
	// probePatience is how long a file system may take to answer.
	probePatience = 3 * time.Second
	// probesAtOnce bounds the probes under way. Each that hangs keeps a thread.
	probesAtOnce = 64
	// probeMemory is how long a file system counts as not answering after it gave
	// an error late, as a soft mount of a dead server does.
	probeMemory = 10 * time.Second
	// maxLinks is how many symbolic links are followed, as in Linux.
	maxLinks = 40
)

// fileKind is what a probe found.
type fileKind uint8

const (
	fileHidden  fileKind = iota // this process cannot see the path; libvirt may
	fileMissing                 // there is nothing
	fileBroken                  // the file system answers with an error
	fileRegular
	fileBlock // a block device
	fileFolder
	fileSpecial // a FIFO, socket or character device: opening it may wait forever
)

// fileInfo is what a probe found at a path.
type fileInfo struct {
	kind fileKind
	path string // without symbolic links, as far as they could be followed
	// What identifies the file: its file system and inode, of a block device the
	// device. Zero unless the kind is fileRegular, fileBlock or fileFolder.
	device, inode uint64
	uid           uint32
	mode          uint32 // permission bits
	links         uint32
	// weak is a folder on the way, and link a symbolic link, that another user than
	// root can replace or has made; empty if there is none.
	weak, link string
	// Of a file: bytes, and when content and status last changed, in ns.
	length            uint64
	modified, changed int64
}

// same reports whether two paths are surely the same file.
func (f fileInfo) same(g fileInfo) bool {
	return f.kind == g.kind && f.kind >= fileRegular && f.kind <= fileFolder && f.device == g.device && f.inode == g.inode
}

// prober looks at files of this host without waiting for a file system that does
// not answer, such as a network mount whose server is down. libvirt holds locks
// while it opens an image, so what hangs there hangs everybody: every path is
// probed before libvirt is asked about it.
//
// Each probe runs in a goroutine of its own. While one hangs, all paths on the
// same file system are errs.Timeout at once.
type prober struct {
	// answers is called when a file system answers again; nil for nobody.
	answers func(mount string)
	stat    func(path string) (unix.Statx_t, error)
	mounts  func() []string // the mount points
	await   time.Duration   // probePatience but in tests
	memory  time.Duration   // probeMemory but in tests

	mu      sync.Mutex
	running int            // guarded by mu
	hanging map[string]int // guarded by mu: how many probes hang, by mount point or path
}

func newProber(answers func(string)) *prober {
	return &prober{answers: answers, stat: statSynced, mounts: mountPoints, await: probePatience, memory: probeMemory, hanging: map[string]int{}}
}

// probed is what a probe came to.
type probed struct {
	info fileInfo
	err  error
}

// probe reports what is at an absolute path, links followed. It is errs.Timeout
// when the file system does not answer.
func (p *prober) probe(ctx context.Context, path string) (fileInfo, error) {
	if !filepath.IsAbs(path) {
		return fileInfo{path: path}, nil
	}
	w := &walk{prober: p, at: path}
	return p.attempt(ctx, path, func() string { return mountOf(w.where(), p.mounts()) }, func() (fileInfo, error) { return w.follow(path) })
}

// attempt runs look, which may hang. When it takes too long the path is
// errs.Timeout, and everything below what where returns counts as not answering
// until look has returned.
func (p *prober) attempt(ctx context.Context, path string, where func() string, look func() (fileInfo, error)) (fileInfo, error) {
	p.mu.Lock()
	if p.running >= probesAtOnce || p.hangsAt(path) {
		p.mu.Unlock()
		return fileInfo{path: path}, notAnswering(path)
	}
	p.running++
	p.mu.Unlock()

	done, late := make(chan probed, 1), make(chan string, 1)
	go func() {
		info, err := look()
		p.ended(probed{info, err}, done, late)
	}()
	timer := time.NewTimer(p.await)
	defer timer.Stop()
	select {
	case o := <-done:
		return o.info, o.err
	case <-ctx.Done():
		// It may hang as well, but has not had its time.
		go func() { time.Sleep(p.await); p.giveUp(where(), done, late) }()
		return fileInfo{path: path}, ctx.Err()
	case <-timer.C:
		if o, ended := p.giveUp(where(), done, late); ended {
			return o.info, o.err
		}
		return fileInfo{path: path}, notAnswering(path)
	}
}

// ended is the end of an attempt. If it was given up, late has where it hung.
func (p *prober) ended(o probed, done chan<- probed, late <-chan string) {
	p.mu.Lock()
	p.running--
	p.mu.Unlock()
	done <- o
	select {
	case where := <-late:
		if o.info.kind == fileBroken {
			time.Sleep(p.memory)
		}
		p.recovered(where)
	default:
	}
}

// giveUp notes that an attempt hangs, unless it has just ended.
func (p *prober) giveUp(where string, done <-chan probed, late chan string) (o probed, ended bool) {
	p.mu.Lock()
	p.hanging[where]++
	p.mu.Unlock()
	late <- where
	select {
	case o = <-done:
		select {
		case <-late: // otherwise ended has taken it
			p.recovered(where)
		default:
		}
		return o, true
	default:
		return o, false
	}
}

// recovered notes that a probe which hung has ended.
func (p *prober) recovered(mount string) {
	p.mu.Lock()
	p.hanging[mount]--
	last := p.hanging[mount] == 0
	if last {
		delete(p.hanging, mount)
	}
	p.mu.Unlock()
	if last && p.answers != nil {
		p.answers(mount)
	}
}

// hangs reports whether a path is known not to answer, without a probe.
func (p *prober) hangs(path string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.hangsAt(path)
}

// anyHangs reports whether any file system is known not to answer.
func (p *prober) anyHangs() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.hanging) > 0
}

// hangsAt is hangs with mu held.
func (p *prober) hangsAt(path string) bool {
	for mount := range p.hanging {
		if within(path, mount) {
			return true
		}
	}
	return false
}

// notAnswering is the error for a path that does not answer.
func notAnswering(path string) error {
	return errs.New(errs.Timeout, "The file system of “%s” does not answer. Check the server or the device that it comes from, and try again.", path)
}

// walk follows a path. It knows where it is, so that a link to a file system
// that hangs is not taken for the file system of the link.
type walk struct {
	prober *prober
	mu     sync.Mutex
	at     string // guarded by mu
}

func (w *walk) where() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at
}

// enter moves on to a path, unless it is known not to answer.
func (w *walk) enter(path string) error {
	w.mu.Lock()
	w.at = path
	w.mu.Unlock()
	if w.prober.hangs(path) {
		return notAnswering(path)
	}
	return nil
}

// follow resolves a path as the kernel does: part by part, so that “..” is the
// folder above the one that a link leads to.
func (w *walk) follow(path string) (fileInfo, error) {
	here, rest := "/", path // here has no links but perhaps in its last part
	weak, link, sticky := "", "", ""
	for links := 0; ; {
		if err := w.enter(here); err != nil {
			return fileInfo{path: here}, err
		}
		st, err := w.prober.stat(here)
		if err != nil {
			return fileInfo{kind: kindOf(err, here), path: filepath.Join(here, rest)}, nil
		}
		if sticky != "" && st.Uid != 0 {
			weak = sticky
		}
		sticky = ""
		if st.Mode&unix.S_IFMT == unix.S_IFLNK {
			if st.Uid != 0 {
				link = here
			}
			target, err := os.Readlink(here)
			if links++; err != nil || links > maxLinks {
				return fileInfo{kind: fileBroken, path: filepath.Join(here, rest)}, nil
			}
			here, rest = filepath.Dir(here), target+"/"+rest
			if filepath.IsAbs(target) {
				here = "/"
			}
			continue
		}
		part, more := cutPart(rest)
		switch {
		case part == "":
			info := foundAt(here, &st)
			info.weak, info.link = weak, link
			return info, nil
		case st.Mode&unix.S_IFMT != unix.S_IFDIR:
			return fileInfo{kind: fileMissing, path: filepath.Join(here, rest)}, nil
		case part == "..":
			here, rest = filepath.Dir(here), more
		default:
			switch {
			case !rootOnly(st.Uid, uint32(st.Mode)):
				weak = here
			case st.Mode&0o022 != 0: // sticky: what root has in it stays
				sticky = here
			}
			here, rest = filepath.Join(here, part), more
		}
	}
}

// rootOnly reports whether only root can replace what root has in a folder. In the
// unit's user namespace everybody but root and the service is one other user.
func rootOnly(uid, mode uint32) bool { return uid == 0 && (mode&0o022 == 0 || mode&unix.S_ISVTX != 0) }

// cutPart splits the first part off a path; empty at its end.
func cutPart(path string) (part, rest string) {
	for path != "" {
		part, path, _ = strings.Cut(path, "/")
		if part != "" && part != "." {
			return part, path
		}
	}
	return "", ""
}

// foundAt is the outcome for what is no link.
func foundAt(path string, st *unix.Statx_t) fileInfo {
	info := fileInfo{path: path, uid: st.Uid, mode: uint32(st.Mode) & 0o7777, links: st.Nlink}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		info.kind = fileRegular
	case unix.S_IFDIR:
		info.kind = fileFolder
	case unix.S_IFBLK:
		info.kind, info.device = fileBlock, unix.Mkdev(st.Rdev_major, st.Rdev_minor)
		return info
	default:
		info.kind = fileSpecial
		return info
	}
	info.device, info.inode = unix.Mkdev(st.Dev_major, st.Dev_minor), st.Ino
	info.length, info.modified, info.changed = st.Size, nanoseconds(st.Mtime), nanoseconds(st.Ctime)
	return info
}

func nanoseconds(t unix.StatxTimestamp) int64 { return t.Sec*1e9 + int64(t.Nsec) }

// private are the folders in whose place the unit of the service may have others
// than the host, or none.
var private = []string{"/home", "/root", "/run/user", "/tmp", "/var/tmp", "/dev", "/proc"}

// kindOf tells what is missing from what this process cannot see.
func kindOf(err error, path string) fileKind {
	for _, p := range private {
		if within(path, p) {
			return fileHidden
		}
	}
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR):
		return fileMissing
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		return fileHidden
	}
	return fileBroken
}

// statSynced asks the file system itself: the kernel remembers attributes of
// files on a server that is long gone.
func statSynced(path string) (st unix.Statx_t, err error) {
	err = unix.Statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW|unix.AT_STATX_FORCE_SYNC, unix.STATX_BASIC_STATS, &st)
	return st, err
}

// within reports whether a clean path is a folder or in it.
func within(path, folder string) bool {
	return path == folder || strings.HasPrefix(path, strings.TrimSuffix(folder, "/")+"/")
}

// mountOf is the mount point that a path without links is below. Below the root
// it is the path itself: one file that hangs there says nothing of others.
func mountOf(path string, mounts []string) string {
	longest := "/"
	for _, m := range mounts {
		if within(path, m) && len(m) > len(longest) {
			longest = m
		}
	}
	if longest == "/" {
		return path
	}
	return longest
}

// mountPoints lists the mount points of this process.
func mountPoints() []string { return mountsLike(func(string) bool { return true }) }

// remoteMounts lists those whose file systems depend on a server, which may be one
// on this host.
func remoteMounts() []string {
	return mountsLike(func(kind string) bool {
		kind, _, _ = strings.Cut(kind, ".")
		return slices.Contains([]string{"9p", "afs", "ceph", "cifs", "fuse", "fuseblk", "gfs2", "glusterfs", "lustre", "nfs", "nfs4", "ocfs2", "smb3", "virtiofs"}, kind)
	})
}

func mountsLike(wanted func(kind string) bool) []string {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil
	}
	var list []string
	for line := range strings.Lines(string(text)) {
		mount, device, _ := strings.Cut(line, " - ")
		fields := strings.Fields(mount)
		if kind, _, _ := strings.Cut(device, " "); len(fields) > 4 && wanted(kind) {
			list = append(list, unescapeMount.Replace(fields[4]))
		}
	}
	return list
}

// unescapeMount undoes what the kernel writes for characters that separate.
var unescapeMount = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
