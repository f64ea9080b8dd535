package main

import (
	"os"
	"regexp"
	"testing"

	api "org.kvmmanager/dbus"
	"org.kvmmanager/dbus/apidoc"
)

var (
	busctlCall = regexp.MustCompile(`busctl (?:-\S+ )*call (?:-\S+ )*org\.kvmmanager \S+ (org\.kvmmanager\.\w+) (\w+) (\S+)`)
	gdbusCall  = regexp.MustCompile(`gdbus call [^\n]*-m (org\.kvmmanager\.\w+)\.(\w+)`)
)

func TestExamplesCallMethodsWithTheirSignatures(t *testing.T) {
	t.Parallel()
	signatures := map[string]string{}
	for _, document := range api.XML() {
		iface, err := apidoc.Parse(document)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range iface.Methods {
			for _, a := range m.In {
				signatures[iface.Name+"."+m.Name] += a.Type
			}
		}
	}
	for file, least := range map[string]int{"../API.md": 5, "../SCRIPTING.md": 20} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		calls := 0
		lines := regexp.MustCompile(`\\\n *`).ReplaceAllString(string(text), "")
		for _, call := range busctlCall.FindAllStringSubmatch(lines, -1) {
			calls++
			if want := signatures[call[1]+"."+call[2]]; call[3] != want {
				t.Errorf("%s: %s has the signature %q", file, call[0], want)
			}
		}
		for _, call := range gdbusCall.FindAllStringSubmatch(lines, -1) {
			calls++
			if signatures[call[1]+"."+call[2]] == "" {
				t.Errorf("%s: %s calls a method that does not exist", file, call[0])
			}
		}
		if calls < least {
			t.Errorf("%s: only %d calls were found", file, calls)
		}
	}
}
