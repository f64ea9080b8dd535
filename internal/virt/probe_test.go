package virt

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"org.kvmmanager/internal/errs"
)

func TestProbeTellsWhatIsThere(t *testing.T) {
	t.Parallel()
	dir := realTemp(t)
	in := func(name string) string { return filepath.Join(dir, name) }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.WriteFile(in("file"), nil, 0o600))
	must(os.MkdirAll(in("a/b"), 0o700))
	must(os.WriteFile(in("a/x"), nil, 0o600))
	must(os.Symlink(in("a/b"), in("link")))
	must(os.Symlink("a/../file", in("relative")))
	must(os.Symlink("loop", in("loop")))
	must(unix.Mkfifo(in("fifo"), 0o600))
	must(os.Symlink("fifo", in("to-fifo")))
	for path, want := range map[string]fileInfo{
		in("file"):            {kind: fileRegular, path: in("file")},
		dir + "//./file":      {kind: fileRegular, path: in("file")},
		in("relative"):        {kind: fileRegular, path: in("file")},
		dir + "/link/../x":    {kind: fileRegular, path: in("a/x")}, // above where the link leads
		in("link"):            {kind: fileFolder, path: in("a/b")},
		dir + "/link/..":      {kind: fileFolder, path: in("a")},
		in("fifo"):            {kind: fileSpecial, path: in("fifo")},
		in("to-fifo"):         {kind: fileSpecial, path: in("fifo")},
		dir + "/file/../file": {kind: fileMissing},
		in("loop"):            {kind: fileBroken},
		"relative":            {kind: fileHidden, path: "relative"},
		"/dev/null":           {kind: fileSpecial, path: "/dev/null"},
		"/dev/no-such-device": {kind: fileHidden, path: "/dev/no-such-device"},
		"/no-such-folder/x":   {kind: fileMissing, path: "/no-such-folder/x"},
		"/":                   {kind: fileFolder, path: "/"},
	} {
		got, err := newProber(nil).probe(t.Context(), path)
		if err != nil || got.kind != want.kind || want.path != "" && got.path != want.path {
			t.Errorf("probe(%q) = %+v, %v; want %+v", path, got, err, want)
		}
	}
	p := newProber(nil)
	one, _ := p.probe(t.Context(), in("file"))
	other, _ := p.probe(t.Context(), in("relative"))
	third, _ := p.probe(t.Context(), in("a/x"))
	if !one.same(other) || one.same(third) || (fileInfo{}).same(fileInfo{}) {
		t.Error("files are taken for one another")
	}
}

// realTemp is a folder whose own path has no links, outside of those that the
// service may see another way than the host.
func realTemp(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/var/lib", "probe-test-")
	if err != nil {
		dir, err = filepath.EvalSymlinks(t.TempDir())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// deadServer is a mount that answers when it is told to.
type deadServer struct {
	mu    sync.Mutex
	awake chan struct{}
	asked int
}

func (d *deadServer) stat(path string) (unix.Statx_t, error) {
	if strings.HasPrefix(path, "/net/") {
		d.mu.Lock()
		awake := d.awake
		d.asked++
		d.mu.Unlock()
		<-awake
	}
	mode := uint16(unix.S_IFDIR)
	if strings.HasSuffix(path, ".img") {
		mode = unix.S_IFREG
	}
	return unix.Statx_t{Mode: mode, Ino: 1}, nil
}

func TestProbeOfADeadServerCostsOneThread(t *testing.T) {
	t.Parallel()
	server := &deadServer{awake: make(chan struct{})}
	back := make(chan string, 8)
	p := newProber(func(mount string) { back <- mount })
	p.stat, p.await, p.mounts = server.stat, 50*time.Millisecond, func() []string { return []string{"/", "/net/a"} }
	if _, err := p.probe(t.Context(), "/net/a/x.img"); !errs.Is(err, errs.Timeout) {
		t.Fatalf("got %v", err)
	}
	for _, path := range []string{"/net/a/x.img", "/net/a/y.img", "/net/a", "/net/a/sub/z.img"} {
		begun := time.Now()
		if _, err := p.probe(t.Context(), path); !errs.Is(err, errs.Timeout) || time.Since(begun) > p.await/2 {
			t.Errorf("%s: %v after %s", path, err, time.Since(begun))
		}
		if !p.hangs(path) {
			t.Errorf("%s is not known to hang", path)
		}
	}
	if info, err := p.probe(t.Context(), "/srv/x.img"); err != nil || info.kind != fileRegular {
		t.Errorf("another file system: %+v, %v", info, err)
	}
	if p.hangs("/net/ab") || p.hangs("/srv/x.img") {
		t.Error("what answers counts as hanging")
	}
	server.mu.Lock()
	if server.asked != 1 {
		t.Errorf("the server was asked %d times", server.asked)
	}
	server.mu.Unlock()
	close(server.awake)
	select {
	case mount := <-back:
		if mount != "/net/a" {
			t.Errorf("%s answers again", mount)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("nobody was told that it answers again")
	}
	if info, err := p.probe(t.Context(), "/net/a/x.img"); err != nil || info.kind != fileRegular {
		t.Errorf("afterwards: %+v, %v", info, err)
	}
}

func TestProbeThatNobodyWaitsForIsStillNoted(t *testing.T) {
	t.Parallel()
	server := &deadServer{awake: make(chan struct{})}
	back := make(chan string, 1)
	p := newProber(func(mount string) { back <- mount })
	p.stat, p.await, p.mounts = server.stat, 50*time.Millisecond, func() []string { return []string{"/net/a"} }
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _ = p.probe(ctx, "/net/a/x.img")
	for deadline := time.Now().Add(10 * time.Second); !p.hangs("/net/a/y.img"); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it is not known to hang")
		}
	}
	close(server.awake)
	<-back
}
