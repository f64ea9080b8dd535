package imports_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Nothing of the client may wait on GTK's main loop: no call to the service and
// no file. Widgets and screens have neither at all: they may name these things
// of packages that could, and start no goroutine to get around it. "client" is
// internal/client.
var onMainLoop = map[string][]string{
	"os":     {"File", "ErrClosed"},
	"client": {"Batch", "Change", "Permission", "Plan", "NetworkApplied", "Allowed", "Denied", "Samples", "State", "Status", "Ready", "Gone", "Failed", "NotInstalled", "Closed", "ErrNeedsInteraction"},
}

// neverOnMainLoop are packages that wait for files, other programs or the
// network.
var neverOnMainLoop = []string{"net", "os/exec", "io/ioutil", "net/http", "github.com/godbus/dbus/v5", "io/fs"}

func TestWidgetsDoNotWait(t *testing.T) {
	t.Parallel()
	for _, folder := range []string{"../../client-gtk/ui", "../../client-gtk/display", "../../client-gtk/store"} {
		eachFile(t, folder, func(name string, file *ast.File, at func(ast.Node) string) {
			for _, i := range file.Imports {
				if path := strings.Trim(i.Path.Value, `"`); slices.Contains(neverOnMainLoop, path) {
					t.Errorf("%s imports %s", name, path)
				}
			}
			ast.Inspect(file, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.GoStmt:
					t.Errorf("%s starts a goroutine", at(n))
				case *ast.SelectorExpr:
					if allowed, watched := onMainLoop[packageOf(n)]; watched && !slices.Contains(allowed, n.Sel.Name) {
						t.Errorf("%s uses %s.%s", at(n), packageOf(n), n.Sel.Name)
					}
				}
				return true
			})
		})
	}
}

// offMainLoop are the functions of package app that run in goroutines, or before
// there is a main loop. Everything else there may touch files and the service
// only inside of a go statement, or of the function that call runs in one.
var offMainLoop = []string{"follow", "edit", "run", "screenshot", "watchStalls", "loadPreferences", "withFile", "withVolume", "download", "ended", "changeHardware", "revert"}

// inGoroutine are the functions that run one of their arguments in a goroutine, by
// its place.
var inGoroutine = map[string]int{"call": 1, "steps": 1, "answer": 0, "begin": 1, "change": 1, "work": 1, "finish": 2}

// quick are the methods of the service's client that answer from memory.
var quick = []string{"VM", "Snapshots", "Networks", "Pools", "Volumes", "Status", "Activate"}

func TestTheApplicationWaitsInGoroutines(t *testing.T) {
	t.Parallel()
	found := 0
	eachFile(t, "../../client-gtk/app", func(_ string, file *ast.File, at func(ast.Node) string) {
		for _, d := range file.Decls {
			f, isFunc := d.(*ast.FuncDecl)
			if !isFunc || slices.Contains(offMainLoop, f.Name.Name) {
				continue
			}
			var look func(n ast.Node, aside bool)
			look = func(n ast.Node, aside bool) {
				ast.Inspect(n, func(c ast.Node) bool {
					switch c := c.(type) {
					case *ast.GoStmt:
						look(c.Call.Fun, true)
						return false
					case *ast.CallExpr:
						if place, runs := inGoroutine[called(c)]; runs && place < len(c.Args) {
							for i, argument := range c.Args {
								look(argument, i == place)
							}
							return false
						}
						if called(c) == "later" {
							look(c.Args[0], false)
							return false
						}
						if waits(c) {
							found++
							if !aside {
								t.Errorf("%s waits on the main loop", at(c))
							}
						}
					}
					return true
				})
			}
			look(f.Body, false)
		}
	})
	if found < 10 {
		t.Errorf("only %d calls were looked at: the test does not see them any more", found)
	}
}

// called is the name of the function or method that is called.
func called(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}

// waits says whether a call may take time: os and prefs, and the methods of the
// service's client, which is called c or client there.
func waits(call *ast.CallExpr) bool {
	s, isSelector := call.Fun.(*ast.SelectorExpr)
	if !isSelector {
		return false
	}
	switch of := s.X.(type) {
	case *ast.Ident:
		return of.Name == "os" && s.Sel.Name != "Getenv" || of.Name == "c" && !slices.Contains(quick, s.Sel.Name)
	case *ast.SelectorExpr:
		return of.Sel.Name == "client" && !slices.Contains(quick, s.Sel.Name)
	}
	return false
}

func packageOf(s *ast.SelectorExpr) string {
	name, _ := s.X.(*ast.Ident)
	if name == nil || name.Obj != nil { // a variable
		return ""
	}
	return name.Name
}

// eachFile visits the sources of a folder, without tests and what is below.
func eachFile(t *testing.T, folder string, visit func(name string, file *ast.File, at func(ast.Node) string)) {
	t.Helper()
	names, err := fs.Glob(os.DirFS(folder), "*.go")
	if err != nil || len(names) == 0 {
		t.Fatalf("no sources in %s: %v", folder, err)
	}
	files := token.NewFileSet()
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(files, filepath.Join(folder, name), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		visit(name, file, func(n ast.Node) string { return files.Position(n.Pos()).String() })
	}
}
