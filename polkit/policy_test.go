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

// right is what an action is declared with, and what it is worth.
type right struct {
	active string // the default of an active local session
	// rootEqual says that the action is, or can be, as good as root on the host,
	// for the reason in docs/SECURITY.md.
	rootEqual bool
}

// rights are the actions. polkit remembers a "keep" whatever the details, and for
// every program of the session, so no action has it that is as good as root or
// whose effect cannot be taken back.
var rights = map[string]right{
	"read":               {"yes", false},
	"vm.control":         {"auth_admin_keep", false},
	"vm.console":         {"auth_admin_keep", false},
	"vm.snapshot":        {"auth_admin_keep", false},
	"vm.create":          {"auth_admin_keep", false},
	"vm.configure":       {"auth_admin_keep", false},
	"vm.delete":          {"auth_admin", false},
	"vm.edit-xml":        {"auth_admin", true},
	"vm.migrate":         {"auth_admin", false},
	"vm.guest":           {"auth_admin_keep", false},
	"secrets.read":       {"auth_admin", false},
	"host-device.assign": {"auth_admin", true},
	"host-path.use":      {"auth_admin", true},
	"network.manage":     {"auth_admin_keep", false},
	"storage.manage":     {"auth_admin", true},
	"host.manage":        {"auth_admin", false},
	"job.cancel-other":   {"auth_admin_keep", false},
}

func TestEveryActionIsDeclaredAsDocumented(t *testing.T) {
	t.Parallel()
	p := readPolicy(t)
	if len(p.Actions) != len(rights) {
		t.Errorf("%d actions, want %d", len(p.Actions), len(rights))
	}
	seen := map[string]bool{}
	for _, a := range p.Actions {
		name := strings.TrimPrefix(a.ID, "org.kvmmanager.")
		if seen[name] {
			t.Errorf("%s is declared twice", a.ID)
		}
		seen[name] = true
		others := "auth_admin"
		if name == "read" {
			others = "yes"
		}
		if a.Any != others || a.Inactive != others || a.Active != rights[name].active {
			t.Errorf("%s: defaults %s, %s, %s, want %s, %s, %s",
				a.ID, a.Any, a.Inactive, a.Active, others, others, rights[name].active)
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

func readPolicy(t *testing.T) policy {
	t.Helper()
	data, err := os.ReadFile(policyFile)
	if err != nil {
		t.Fatal(err)
	}
	var p policy
	if err := xml.Unmarshal(data, &p); err != nil {
		t.Fatal(err)
	}
	return p
}

// TestWhatEqualsRootIsNotKept: after one password every program of the session
// would be root for some minutes. The description and the documentation say what
// the action is worth.
func TestWhatEqualsRootIsNotKept(t *testing.T) {
	t.Parallel()
	security, err := os.ReadFile("../docs/SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range readPolicy(t).Actions {
		name := strings.TrimPrefix(a.ID, "org.kvmmanager.")
		equal := rights[name].rootEqual
		for _, answer := range []string{a.Any, a.Inactive, a.Active} {
			if equal && answer != "auth_admin" {
				t.Errorf("%s is as good as root, and allowed with %s", a.ID, answer)
			}
		}
		if strings.Contains(a.Description.Text, "as good as root on the host") != equal {
			t.Errorf("%s is as good as root: %v; its description: %s", a.ID, equal, a.Description.Text)
		}
		if sentences := strings.Split(strings.TrimSuffix(a.Description.Text, "."), ". "); len(sentences) != 2 {
			t.Errorf("%s does not say what it is worth in a sentence: %s", a.ID, a.Description.Text)
		}
		yesNo := map[bool]string{true: "yes", false: "no"}
		kept := map[string]string{"yes": "(allowed)"}[a.Active]
		if kept == "" {
			kept = yesNo[a.Active == "auth_admin_keep"]
		}
		if row := "\n| `" + name + "` | " + yesNo[equal] + " | " + kept + " | "; !strings.Contains(string(security), row) {
			t.Errorf("docs/SECURITY.md does not have%s", row)
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
