//go:build system

// Package hangfs is a file system that stops answering when a test says so, as a
// network mount does whose server is down. It shows the files of one folder, read
// only, through FUSE.
package hangfs

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// FS is a mounted file system.
type FS struct {
	// Folder is where it is mounted.
	Folder string

	files []string // by node id, from 2 on; 1 is the folder
	fd    int

	mu      sync.Mutex // held while it takes and answers a request, and by Stop until Continue
	stopped bool       // belongs to the test
}

// attributeTime is how long the kernel may remember attributes without asking, in
// seconds: as with NFS, they are no sign that the server answers.
const attributeTime = 3600

// Mount shows the files that a folder has now. The file system is unmounted when
// the test ends.
func Mount(t *testing.T, folder string, files ...string) *FS {
	t.Helper()
	if _, err := os.Stat("/dev/fuse"); os.IsNotExist(err) {
		if err := unix.Mknod("/dev/fuse", unix.S_IFCHR|0o666, int(unix.Mkdev(10, 229))); err != nil {
			t.Fatal(err)
		}
	}
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatalf("cannot open /dev/fuse: %v", err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	options := fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", fd)
	if err := unix.Mount("hangfs", folder, "fuse.hangfs", unix.MS_NODEV|unix.MS_NOSUID, options); err != nil {
		_ = unix.Close(fd)
		t.Fatalf("cannot mount: %v", err)
	}
	f := &FS{Folder: folder, files: files, fd: fd}
	go f.serve()
	t.Cleanup(func() {
		f.Continue()
		if err := unix.Unmount(folder, unix.MNT_DETACH); err != nil {
			t.Errorf("cannot unmount %s: %v", folder, err)
		}
		_ = unix.Close(fd)
		_ = os.Remove(folder)
	})
	return f
}

// Stop has every request wait until Continue.
func (f *FS) Stop() {
	if !f.stopped {
		f.stopped = true
		f.mu.Lock()
	}
}

// Continue answers all that has waited.
func (f *FS) Continue() {
	if f.stopped {
		f.stopped = false
		f.mu.Unlock()
	}
}

// The requests that are answered, of linux/fuse.h.
const (
	opLookup      = 1
	opForget      = 2
	opGetattr     = 3
	opSetattr     = 4
	opOpen        = 14
	opRead        = 15
	opStatfs      = 17
	opRelease     = 18
	opFlush       = 25
	opInit        = 26
	opOpendir     = 27
	opReaddir     = 28
	opReleasedir  = 29
	opInterrupt   = 36
	opBatchForget = 42

	requestHeader = 40
	longestRead   = 128 << 10
)

type request struct {
	Len, Opcode   uint32
	Unique, Node  uint64
	UID, GID, PID uint32
	_             uint32
}

// serve answers until the file system is unmounted.
func (f *FS) serve() {
	buffer := make([]byte, longestRead+4096)
	for f.serveOne(buffer) {
	}
}

// serveOne waits for a request and answers it. While it is stopped it does not take
// the request, as a server that hangs does: who waits for the answer can still be
// killed.
func (f *FS) serveOne(buffer []byte) bool {
	if _, err := unix.Poll([]unix.PollFd{{Fd: int32(f.fd), Events: unix.POLLIN}}, -1); err != nil {
		return errors.Is(err, unix.EINTR)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := unix.Read(f.fd, buffer)
	switch {
	case errors.Is(err, unix.EINTR), errors.Is(err, unix.ENOENT), errors.Is(err, unix.EAGAIN):
		return true
	case err != nil || n < requestHeader:
		return false
	}
	var r request
	_, _ = binary.Decode(buffer[:n], binary.NativeEndian, &r)
	f.answer(&r, buffer[requestHeader:n])
	return true
}

func (f *FS) answer(r *request, body []byte) {
	var out any
	errno := unix.Errno(0)
	switch r.Opcode {
	case opForget, opBatchForget, opInterrupt:
		return
	case opInit:
		out = initReply{Major: 7, Minor: 31, MaxReadahead: longestRead, MaxWrite: 4096}
	case opLookup:
		out, errno = f.lookup(string(bytes.TrimRight(body, "\x00")))
	case opGetattr, opSetattr:
		attr, err := f.attributes(r.Node)
		out, errno = attrReply{Valid: attributeTime, Attr: attr}, err
	case opOpen, opOpendir:
		out = openReply{}
	case opRead:
		out, errno = f.read(r.Node, body)
	case opReaddir:
		out = f.list(body)
	case opStatfs:
		out = statfsReply{Blocks: 1 << 20, Free: 1 << 19, Available: 1 << 19, Size: 4096, Names: 255, Fragment: 4096}
	case opRelease, opReleasedir, opFlush:
	default:
		errno = unix.ENOSYS
	}
	f.reply(r.Unique, errno, out)
}

func (f *FS) reply(unique uint64, errno unix.Errno, out any) {
	body, isBytes := out.([]byte)
	if out != nil && !isBytes && errno == 0 {
		body, _ = binary.Append(nil, binary.NativeEndian, out)
	}
	if errno != 0 {
		body = nil
	}
	message, _ := binary.Append(nil, binary.NativeEndian, struct {
		Len    uint32
		Error  int32
		Unique uint64
	}{uint32(16 + len(body)), -int32(errno), unique})
	_, _ = unix.Write(f.fd, append(message, body...))
}

type (
	initReply struct {
		Major, Minor, MaxReadahead, Flags uint32
		Background, Congestion            uint16
		MaxWrite, Granularity             uint32
		_                                 [9]uint32
	}
	attributes struct {
		Inode, Size, Blocks    uint64
		Times                  [3]uint64
		Nanoseconds            [3]uint32
		Mode, Links, UID, GID  uint32
		Device, BlockSize, Pad uint32
	}
	attrReply struct {
		Valid uint64
		_     [2]uint32
		Attr  attributes
	}
	entryReply struct {
		Node, Generation, EntryValid, AttrValid uint64
		_                                       [2]uint32
		Attr                                    attributes
	}
	openReply struct {
		Handle uint64
		_      [2]uint32
	}
	statfsReply struct {
		Blocks, Free, Available, Files, FreeFiles uint64
		Size, Names, Fragment                     uint32
		_                                         [7]uint32
	}
)

// attributes is those of a node.
func (f *FS) attributes(node uint64) (attributes, unix.Errno) {
	if node == 1 {
		return attributes{Inode: 1, Mode: unix.S_IFDIR | 0o755, Links: 2, BlockSize: 4096}, 0
	}
	if node-2 >= uint64(len(f.files)) {
		return attributes{}, unix.ENOENT
	}
	info, err := os.Stat(f.files[node-2])
	if err != nil {
		return attributes{}, unix.EIO
	}
	return attributes{
		Inode: node, Size: uint64(info.Size()), Blocks: uint64(info.Size()+511) / 512,
		Mode: unix.S_IFREG | 0o644, Links: 1, BlockSize: 4096,
	}, 0
}

func (f *FS) lookup(name string) (any, unix.Errno) {
	for i, file := range f.files {
		if filepath.Base(file) == name {
			node := uint64(i + 2)
			attr, errno := f.attributes(node)
			return entryReply{Node: node, EntryValid: attributeTime, AttrValid: attributeTime, Attr: attr}, errno
		}
	}
	return nil, unix.ENOENT
}

func (f *FS) read(node uint64, body []byte) (any, unix.Errno) {
	var in struct {
		Handle, Offset uint64
		Size           uint32
	}
	_, _ = binary.Decode(body, binary.NativeEndian, &in)
	if node < 2 || node-2 >= uint64(len(f.files)) {
		return nil, unix.EISDIR
	}
	file, err := os.Open(f.files[node-2])
	if err != nil {
		return nil, unix.EIO
	}
	defer file.Close()
	data := make([]byte, min(in.Size, longestRead))
	n, _ := file.ReadAt(data, int64(in.Offset))
	return data[:n], 0
}

// list is the entries of the folder from an offset on.
func (f *FS) list(body []byte) []byte {
	var in struct{ Handle, Offset uint64 }
	_, _ = binary.Decode(body, binary.NativeEndian, &in)
	var out []byte
	for i := in.Offset; i < uint64(len(f.files)); i++ {
		name := filepath.Base(f.files[i])
		out, _ = binary.Append(out, binary.NativeEndian, struct {
			Inode, Next uint64
			Len, Type   uint32
		}{i + 2, i + 1, uint32(len(name)), unix.S_IFREG >> 12})
		out = append(out, name...)
		out = append(out, make([]byte, (8-len(name)%8)%8)...)
	}
	return out
}
