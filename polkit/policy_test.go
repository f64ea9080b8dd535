// Package polkit_test checks the policy that is installed for polkit.
package polkit_test

import (
	"encoding/xml"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

type policy struct {
	Actions []struct {
		ID          string `xml:"id,attr"`
		Description text   `xml:"description"`
		Message     text   `xml:"message"`
		Any         string `xml:"defaults>allow_any"`
		Inactive    string `xml:"defaults>allow_inactive"`
		Active      string `xml:"defaults>allow_active"`
		Annotations []struct {
			Key   string `xml:"key,attr"`
			Value string `xml:",chardata"`
		} `xml:"annotate"`
	} `xml:"action"`
}

type text struct {
	Domain string `xml:"gettext-domain,attr"`
	Text   string `xml:",chardata"`
}

const policyFile = "org.kvmmanager.policy.in"

// defaults is what an active local session needs for each action. polkit
// remembers a "keep" whatever the details, so it is not for actions where one
// yes must not stand for the next.
var defaults = map[string]string{
	"vm.control":         "auth_admin_keep",
	"vm.console":         "auth_admin_keep",
	"vm.snapshot":        "auth_admin_keep",
	"vm.create":          "auth_admin_keep",
	"vm.configure":       "auth_admin_keep",
	"vm.delete":          "auth_admin",
	"vm.edit-xml":        "auth_admin",
	"vm.migrate":         "auth_admin_keep",
	"vm.guest":           "auth_admin_keep",
	"secrets.read":       "auth_admin",
	"host-device.assign": "auth_admin",
	"host-path.use":      "auth_admin",
	"network.manage":     "auth_admin_keep",
	"storage.manage":     "auth_admin_keep",
	"host.manage":        "auth_admin",
	"job.cancel-other":   "auth_admin_keep",
}

func TestEveryActionIsDeclaredAsDocumented(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(policyFile)
	if err != nil {
		t.Fatal(err)
	}
	var p policy
	if err := xml.Unmarshal(data, &p); err != nil {
		t.Fatal(err)
	}
	if len(p.Actions) != len(defaults) {
		t.Errorf("%d actions, want %d", len(p.Actions), len(defaults))
	}
	seen := map[string]bool{}
	for _, a := range p.Actions {
		name := strings.TrimPrefix(a.ID, "org.kvmmanager.")
		if seen[name] {
			t.Errorf("%s is declared twice", a.ID)
		}
		seen[name] = true
		if a.Any != "auth_admin" || a.Inactive != "auth_admin" || a.Active != defaults[name] {
			t.Errorf("%s: defaults %s, %s, %s, want auth_admin, auth_admin, %s",
				a.ID, a.Any, a.Inactive, a.Active, defaults[name])
		}
		for _, text := range []text{a.Description, a.Message} {
			if text.Text == "" || text.Domain != "kvm-manager" {
				t.Errorf("%s: %q is missing or cannot be translated (domain %q)", a.ID, text.Text, text.Domain)
			}
		}
		if len(a.Annotations) != 1 || a.Annotations[0].Key != "org.freedesktop.policykit.owner" ||
			a.Annotations[0].Value != "unix-user:kvmmanager" {
			t.Errorf("%s: the service may not ask about it: %v", a.ID, a.Annotations)
		}
	}
}

func TestPolicyIsValid(t *testing.T) {
	t.Parallel()
	const dtd = "/usr/share/polkit-1/policyconfig-1.dtd"
	xmllint, err := exec.LookPath("xmllint")
	if err != nil {
		t.Skip("xmllint is not installed")
	}
	if _, err := os.Stat(dtd); err != nil {
		t.Skip("polkit's DTD is not installed")
	}
	out, err := exec.Command(xmllint, "--noout", "--nonet", "--dtdvalid", dtd, policyFile).CombinedOutput()
	if err != nil {
		t.Errorf("xmllint: %v\n%s", err, out)
	}
}

// In polkit the first rule with an answer wins, and files of equal name mask
// each other, so an example must sort before the shipped file.
func TestExamplesAreInstalledBeforeTheShippedRules(t *testing.T) {
	t.Parallel()
	entries, err := os.ReadDir("examples")
	if err != nil || len(entries) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, entry := range entries {
		data, err := os.ReadFile("examples/" + entry.Name())
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(strings.Fields(string(data)), "/etc/polkit-1/rules.d/40-"+entry.Name()+".") {
			t.Errorf("%s does not say that it goes to /etc/polkit-1/rules.d/40-%s", entry.Name(), entry.Name())
		}
	}
}
