package domainxml

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"org.kvmmanager/internal/model"
)

var update = flag.Bool("update", false, "write the golden files anew")

// The documents under testdata were written by libvirt 11.3 with QEMU 10.0 and
// by its test driver.

func TestParseVMOfRealDocuments(t *testing.T) {
	t.Parallel()
	for _, name := range vmNames(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			golden(t, "vm/"+name, must(t)(ParseVM(vmPair(t, name))))
		})
	}
}

func TestParseNetworkOfRealDocuments(t *testing.T) {
	t.Parallel()
	for _, name := range documents(t, "network") {
		golden(t, "network/"+name, must(t)(ParseNetwork(read(t, "network/"+name+".xml"))))
	}
}

func TestParsePoolOfRealDocuments(t *testing.T) {
	t.Parallel()
	for _, name := range documents(t, "pool") {
		golden(t, "pool/"+name, must(t)(ParsePool(read(t, "pool/"+name+".xml"))))
	}
}

func TestParseHostAndCapabilitiesOfRealDocuments(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"qemu", "test"} {
		caps := read(t, "host/"+name+"-capabilities.xml")
		domCaps := read(t, "host/"+name+"-domain-capabilities.xml")
		golden(t, "host/"+name+"-host", must(t)(ParseHost(caps)))
		golden(t, "host/"+name+"-capabilities", must(t)(ParseCapabilities(caps, domCaps)))
	}
}

func read(t testing.TB, path string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", path))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// documents is the names of the XML files in a folder of testdata.
func documents(t testing.TB, folder string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", folder, "*.xml"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no documents in %s: %v", folder, err)
	}
	names := make([]string, len(paths))
	for i, p := range paths {
		names[i] = strings.TrimSuffix(filepath.Base(p), ".xml")
	}
	return names
}

func vmNames(t testing.TB) []string {
	t.Helper()
	var names []string
	for _, d := range documents(t, "vm") {
		if name, ok := strings.CutSuffix(d, "-live"); ok {
			names = append(names, name)
		}
	}
	return names
}

// vmPair is a VM's live and stored XML, as libvirt wrote them one after the
// other.
func vmPair(t testing.TB, name string) (live, stored string) {
	t.Helper()
	return read(t, "vm/"+name+"-live.xml"), read(t, "vm/"+name+"-stored.xml")
}

// must unwraps what a parser returned.
func must(t testing.TB) func(value any, err error) any {
	return func(value any, err error) any {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// golden compares a value with its golden file, which leaves out zero values.
func golden(t *testing.T, name string, value any) {
	t.Helper()
	got, err := json.MarshalIndent(withoutZeros(t, value), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	path := filepath.Join("testdata", name+".json")
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want := read(t, name+".json"); !bytes.Equal(got, []byte(want)) {
		t.Errorf("%s differs from its golden file (run with -update and look at the diff):\n%s", name, got)
	}
}

func withoutZeros(t *testing.T, value any) any {
	t.Helper()
	data, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var tree any
	if err := d.Decode(&tree); err != nil {
		t.Fatal(err)
	}
	return prune(tree)
}

func prune(tree any) any {
	switch v := tree.(type) {
	case map[string]any:
		for key, child := range v {
			switch child {
			case nil, "", false, json.Number("0"), "0001-01-01T00:00:00Z":
				delete(v, key)
			default:
				v[key] = prune(child)
			}
		}
	case []any:
		for i := range v {
			v[i] = prune(v[i])
		}
	}
	return tree
}

// parsedDevices is what a VM with these elements as devices has.
func parsedDevices(t *testing.T, elements string) *model.VM {
	t.Helper()
	vm, err := ParseVM("", "<domain><devices>"+elements+"</devices></domain>")
	if err != nil {
		t.Fatal(err)
	}
	return vm
}

// deviceTest is a row of the converters' tables.
type deviceTest struct {
	name, xml string
	want      model.Device
}

func (tt *deviceTest) run(t *testing.T) {
	t.Run(tt.name, func(t *testing.T) {
		t.Parallel()
		got := allDevices(parsedDevices(t, tt.xml))
		if len(got) != 1 {
			t.Fatalf("%d devices, want one", len(got))
		}
		if !reflect.DeepEqual(*got[0], tt.want) {
			t.Errorf("got  %+v\nwant %+v", *got[0], tt.want)
		}
	})
}

func allDevices(vm *model.VM) []*model.Device {
	var all []*model.Device
	for _, list := range deviceLists(vm) {
		all = append(all, *list...)
	}
	return all
}
