// Package imports_test keeps the one direction of imports: who may know whom,
// with the reason for each edge that is forbidden.
package imports_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

const module = "org.kvmmanager/"

// forbidden edges: no package below from may depend on one below to, directly
// or not. A path that ends in "/" means everything below it.
var forbidden = []struct{ from, to, why string }{
	{"internal/model", "github.com/", "model is shared with every client: standard library only"},
	{"internal/model", "org.kvmmanager/", "model is at the bottom"},
	{"internal/durable", "org.kvmmanager/", "durable is at the bottom"},
	{"internal/errs", "github.com/", "errs is shared with every client: standard library only"},
	{"internal/errs", "org.kvmmanager/", "errs is at the bottom"},
	{"internal/domainxml", "libvirt.org/go/libvirt", "reading XML needs no C, so that its tests build anywhere"},
	{"internal/bus", "org.kvmmanager/internal/model", "the bus layer knows nothing of VMs"},
	{"internal/bus", "org.kvmmanager/service/", "the bus layer knows nothing of the service"},
	{"internal/wire", "org.kvmmanager/service/", "clients use wire, too"},
	{"internal/polkit", "org.kvmmanager/service/", "which action a method needs is the service's business"},
	{"service/inventory", "github.com/godbus/", "the picture of a host does not depend on who looks at it"},
	{"service/inventory", "libvirt.org/", "the inventory sees a hypervisor through its own interface"},
	{"service/jobs", "github.com/godbus/", "jobs do not depend on who looks at them"},
	{"service/jobs", "libvirt.org/", "jobs do not know what they do"},
	{"service/create", "github.com/godbus/", "what is made does not depend on who asks"},
	{"service/create", "libvirt.org/go/libvirt", "making a VM reaches the hypervisor through the inventory"},
	{"service/create", "org.kvmmanager/internal/virt", "making a VM reaches the hypervisor through the inventory"},
	{"service/unfinished", "github.com/godbus/", "what is left does not depend on who looks at it"},
	{"service/unfinished", "libvirt.org/", "records know nothing but names"},
	{"service/objects", "libvirt.org/go/libvirt", "objects reach the hypervisor through the inventory"},
	{"service/objects", "org.kvmmanager/internal/virt", "objects reach the hypervisor through the inventory"},
	{"internal/client", "org.kvmmanager/service/", "clients live on the bus alone"},
	{"internal/client", "libvirt.org/", "clients live on the bus alone"},
	{"internal/client", "github.com/diamondburned/", "programs without a display use it, too"},
	{"client-gtk/", "org.kvmmanager/service/", "the client lives on the bus alone"},
	{"client-gtk/", "libvirt.org/", "the client lives on the bus alone"},
	{"service/", "github.com/diamondburned/", "the service has no display"},
}

// libvirt has one importer.
const onlyLibvirt = module + "internal/virt"

type goPackage struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Imports,Deps", module+"...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var list []goPackage
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		switch err := decoder.Decode(&p); {
		case errors.Is(err, io.EOF):
			return list
		case err != nil:
			t.Fatal(err)
		}
		list = append(list, p)
	}
}

func TestImportsGoInOneDirection(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, p := range packages(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		for i, edge := range forbidden {
			if !matches(name, edge.from) {
				continue
			}
			seen[edge.from] = true
			for _, dep := range p.Deps {
				if matches(dep, edge.to) {
					t.Errorf("%s depends on %s: %s", name, dep, forbidden[i].why)
				}
			}
		}
		for _, imported := range p.Imports {
			if imported == "libvirt.org/go/libvirt" && p.ImportPath != onlyLibvirt && !strings.HasPrefix(name, "tests/") {
				t.Errorf("%s imports libvirt, which only internal/virt may", name)
			}
		}
	}
	for _, must := range []string{"internal/model", "internal/bus", "service/inventory", "service/objects"} {
		if !seen[must] {
			t.Errorf("there is no package %s any more: change the rules here", must)
		}
	}
}

func matches(path, rule string) bool {
	if prefix, ok := strings.CutSuffix(rule, "/"); ok {
		return path == prefix || strings.HasPrefix(path, rule)
	}
	return path == rule
}
