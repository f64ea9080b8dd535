package journal

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

const catalogFile = "../../systemd/kvmmanager.catalog"

// catalog reads the explanations by id.
func catalog(t *testing.T) map[ID]string {
	t.Helper()
	data, err := os.ReadFile(catalogFile)
	if err != nil {
		t.Fatal(err)
	}
	parts := regexp.MustCompile(`(?m)^-- ([0-9a-f]*)$`).FindAllStringSubmatchIndex(string(data), -1)
	entries := map[ID]string{}
	for i, part := range parts {
		end := len(data)
		if i+1 < len(parts) {
			end = parts[i+1][0]
		}
		id := ID(data[part[2]:part[3]])
		if _, twice := entries[id]; twice {
			t.Errorf("%s is in the catalog twice", id)
		}
		entries[id] = string(data[part[1]:end])
	}
	return entries
}

func TestTheCatalogExplainsEveryID(t *testing.T) {
	t.Parallel()
	entries := catalog(t)
	if len(entries) != len(IDs()) {
		t.Errorf("%d explanations of %d ids", len(entries), len(IDs()))
	}
	form := regexp.MustCompile(`^[0-9a-f]{32}$`)
	seen := map[ID]bool{}
	for _, id := range IDs() {
		if !form.MatchString(string(id)) || seen[id] {
			t.Errorf("%q is no id of its own", id)
		}
		seen[id] = true
		header, text, _ := strings.Cut(strings.TrimSpace(entries[id]), "\n\n")
		for _, field := range []string{"Subject: ", "Defined-By: KVM Manager", "Support: "} {
			if !strings.Contains(header, field) {
				t.Errorf("the explanation of %s has no %q", id, field)
			}
		}
		if strings.TrimSpace(text) == "" {
			t.Errorf("the explanation of %s is empty", id)
		}
	}
}

func TestTheCatalogUsesFieldsThatEntriesHave(t *testing.T) {
	t.Parallel()
	// What the code logs with each id, beyond what Audit does.
	fields := map[ID][]string{
		ServiceStarted:       {"version"},
		HostConnected:        {"host", "uri"},
		HostDisconnected:     {"host", "uri", "error"},
		ConfigurationProblem: {"file", "line"},
		AuthorizedChange:     {"uid", "pid", "method", "object", "action", "outcome"},
		ChangeRefused:        {"uid", "pid", "method", "object", "action", "outcome"},
		VMCrashed:            {"host", "vm_name", "vm_uuid"},
	}
	placeholder := regexp.MustCompile(`@([^@\s]+)@`)
	for id, text := range catalog(t) {
		has := map[string]bool{}
		for _, key := range fields[id] {
			has[field{name: key}.journalName()] = true
		}
		for _, match := range placeholder.FindAllStringSubmatch(text, -1) {
			if !has[match[1]] {
				t.Errorf("%s: no entry has the field %s", id, match[1])
			}
		}
	}
}
