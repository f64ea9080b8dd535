//go:build system

package system_test

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fingerprint is everything that a call without rights could have changed, a
// line each: libvirt's files and the service's own, and how every VM, network
// and pool is.
func fingerprint(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, folder := range []string{"/etc/libvirt", "/var/lib/libvirt/qemu/save", "/var/lib/libvirt/qemu/nvram", "/var/lib/libvirt/images", "/var/lib/kvmmanager"} {
		writeFiles(t, &b, folder)
	}
	for _, uuid := range strings.Fields(virsh(t, "list", "--all", "--uuid")) {
		for _, what := range []string{"domname", "domstate --reason", "dumpxml --inactive", "dominfo", "domid"} {
			args := strings.Fields(what)
			text := virsh(t, append(args, uuid)...)
			// What a VM that runs has used is not what anybody changed.
			for line := range strings.Lines(text) {
				if !strings.HasPrefix(line, "CPU time") {
					fmt.Fprintf(&b, "%s %s: %s", args[0], uuid, line)
				}
			}
			b.WriteByte('\n')
		}
	}
	b.WriteString(virsh(t, "net-list", "--all"))
	b.WriteString(virsh(t, "pool-list", "--all"))
	return b.String()
}

func writeFiles(t *testing.T, b *strings.Builder, folder string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		sum := [sha256.Size]byte{}
		if entry.Type().IsRegular() && filepath.Dir(path) != "/var/lib/libvirt/images" {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			sum = sha256.Sum256(data)
		}
		fmt.Fprintf(b, "%s %x\n", path, sum[:8])
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// difference is the lines that only one of the texts has.
func difference(before, after string) string {
	var b strings.Builder
	for sign, texts := range map[string][2]string{"-": {before, after}, "+": {after, before}} {
		for line := range strings.Lines(texts[0]) {
			if !strings.Contains(texts[1], line) {
				b.WriteString(sign + line)
			}
		}
	}
	return b.String()
}
