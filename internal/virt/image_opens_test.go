package virt

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strings"
	"testing"
)

// opens are the methods of libvirt that have an image opened, by libvirtd, QEMU or
// qemu-img. Delete is one only of snapshots.
var opens = []string{
	"AttachDeviceFlags", "BlockCommit", "BlockCopy", "BlockPeek", "BlockPull", "BlockRebase", "BlockResize", "CreateSnapshotXML", "CreateWithFlags",
	"DomainCreateXML", "DomainDefineXML", "DomainDefineXMLFlags", "DomainRestore", "Download", "GetBlockInfo", "Refresh", "Resize", "RevertToSnapshot",
	"StoragePoolCreateXML", "StorageVolCreateXML", "StorageVolCreateXMLFrom", "UpdateDeviceFlags", "Upload", "Wipe",
}

// TestEveryImageIsLookedAtBeforeItIsOpened holds the code to the table in the
// package's documentation, and each call to the look that stands before it.
func TestEveryImageIsLookedAtBeforeItIsOpened(t *testing.T) {
	t.Parallel()
	type row struct{ call, in, look string }
	var table []row
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(doc), "//\tcall ")
	rest, _, _ = strings.Cut(rest, "//\n")
	for _, line := range strings.Split(strings.TrimSpace(rest), "\n")[1:] {
		fields := strings.Fields(strings.TrimPrefix(line, "//\t"))
		table = append(table, row{fields[0], fields[1], strings.Join(fields[2:], " ")})
	}
	if len(table) < 20 {
		t.Fatalf("the table has %d rows", len(table))
	}
	packages, err := parser.ParseDir(token.NewFileSet(), ".", func(f os.FileInfo) bool { return !strings.HasSuffix(f.Name(), "_test.go") }, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := map[row]bool{}
	for _, file := range packages["virt"].Files {
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || f.Body == nil {
				continue
			}
			in := f.Name.Name
			if f.Recv != nil {
				kind := f.Recv.List[0].Type
				if star, ok := kind.(*ast.StarExpr); ok {
					kind = star.X
				}
				if name, ok := kind.(*ast.Ident); ok {
					in = name.Name + "." + in
				}
			}
			var before []string // what is called, in the order of the text
			ast.Inspect(f.Body, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				name := ""
				switch fun := call.Fun.(type) {
				case *ast.SelectorExpr:
					name = fun.Sel.Name
					if x, ok := fun.X.(*ast.Ident); ok && x.Name == "s" && name == "Delete" {
						name = "Snapshot.Delete"
					}
				case *ast.Ident:
					name = fun.Name
				}
				before = append(before, name)
				if !slices.Contains(opens, name) && name != "Snapshot.Delete" || isOurs(call) {
					return true
				}
				i := slices.IndexFunc(table, func(r row) bool { return r.call == name && r.in == in })
				if i < 0 {
					t.Errorf("%s in %s is not in the table of doc.go: what is looked at before it?", name, in)
					return true
				}
				found[table[i]] = true
				if look := table[i].look; !strings.HasPrefix(look, "(") && !slices.Contains(before, look) {
					t.Errorf("%s in %s is not behind %s", name, in, look)
				}
				return true
			})
		}
	}
	for _, r := range table {
		if !found[r] {
			t.Errorf("%s in %s is in the table only", r.call, r.in)
		}
	}
}

// isOurs reports whether a call is one of this package's own methods of that name.
func isOurs(call *ast.CallExpr) bool {
	s, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return true
	}
	x, ok := s.X.(*ast.Ident)
	return ok && (x.Name == "c" || x.Name == "n")
}
