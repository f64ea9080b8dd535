// Package descriptor admits the files that callers hand over, and reads and
// writes them.
//
// A caller may hand over anything that it could open, and what the service does
// with it, the service does with its own credentials: a datagram to the journal
// is the service's, and so is one to systemd. Therefore only what depends on
// nobody's credentials once it is open is admitted. Nothing here waits longer
// than Patience for a file that does not answer, as those of a file system in
// user space (FUSE) may.
package descriptor

import (
	"context"
	"math"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"org.kvmmanager/internal/errs"
)

// kernelFiles are the file systems whose files are the kernel's own: reading or
// writing one is a request to the kernel, which may look at who makes it.
var kernelFiles = map[int64]bool{
	unix.PROC_SUPER_MAGIC: true, unix.SYSFS_MAGIC: true, unix.DEBUGFS_MAGIC: true, unix.TRACEFS_MAGIC: true,
	unix.SECURITYFS_MAGIC: true, unix.SELINUX_MAGIC: true, unix.SMACK_MAGIC: true, unix.CGROUP_SUPER_MAGIC: true,
	unix.CGROUP2_SUPER_MAGIC: true, unix.BPF_FS_MAGIC: true, unix.EFIVARFS_MAGIC: true, unix.PSTOREFS_MAGIC: true,
	unix.BINFMTFS_MAGIC: true, unix.BINDERFS_SUPER_MAGIC: true, unix.NSFS_MAGIC: true, unix.PID_FS_MAGIC: true,
	unix.RDTGROUP_SUPER_MAGIC: true, unix.DEVPTS_SUPER_MAGIC: true, unix.SOCKFS_MAGIC: true, unix.ANON_INODE_FS_MAGIC: true,
	unix.AAFS_MAGIC: true, unix.FUTEXFS_SUPER_MAGIC: true, unix.OPENPROM_SUPER_MAGIC: true, unix.USBDEVICE_SUPER_MAGIC: true,
	0x62656570: true, // configfs
	0x65735543: true, // fusectl
	0x19800202: true, // mqueue
	0x67596969: true, // rpc_pipefs
	0x6e667364: true, // nfsd
	0xabababab: true, // VM binder and others of user-mode kernels
}

// opened is how a descriptor was opened, and what it is.
type opened struct {
	mode int    // O_RDONLY, O_WRONLY, O_RDWR
	kind uint32 // S_IFREG, …
	size int64
}

// lookAt says how a descriptor was opened.
func lookAt(f *os.File) (o opened, err error) {
	useless := errs.New(errs.InvalidArgument, "The descriptor cannot be used. Open the file itself.")
	flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0)
	if err != nil || flags&unix.O_PATH != 0 {
		return o, useless
	}
	var stat unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &stat); err != nil {
		return o, useless
	}
	o = opened{flags & unix.O_ACCMODE, stat.Mode & unix.S_IFMT, stat.Size}
	if o.kind != unix.S_IFREG {
		return o, nil
	}
	var fs unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &fs); err != nil {
		return o, useless
	}
	if kernelFiles[int64(uint32(fs.Type))] {
		return o, errs.New(errs.InvalidArgument, "The descriptor is that of a file of the kernel, such as those in /proc. Use a plain file.")
	}
	return o, nil
}

// Readable returns the size of a file that can be read, in bytes. It has to be a
// plain file that is not empty. Errors are InvalidArgument and Timeout.
func Readable(ctx context.Context, f *os.File) (uint64, error) {
	o, err := Do(ctx, func() (opened, error) { return lookAt(f) })
	switch {
	case err != nil:
		return 0, err
	case o.mode == unix.O_WRONLY:
		return 0, errs.New(errs.InvalidArgument, "The descriptor cannot be read from. Open the file for reading.")
	case o.kind != unix.S_IFREG:
		return 0, errs.New(errs.InvalidArgument, "The descriptor must be that of a plain file.")
	case o.size <= 0:
		return 0, errs.New(errs.InvalidArgument, "The file is empty.")
	case o.size > math.MaxInt64-1:
		return 0, errs.New(errs.InvalidArgument, "The file is too large.")
	}
	return uint64(o.size), nil
}

// Writable refuses a descriptor to which nothing may be written for a user.
// Errors are InvalidArgument and Timeout.
func Writable(ctx context.Context, f *os.File, uid uint32) error {
	o, err := Do(ctx, func() (opened, error) { return lookAt(f) })
	switch {
	case err != nil:
		return err
	case o.mode == unix.O_RDONLY:
		return errs.New(errs.InvalidArgument, "The descriptor cannot be written to. Open the file for writing.")
	case o.kind == unix.S_IFSOCK:
		return streamOf(int(f.Fd()), uid)
	case o.kind != unix.S_IFREG && o.kind != unix.S_IFIFO:
		return errs.New(errs.InvalidArgument, "The descriptor must be that of a plain file, a pipe or a stream socket.")
	}
	return nil
}

// streamOf refuses a socket that is not one end of a connected stream, or whose
// other end belongs to a service of another user. Whoever reads from a Unix socket
// may ask for the credentials of whoever writes (SO_PASSCRED, unix(7)), and the
// journal does so even for each piece of a stream: what the service wrote there
// would be its own record. A socket that was connected to a service has a peer
// with the name on which that listens, whose credentials are those of the process
// that listened; one of a pair has a peer without a name.
func streamOf(fd int, uid uint32) error {
	of := func(option int) int {
		value, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, option)
		if err != nil {
			return -1
		}
		return value
	}
	if of(unix.SO_DOMAIN) != unix.AF_UNIX || of(unix.SO_TYPE) != unix.SOCK_STREAM {
		return errs.New(errs.InvalidArgument, "A socket to write to must be a Unix socket of the type SOCK_STREAM. Use a pipe or such a socket.")
	}
	named, err := peerHasName(fd)
	if err != nil || of(unix.SO_ACCEPTCONN) != 0 {
		return errs.New(errs.InvalidArgument, "A socket to write to must be connected.")
	}
	if !named {
		return nil
	}
	owner, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil || owner.Uid != uid {
		return errs.New(errs.InvalidArgument, "A socket to write to cannot be connected to a service of another user. Use a pipe.")
	}
	return nil
}

// peerHasName reports whether the other end of a connected Unix socket is bound to
// a name. Only the length of its address tells: names may begin with zeros, and
// package unix shows no name and such a name alike.
func peerHasName(fd int) (bool, error) {
	var address unix.RawSockaddrUnix
	length := uint32(unsafe.Sizeof(address))
	_, _, errno := unix.Syscall(unix.SYS_GETPEERNAME, uintptr(fd), uintptr(unsafe.Pointer(&address)), uintptr(unsafe.Pointer(&length)))
	if errno != 0 {
		return false, errno
	}
	return uintptr(length) > unsafe.Sizeof(address.Family), nil
}
