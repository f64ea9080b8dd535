//go:build system

package system_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/model"
)

// block is an example of a page: what follows ``` and the text up to the next one.
type block struct {
	line int
	info string
	text string
}

func blocksOf(t *testing.T, page string) []block {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var blocks []block
	for _, at := range regexp.MustCompile("(?ms)^```([^\n]+)\n(.*?)^```$").FindAllSubmatchIndex(text, -1) {
		blocks = append(blocks, block{
			line: 1 + strings.Count(string(text[:at[0]]), "\n"),
			info: string(text[at[2]:at[3]]), text: string(text[at[4]:at[5]]),
		})
	}
	return blocks
}

// shell is a user's shell that is given one block after the other.
type shell struct {
	t      *testing.T
	in     io.Writer
	output chan string // lines; closed when the shell ends
}

const endOfBlock = "== end of the block =="

func newShell(t *testing.T, user string) *shell {
	t.Helper()
	folder, who := t.TempDir(), userOf(t, user)
	for _, path := range []string{folder, folder + "/.."} {
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(folder, who.UID, who.GID); err != nil {
		t.Fatal(err)
	}
	cmd := asUser(user, "sh", "-e")
	cmd.Dir = folder
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = write, write
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = write.Close()
	s := &shell{t: t, in: in, output: make(chan string, 1000)}
	go func() {
		defer close(s.output)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			s.output <- lines.Text()
		}
	}()
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return s
}

// run runs a block, which must end well and within some minutes.
func (s *shell) run(b block) {
	s.t.Helper()
	text := b.text
	if b.info == "python" {
		text = "python3 - <<'END OF THE PROGRAM'\n" + text + "END OF THE PROGRAM\n"
	}
	if _, err := io.WriteString(s.in, text+"\necho '"+endOfBlock+"'\n"); err != nil {
		s.t.Fatalf("line %d: %v", b.line, err)
	}
	var said []string
	timeout := time.After(5 * time.Minute)
	for {
		select {
		case line, open := <-s.output:
			switch {
			case !open:
				s.t.Fatalf("the block of line %d fails:\n%s\n%s", b.line, b.text, strings.Join(said, "\n"))
			case line == endOfBlock:
				return
			}
			said = append(said, line)
		case <-timeout:
			s.t.Fatalf("the block of line %d does not end:\n%s\n%s", b.line, b.text, strings.Join(said, "\n"))
		}
	}
}

// TestTheDocumentedScriptsRun takes the examples of docs/SCRIPTING.md in their order,
// as one script of alice's.
func TestTheDocumentedScriptsRun(t *testing.T) {
	useTiny(t)
	root := as(t, "root")
	before := objectsOf(root)
	alice := newShell(t, "alice")
	rules := 0
	for _, b := range blocksOf(t, "../../docs/SCRIPTING.md") {
		switch b.info {
		case "sh", "python":
			alice.run(b)
		case "sh root":
			run(t, "sh", "-e", "-c", b.text)
		case "js":
			tryRule(t, b, rules)
			rules++
		default:
			t.Errorf("nobody knows how to run the block %q of line %d", b.info, b.line)
		}
	}
	if got := root.get(tiny, "VM.State"); got != "shut-off" {
		t.Errorf("the page leaves tiny %v", got)
	}
	// The folders of the page's pools were in that of this one.
	pool := dbus.ObjectPath(model.PoolPath(virsh(t, "pool-uuid", "default")))
	root.must(pool, "StoragePool.Refresh", wait())
	var left []dbus.ObjectPath
	if err := within(patience, func() bool {
		left = left[:0]
		for path := range objectsOf(root) {
			if before[path] == nil {
				left = append(left, path)
			}
		}
		return len(left) == 0
	}); err != nil {
		t.Errorf("the page leaves %v", left)
	}
}

// tryRule has bob do what the first and the second rule of the page let him.
func tryRule(t *testing.T, b block, n int) {
	t.Helper()
	const file = "/etc/polkit-1/rules.d/50-dev-vms.rules"
	if err := os.WriteFile(file, []byte(b.text), 0o644); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(file)
	bob, dev := as(t, "bob"), dbus.ObjectPath(tiny)
	if n == 0 {
		virsh(t, "domrename", "tiny", "dev-tiny")
		defer virsh(t, "domrename", "dev-tiny", "tiny")
		eventually(t, "the rule lets bob control and see what begins with dev-", func() bool {
			may := bob.must("/org/kvmmanager", "Manager.GetPermissions", dev, none())[0].(map[string]string)
			return may["org.kvmmanager.vm.control"] == "yes" && may["org.kvmmanager.vm.console"] == "yes" &&
				may["org.kvmmanager.vm.configure"] != "yes"
		})
		return
	}
	eventually(t, "the rule lets bob start any VM", func() bool {
		return bob.call(dev, "VM.Start", wait()).Err == nil
	})
	bob.refused("org.freedesktop.DBus.Error.InteractiveAuthorizationRequired", dev, "VM.PowerOff", none())
	as(t, "root").must(dev, "VM.PowerOff", wait())
}

// TestTheFirstCallsRun takes those of README.md: what is left out in a path is that
// of a VM that the call before has listed.
func TestTheFirstCallsRun(t *testing.T) {
	useTiny(t)
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "## First calls\n")
	section, _, _ = strings.Cut(section, "\n## ")
	vm, ran := "", 0
	for _, line := range strings.Split(section, "\n") {
		call, isCode := strings.CutPrefix(line, "    ")
		if !isCode {
			continue
		}
		if strings.Contains(call, "/vms/…") {
			call = strings.ReplaceAll(call, "/org/kvmmanager/vms/…", vm)
		}
		out, err := asUser("alice", "sh", "-c", call).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v: %s", call, err, out)
		}
		if strings.Contains(string(out), string(tiny)) {
			vm = string(tiny)
		}
		ran++
	}
	if ran < 4 || fmt.Sprint(as(t, "root").get(tiny, "VM.State")) != "running" {
		t.Errorf("%d calls have run, and the last one did not start the VM", ran)
	}
	as(t, "root").must(tiny, "VM.PowerOff", wait())
}
