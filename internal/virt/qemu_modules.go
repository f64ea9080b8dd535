package virt

import (
	"path/filepath"
	"slices"
)

// webSchemes is how addresses begin that QEMU's driver for web servers reads.
func webSchemes() []string { return []string{"https", "http"} }

// moduleFolders is where distributions keep the modules of QEMU, below the
// prefix that it is installed under.
var moduleFolders = []string{"lib/*/qemu", "lib/qemu", "lib64/qemu", "lib64/qemu-kvm"}

// readsWeb says whether QEMU, as far as can be seen of a local one, can read from
// web servers. Neither libvirt nor QEMU tells before a VM starts and fails. The
// driver is a module with a package of its own where QEMU has modules, and part of
// the program where it has none.
func readsWeb(emulator string) bool {
	if emulator == "" {
		return true
	}
	var modules []string
	for _, folder := range moduleFolders {
		found, _ := filepath.Glob(filepath.Join(filepath.Dir(filepath.Dir(emulator)), folder, "*.so")) // the pattern is well-formed
		modules = append(modules, found...)
	}
	return modules == nil || slices.ContainsFunc(modules, func(m string) bool { return filepath.Base(m) == "block-curl.so" })
}
