package api_test

import (
	"encoding/xml"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"

	api "org.kvmmanager/dbus"
	"org.kvmmanager/dbus/apidoc"
	"org.kvmmanager/internal/errs"
)

// parsed is every interface by its name. Parse refuses what lacks
// documentation.
func parsed(t *testing.T) map[string]*apidoc.Interface {
	t.Helper()
	all := map[string]*apidoc.Interface{}
	for _, document := range api.XML() {
		iface, err := apidoc.Parse(document)
		if err != nil {
			t.Fatal(err)
		}
		all[iface.Name] = iface
	}
	return all
}

func TestEveryFileIsAnInterfaceOfTheReference(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("org.kvmmanager.*.xml")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range files {
		names = append(names, strings.TrimSuffix(file, ".xml"))
	}
	slices.Sort(names) // a file's ending counts in its order
	if !slices.Equal(names, slices.Sorted(slices.Values(api.Interfaces()))) {
		t.Errorf("the files are of %q, the constants name %q", names, api.Interfaces())
	}
	for i, document := range api.XML() {
		if iface, err := apidoc.Parse(document); err != nil || iface.Name != api.Interfaces()[i] {
			t.Errorf("document %d is not that of %s: %v", i, api.Interfaces()[i], err)
		}
	}
}

// The D-Bus packages of distributions ship the DTD.
const dtd = "/usr/share/xml/dbus-1/introspect.dtd"

func TestFilesAreValidForTheDTD(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat(dtd); err != nil {
		t.Skipf("needs the D-Bus development files: %v", err)
	}
	for _, name := range api.Interfaces() {
		lint := exec.Command("xmllint", "--nonet", "--noout", "--dtdvalid", dtd, name+".xml")
		if out, err := lint.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

// annotated is what code generators have to be told, by the kind of member.
type annotated struct {
	Name        string `xml:"name,attr"`
	Type        string `xml:"type,attr"`
	Annotations []struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	} `xml:"annotation"`
	Args []struct {
		Type      string `xml:"type,attr"`
		Direction string `xml:"direction,attr"`
	} `xml:"arg"`
}

func (a *annotated) annotation(name string) string {
	for _, have := range a.Annotations {
		if have.Name == name {
			return have.Value
		}
	}
	return ""
}

// TestCodeGeneratorsFindTheirAnnotations holds each member to what qdbusxml2cpp and
// gdbus-codegen cannot know by themselves: Qt's types, functions that pass
// descriptors, and where the words of a name with an abbreviation end.
func TestCodeGeneratorsFindTheirAnnotations(t *testing.T) {
	t.Parallel()
	const qt, unixFD, cName = "org.qtproject.QtDBus.QtTypeName", "org.gtk.GDBus.C.UnixFD", "org.gtk.GDBus.C.Name"
	known := []string{"s", "o", "b", "t", "u", "i", "d", "h", "as", "ao"} // to Qt
	squashed := regexp.MustCompile(`[A-Z]{2,}[A-Z][a-z]`)
	plural := regexp.MustCompile(`[A-Z]{2,}s($|[A-Z])`)
	descriptor := regexp.MustCompile("`[a-z-]+` \\(h[,)]")
	for i, document := range api.XML() {
		var node struct {
			Interface struct {
				Methods    []*annotated `xml:"method"`
				Signals    []*annotated `xml:"signal"`
				Properties []*annotated `xml:"property"`
			} `xml:"interface"`
		}
		if err := xml.Unmarshal(document, &node); err != nil {
			t.Fatal(err)
		}
		want := func(m *annotated, annotation string, needed bool) {
			if has := m.annotation(annotation) != ""; has != needed {
				t.Errorf("%s.%s: has %s: %v, needs it: %v", api.Interfaces()[i], m.Name, annotation, has, needed)
			}
		}
		iface, err := apidoc.Parse(document)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range node.Interface.Properties {
			want(p, qt, !slices.Contains(known, p.Type))
		}
		for _, m := range slices.Concat(node.Interface.Methods, node.Interface.Signals) {
			passes, counts := false, map[string]int{}
			for _, a := range m.Args {
				direction := map[string]string{"in": "In"}[a.Direction]
				if direction == "" {
					direction = "Out"
				}
				want(m, fmt.Sprint(qt, ".", direction, counts[direction]), !slices.Contains(known, a.Type))
				counts[direction]++
				passes = passes || a.Type == "h"
			}
			if method := iface.Method(m.Name); method != nil {
				for _, a := range method.In {
					passes = passes || descriptor.MatchString(a.Text)
				}
			}
			want(m, unixFD, passes)
		}
		for _, m := range slices.Concat(node.Interface.Methods, node.Interface.Signals, node.Interface.Properties) {
			want(m, cName, squashed.MatchString(m.Name) && !plural.MatchString(m.Name))
		}
	}
}

func TestMembersFollowTheConventions(t *testing.T) {
	t.Parallel()
	var (
		member   = regexp.MustCompile(`^[A-Z][A-Za-z0-9]+$`)
		argument = regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
		key      = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	)
	named := func(what string, form *regexp.Regexp, name, signature string) {
		if !form.MatchString(name) {
			t.Errorf("%s: %q does not look like %v", what, name, form)
		}
		if _, err := dbus.ParseSignature(signature); err != nil {
			t.Errorf("%s: %s has an invalid type: %v", what, name, err)
		}
	}
	checkKeys := func(what string, keys []apidoc.Key) {
		for i, k := range keys {
			named(what, key, k.Name, k.Type)
			if slices.Contains(keys[:i], k) {
				t.Errorf("%s documents the key %s twice", what, k.Name)
			}
		}
	}
	checkArgs := func(what string, args []apidoc.Arg) {
		for _, a := range args {
			named(what, argument, a.Name, a.Type)
			checkKeys(what+" "+a.Name, a.Keys)
		}
	}
	for _, iface := range parsed(t) {
		for _, p := range iface.Properties {
			named(iface.Name, member, p.Name, p.Type)
			checkKeys(iface.Name+"."+p.Name, p.Keys)
			if !slices.Contains([]string{"true", "const", "invalidates"}, p.Emits) {
				t.Errorf("%s.%s announces changes as %q", iface.Name, p.Name, p.Emits)
			}
		}
		for _, m := range iface.Methods {
			what := iface.Name + "." + m.Name
			named(iface.Name, member, m.Name, "b")
			checkArgs(what, m.In)
			checkArgs(what, m.Out)
			if n := len(m.In); n == 0 || m.In[n-1].Name != "options" || m.In[n-1].Type != "a{sv}" {
				t.Errorf("%s: the last argument is not options a{sv}", what)
			}
		}
		for _, s := range iface.Signals {
			named(iface.Name, member, s.Name, "b")
			checkArgs(iface.Name+"."+s.Name, s.Args)
		}
	}
}

func TestEveryMethodThatReturnsAJobTakesTheOptionsOfJobs(t *testing.T) {
	t.Parallel()
	for _, iface := range parsed(t) {
		for _, m := range iface.Methods {
			isJob := len(m.Out) > 0 && m.Out[0].Name == "job" && m.Out[0].Type == "o"
			options := m.Options()
			if hasWait := options["wait"] == "b" && options["bind-lifetime"] == "b"; hasWait != isJob {
				t.Errorf("%s.%s returns a job: %v; takes its options: %v", iface.Name, m.Name, isJob, hasWait)
			}
		}
	}
}

// Whoever gets or passes a dictionary finds its keys, a link to them, or the
// word that there are none.
func TestEveryDictionaryHasDocumentedKeys(t *testing.T) {
	t.Parallel()
	check := func(what, signature, text string, keys []apidoc.Key) {
		if !strings.Contains(signature, "{sv}") || len(keys) > 0 {
			return
		}
		if !strings.Contains(text, "[Device records]") && text != "No options." {
			t.Errorf("%s (%s) has no documented keys", what, signature)
		}
	}
	for _, iface := range parsed(t) {
		for _, p := range iface.Properties {
			if iface.Name == api.JobInterface && p.Name == "Result" {
				continue // it depends on the operation, and is empty for the present ones
			}
			check(iface.Name+"."+p.Name, p.Type, p.Text, p.Keys)
		}
		for _, m := range iface.Methods {
			for _, a := range slices.Concat(m.In, m.Out) {
				if iface.Name == api.JobInterface && a.Name == "result" {
					continue // as above
				}
				if m.Name == "GetObjects" && a.Name == "objects" || m.Name == "GetWholeProperties" && a.Name == "properties" {
					continue // the keys are properties
				}
				check(iface.Name+"."+m.Name+" "+a.Name, a.Type, a.Text, a.Keys)
			}
		}
		for _, s := range iface.Signals {
			for _, a := range s.Args {
				check(iface.Name+"."+s.Name+" "+a.Name, a.Type, a.Text, a.Keys)
			}
		}
	}
}

func TestDocumentedErrorsAreThoseOfTheService(t *testing.T) {
	t.Parallel()
	word := regexp.MustCompile("`([A-Z][A-Za-z]+)`")
	all := parsed(t)
	var documented []errs.Kind
	items := regexp.MustCompile("(?m)^- `([A-Za-z]+)`:")
	for _, m := range items.FindAllStringSubmatch(all[api.ManagerInterface].Section("Errors").Text, -1) {
		documented = append(documented, errs.Kind(m[1]))
	}
	if !slices.Equal(documented, errs.Kinds()) {
		t.Errorf("the section documents %v, the service has %v", documented, errs.Kinds())
	}
	for _, iface := range all {
		for _, m := range iface.Methods {
			for _, w := range word.FindAllStringSubmatch(m.Errors, -1) {
				if !slices.Contains(errs.Kinds(), errs.Kind(w[1])) {
					t.Errorf("%s.%s documents the unknown error %s", iface.Name, m.Name, w[1])
				}
			}
		}
	}
}

func TestEveryMethodNamesItsActionOrNone(t *testing.T) {
	t.Parallel()
	for _, iface := range parsed(t) {
		for _, m := range iface.Methods {
			if len(m.Actions()) == 0 && m.Action != "none" {
				t.Errorf("%s.%s has the action %q", iface.Name, m.Name, m.Action)
			}
		}
	}
}

// TestEverythingSaysSinceWhichVersionItIsThere also sees that the present version
// has brought something.
func TestEverythingSaysSinceWhichVersionItIsThere(t *testing.T) {
	t.Parallel()
	newest := uint32(0)
	check := func(what string, since, least uint32) {
		if since < least || since > api.Version {
			t.Errorf("%s: since %d is not between %d and %d", what, since, least, api.Version)
		}
		newest = max(newest, since)
	}
	checkKeys := func(what string, keys []apidoc.Key, since uint32) {
		for _, k := range keys {
			if k.Since != 0 {
				check(what+" "+k.Name, k.Since, since+1)
			}
		}
	}
	for _, iface := range parsed(t) {
		check(iface.Name, iface.Since, 1)
		for _, s := range iface.Sections {
			checkKeys(iface.Name+" "+s.Title, s.Keys, iface.Since)
		}
		for _, p := range iface.Properties {
			check(iface.Name+"."+p.Name, p.Since, iface.Since)
			checkKeys(iface.Name+"."+p.Name, p.Keys, p.Since)
		}
		for _, m := range iface.Methods {
			check(iface.Name+"."+m.Name, m.Since, iface.Since)
			for _, a := range slices.Concat(m.In, m.Out) {
				checkKeys(iface.Name+"."+m.Name+" "+a.Name, a.Keys, m.Since)
			}
		}
		for _, s := range iface.Signals {
			check(iface.Name+"."+s.Name, s.Since, iface.Since)
			for _, a := range s.Args {
				checkKeys(iface.Name+"."+s.Name+" "+a.Name, a.Keys, s.Since)
			}
		}
	}
	if newest != api.Version {
		t.Errorf("nothing is documented as new in version %d; the newest is of %d", api.Version, newest)
	}
}
