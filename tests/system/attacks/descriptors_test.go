//go:build system

package attacks

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"

	"org.kvmmanager/tests/system/caller"
)

// socketOf is a socket that a user has made and connected.
func socketOf(t *testing.T, user string, kind int, address string) *os.File {
	t.Helper()
	fd, err := -1, error(nil)
	caller.Run(t, user, func() {
		if fd, err = unix.Socket(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC, 0); err == nil {
			err = unix.Connect(fd, &unix.SockaddrUnix{Name: address})
		}
	})
	if err != nil {
		t.Fatalf("%s cannot connect to %s: %v", user, address, err)
	}
	f := os.NewFile(uintptr(fd), address)
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// service is what the service is now: its process and how often it was restarted.
func service(t *testing.T) string {
	return run(t, "systemctl", "show", "-p", "MainPID,NRestarts,ActiveState,StatusText", "kvmmanagerd.service")
}

// TestNothingIsSaidAsTheService: what is written to a descriptor is never a
// record, a message or a request of the service's.
func TestNothingIsSaidAsTheService(t *testing.T) {
	stora := as(t, "stora")
	var random [8]byte
	_, _ = rand.Read(random[:])
	forged := "forged-" + hex.EncodeToString(random[:])
	volume, file := volumeOf(stora, "dev-forged.raw", "raw", 1<<20)
	content := fmt.Sprintf("MESSAGE=%s\nPRIORITY=3\nMESSAGE_ID=00000000000000000000000000000001\nREADY=1\nSTOPPING=1\nSTATUS=%s\nWATCHDOG=trigger\n", forged, forged)
	if err := os.WriteFile(file, append([]byte(content), make([]byte, 1<<20-len(content))...), 0o600); err != nil {
		t.Fatal(err)
	}
	before := service(t)
	for _, target := range []struct {
		address string
		kind    int
		begin   string // what the attacker says first
	}{
		{"/run/systemd/journal/socket", unix.SOCK_DGRAM, ""},
		{"/run/systemd/journal/dev-log", unix.SOCK_DGRAM, ""},
		{"/run/systemd/notify", unix.SOCK_DGRAM, ""},
		{"/run/systemd/journal/stdout", unix.SOCK_STREAM, "me\n\n6\n0\n0\n0\n0\n"},
		{"/run/dbus/system_bus_socket", unix.SOCK_STREAM, ""},
		{"/run/libvirt/libvirt-sock-ro", unix.SOCK_STREAM, ""},
	} {
		if _, err := os.Stat(target.address); err != nil {
			t.Logf("there is no %s", target.address)
			continue
		}
		socket := socketOf(t, "stora", target.kind, target.address)
		if _, err := socket.WriteString(target.begin); err != nil {
			t.Fatal(err)
		}
		stora.Refused("InvalidArgument", volume, "StorageVolume.Download", dbus.UnixFD(socket.Fd()), wait())
	}
	datagrams, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	packets, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	listening, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		err = unix.Bind(listening, &unix.SockaddrUnix{Name: filepath.Join(t.TempDir(), "socket")})
	}
	if err == nil {
		err = unix.Listen(listening, 1)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range []int{datagrams[0], datagrams[1], packets[0], packets[1], listening} {
		stora.Refused("InvalidArgument", volume, "StorageVolume.Download", dbus.UnixFD(fd), wait())
		_ = unix.Close(fd)
	}
	if out, err := exec.Command("journalctl", "--sync").CombinedOutput(); err != nil {
		t.Fatalf("journalctl --sync: %s", out)
	}
	if found, _ := exec.Command("journalctl", "--quiet", "-o", "verbose", "--grep", forged).Output(); len(found) > 0 {
		t.Errorf("the journal has\n%s", found)
	}
	if after := service(t); after != before {
		t.Errorf("the service is %s; it was %s", after, before)
	}
}

// TestDescriptorsThatAreNoFiles: what is handed over to be read or written is a
// file of the caller's own.
func TestDescriptorsThatAreNoFiles(t *testing.T) {
	stora := as(t, "stora")
	volume, _ := volumeOf(stora, "dev-fds.raw", "raw", 1<<20)
	pool := poolOf(t, "default")
	before := service(t)
	open := func(path string, flags int) int {
		t.Helper()
		fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		t.Cleanup(func() { _ = unix.Close(fd) })
		return fd
	}
	event, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(plain, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, fd := range map[string]int{
		"a device": open("/dev/null", unix.O_RDWR), "zeros": open("/dev/zero", unix.O_RDWR), "memory": open("/proc/self/mem", unix.O_RDWR),
		"a process's setting": open("/proc/self/oom_score_adj", unix.O_RDWR), "the kernel": open("/proc/version", unix.O_RDONLY),
		"a folder": open("/etc", unix.O_RDONLY), "a path": open(plain, unix.O_PATH), "events": event,
		"a setting": open("/sys/kernel/mm/transparent_hugepage/enabled", unix.O_RDONLY),
	} {
		ok := stora.Refused("InvalidArgument", volume, "StorageVolume.Download", dbus.UnixFD(fd), wait())
		ok = stora.Refused("InvalidArgument", volume, "StorageVolume.Upload", dbus.UnixFD(fd), wait()) && ok
		ok = stora.Refused("InvalidArgument", pool, "StoragePool.CreateVolume", with("name", "dev-fds-new", "fd", dbus.UnixFD(fd)), wait()) && ok
		ok = stora.Refused("InvalidArgument", local, "Host.CreateVM", with("name", "dev-fds", "source", with("kind", "iso", "fd", dbus.UnixFD(fd))), wait()) && ok
		if !ok {
			t.Errorf("with %s", name)
		}
	}
	if after := service(t); after != before {
		t.Errorf("the service is %s; it was %s", after, before)
	}
}

// TestWhoDoesNotReadHoldsNothingUp: a pipe that is full, and filled again by its
// owner, keeps no job from being cancelled, and what people use works.
func TestWhoDoesNotReadHoldsNothingUp(t *testing.T) {
	stora := as(t, "stora")
	volume, file := volumeOf(stora, "dev-slow.raw", "raw", 1<<20)
	content := bytes.Repeat([]byte("0123456789abcde\n"), 1<<16)
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	read, write := os.NewFile(uintptr(pipe[0]), "pipe"), os.NewFile(uintptr(pipe[1]), "pipe")
	defer read.Close()
	job := stora.Must(volume, "StorageVolume.Download", dbus.UnixFD(write.Fd()), none())[0].(dbus.ObjectPath)
	go func() { // the owner takes whatever room there is
		_ = unix.SetNonblock(pipe[1], false)
		_, _ = write.Write(make([]byte, 1<<20))
	}()
	time.Sleep(500 * time.Millisecond) // lets both of them want the room; the outcome does not depend on it
	stora.Must(job, "Job.Cancel", none())
	if err := caller.Within(10*time.Second, func() bool {
		state := stora.Call(job, caller.Properties+"Get", "org.kvmmanager.Job", "State")
		return state.Err != nil || state.Body[0].(dbus.Variant).Value() == "cancelled"
	}); err != nil {
		t.Errorf("the job does not end: %v", err)
	}

	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "ours"), os.NewFile(uintptr(pair[1]), "theirs")
	defer ours.Close()
	got := make(chan []byte)
	go func() {
		all, _ := io.ReadAll(ours)
		got <- all
	}()
	stora.Must(volume, "StorageVolume.Download", dbus.UnixFD(theirs.Fd()), wait())
	_ = theirs.Close()
	if all := <-got; !bytes.Equal(all, content) {
		t.Errorf("%d bytes came through a pair of sockets, %d of them zeros", len(all), strings.Count(string(all), "\x00"))
	}
}
