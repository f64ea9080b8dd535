//go:build system

package caller

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Virsh calls virsh as root on qemu:///system, and returns what it prints. It has
// to succeed.
func Virsh(t *testing.T, args ...string) string {
	t.Helper()
	out, err := TryVirsh(args...)
	if err != nil {
		t.Fatalf("virsh %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return out
}

// TryVirsh is Virsh for what may fail.
func TryVirsh(args ...string) (string, error) {
	cmd := exec.Command("virsh", append([]string{"--quiet", "--connect", "qemu:///system"}, args...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}
