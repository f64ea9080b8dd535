package descriptor

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"org.kvmmanager/internal/errs"
)

func file(t *testing.T, fd int, err error) *os.File {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), "handed over")
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func opens(t *testing.T, path string, flags int) *os.File {
	t.Helper()
	fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0o600)
	return file(t, fd, err)
}

func socket(t *testing.T, domain, kind int) *os.File {
	t.Helper()
	fd, err := unix.Socket(domain, kind|unix.SOCK_CLOEXEC, 0)
	return file(t, fd, err)
}

func pair(t *testing.T, kind int) (a, b *os.File) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC, 0)
	return file(t, fds[0], err), file(t, fds[1], err)
}

func plainFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestOnlyFilesPipesAndStreamsToOnesOwnAreAdmitted(t *testing.T) {
	t.Parallel()
	me := uint32(os.Getuid())
	path := plainFile(t, "content")
	stream, _ := pair(t, unix.SOCK_STREAM)
	datagram, _ := pair(t, unix.SOCK_DGRAM)
	packets, _ := pair(t, unix.SOCK_SEQPACKET)
	address := filepath.Join(t.TempDir(), "socket")
	listener, err := net.Listen("unix", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	listening, err := listener.(*net.UnixListener).File()
	if err != nil {
		t.Fatal(err)
	}
	connected := socket(t, unix.AF_UNIX, unix.SOCK_STREAM)
	if err := unix.Connect(int(connected.Fd()), &unix.SockaddrUnix{Name: address}); err != nil {
		t.Fatal(err)
	}
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	from, to := file(t, pipe[0], nil), file(t, pipe[1], nil)
	memory, err := unix.MemfdCreate("m", unix.MFD_CLOEXEC)
	memfd := file(t, memory, err)
	if _, err := memfd.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	event, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	events := file(t, event, err)
	poll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	epoll := file(t, poll, err)
	for name, test := range map[string]struct {
		f             *os.File
		uid           uint32
		reads, writes bool
	}{
		"a file to read":          {opens(t, path, unix.O_RDONLY), me, true, false},
		"a file to write":         {opens(t, path, unix.O_WRONLY), me, false, true},
		"a file to append to":     {opens(t, path, unix.O_WRONLY|unix.O_APPEND), me, false, true},
		"a file for both":         {opens(t, path, unix.O_RDWR), me, true, true},
		"memory":                  {memfd, me, true, true},
		"an empty file":           {opens(t, plainFile(t, ""), unix.O_RDWR), me, false, true},
		"a path":                  {opens(t, path, unix.O_PATH), me, false, false},
		"a folder":                {opens(t, filepath.Dir(path), unix.O_RDONLY), me, false, false},
		"a device":                {opens(t, "/dev/null", unix.O_RDWR), me, false, false},
		"a process's memory":      {opens(t, "/proc/self/mem", unix.O_RDWR), me, false, false},
		"a setting of a process":  {opens(t, "/proc/self/oom_score_adj", unix.O_WRONLY), me, false, false},
		"the kernel's version":    {opens(t, "/proc/version", unix.O_RDONLY), me, false, false},
		"events":                  {events, me, false, false},
		"an epoll":                {epoll, me, false, false},
		"a pipe to read":          {from, me, false, false},
		"a pipe to write":         {to, me, false, true},
		"a pair of streams":       {stream, me, false, true},
		"another's pair":          {stream, me + 1, false, true},
		"a connection":            {connected, me, false, true},
		"another's connection":    {connected, me + 1, false, false},
		"datagrams":               {datagram, me, false, false},
		"packets":                 {packets, me, false, false},
		"a listening socket":      {listening, me, false, false},
		"a socket of nobody":      {socket(t, unix.AF_UNIX, unix.SOCK_STREAM), me, false, false},
		"a socket of the network": {socket(t, unix.AF_INET, unix.SOCK_STREAM), me, false, false},
		"a socket of the kernel":  {socket(t, unix.AF_NETLINK, unix.SOCK_RAW), me, false, false},
	} {
		size, err := Readable(t.Context(), test.f)
		if (err == nil) != test.reads || err != nil && !errs.Is(err, errs.InvalidArgument) || err == nil && size == 0 {
			t.Errorf("reading %s: %d bytes, %v", name, size, err)
		}
		if err := Writable(t.Context(), test.f, test.uid); (err == nil) != test.writes || err != nil && !errs.Is(err, errs.InvalidArgument) {
			t.Errorf("writing %s: %v", name, err)
		}
	}
}

func writer(t *testing.T, f *os.File) *Writer {
	t.Helper()
	w, err := NewWriter(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}

func TestAllArrives(t *testing.T) {
	t.Parallel()
	content := bytes.Repeat([]byte("0123456789abcde\n"), 40000)
	for _, name := range []string{"pipe", "stream"} {
		var from, to *os.File
		if name == "pipe" {
			var pipe [2]int
			if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
				t.Fatal(err)
			}
			from, to = file(t, pipe[0], nil), file(t, pipe[1], nil)
		} else {
			from, to = pair(t, unix.SOCK_STREAM)
		}
		got := make(chan []byte)
		go func() {
			all, _ := io.ReadAll(from)
			got <- all
		}()
		told := 0
		if err := writer(t, to).Write(t.Context(), content, func(n int) { told += n }); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		_ = to.Close()
		if !bytes.Equal(<-got, content) || told != len(content) {
			t.Errorf("%s: something else arrived, or was told: %d", name, told)
		}
	}
}

// TestNobodyWhoDoesNotReadIsWaitedForLongerThanWanted fills what is written to,
// and lets it be filled again whenever it says that it has room.
func TestNobodyWhoDoesNotReadIsWaitedForLongerThanWanted(t *testing.T) {
	t.Parallel()
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	reading, writing := file(t, pipe[0], nil), file(t, pipe[1], nil)
	_, stream := pair(t, unix.SOCK_STREAM)
	for name, to := range map[string]*os.File{"pipe": writing, "stream": stream} {
		ctx, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond)
		defer cancel()
		err := writer(t, to).Write(ctx, make([]byte, 1<<22), func(int) {})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_ = reading.Close()
	if err := writer(t, writing).Write(t.Context(), []byte("x"), func(int) {}); !errors.Is(err, unix.EPIPE) {
		t.Errorf("a pipe that nobody reads: %v", err)
	}
	if flags, err := unix.FcntlInt(writing.Fd(), unix.F_GETFL, 0); err != nil || flags&unix.O_NONBLOCK != 0 {
		t.Errorf("the caller's pipe was changed: %x, %v", flags, err)
	}
}

func TestAFileThatDoesNotAnswerIsGivenUp(t *testing.T) {
	t.Parallel()
	stuck := make(chan struct{})
	defer close(stuck)
	hang := func() (int, error) { <-stuck; return 0, nil }
	if _, err := do(t.Context(), 10*time.Millisecond, hang); !errs.Is(err, errs.Timeout) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Do(ctx, hang); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if n, err := Do(t.Context(), func() (int, error) { return 7, nil }); n != 7 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
}

func TestReadAtGivesWhatThereIs(t *testing.T) {
	t.Parallel()
	f := opens(t, plainFile(t, "content"), unix.O_RDONLY)
	if got, err := ReadAt(t.Context(), f, 3, 100); string(got) != "tent" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if got, err := ReadAt(t.Context(), f, 100, 1); len(got) != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("got %q, %v", got, err)
	}
}
