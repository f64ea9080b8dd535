package virt

import (
	"os"
	"path/filepath"
	"testing"
)

func TestQEMUReadsFromWebServersIfItsModuleIsThere(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		files []string
		reads bool
	}{
		"Debian":                     {[]string{"lib/x86_64-linux-gnu/qemu/hw-usb-host.so", "lib/x86_64-linux-gnu/qemu/block-curl.so"}, true},
		"Debian without it":          {[]string{"lib/x86_64-linux-gnu/qemu/hw-usb-host.so"}, false},
		"Fedora":                     {[]string{"lib64/qemu/block-curl.so"}, true},
		"Fedora without it":          {[]string{"lib64/qemu/block-ssh.so"}, false},
		"RHEL":                       {[]string{"lib64/qemu-kvm/block-curl.so"}, true},
		"a QEMU that has no modules": {nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			prefix := t.TempDir()
			for _, file := range tt.files {
				if err := os.MkdirAll(filepath.Dir(filepath.Join(prefix, file)), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(prefix, file), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if got := readsWeb(filepath.Join(prefix, "bin/qemu-system-x86_64")); got != tt.reads {
				t.Errorf("it is %v", got)
			}
		})
	}
	if !readsWeb("") {
		t.Error("a QEMU that cannot be seen is said to lack something")
	}
}
