package domainxml

import (
	"encoding/xml"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestOSName(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{
		"http://debian.org/debian/12":              "Debian 12",
		"http://ubuntu.com/ubuntu/24.04":           "Ubuntu 24.04",
		"http://fedoraproject.org/fedora/41":       "Fedora 41",
		"http://fedoraproject.org/silverblue/41":   "Fedora Silverblue 41",
		"http://centos.org/centos-stream/9":        "CentOS Stream 9",
		"http://redhat.com/rhel/9.4":               "Red Hat Enterprise Linux 9.4",
		"http://opensuse.org/opensuse/15.5":        "openSUSE 15.5",
		"http://archlinux.org/archlinux/rolling":   "Arch Linux Rolling",
		"http://alpinelinux.org/alpinelinux/3.20":  "Alpine Linux 3.20",
		"http://freebsd.org/freebsd/14.1":          "FreeBSD 14.1",
		"http://microsoft.com/win/11":              "Windows 11",
		"http://microsoft.com/win/2k22":            "Windows Server 2022",
		"http://microsoft.com/win/xp":              "Windows XP",
		"http://debian.org/debian/testing":         "Debian Testing",
		"http://nixos.org/nixos/unknown":           "NixOS Unknown",
		"http://example.org/my-own-linux/3/server": "My Own Linux 3 server",
		"http://example.org/solo":                  "Solo",
		"http://example.org/":                      "",
		"http://example.org":                       "",
		"debian12":                                 "",
		"":                                         "",
		"%zz":                                      "",
	} {
		if got := osName(id); got != want {
			t.Errorf("%q is %q, want %q", id, got, want)
		}
	}
}

func TestOSShortID(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{
		"http://debian.org/debian/12":            "debian12",
		"http://microsoft.com/win/11":            "win11",
		"http://suse.com/sle/15.6":               "sle15sp6",
		"http://nixos.org/nixos/25.05":           "nixos-25.05",
		"http://archlinux.org/archlinux/rolling": "archlinux",
		"http://fedoraproject.org/coreos/next":   "fedora-coreos-next",
		"http://altlinux.org/alt/sisyphus":       "",
		"http://example.org/a/3/server":          "",
		"debian12":                               "",
		"":                                       "",
	} {
		if got := osShortID(id); got != want {
			t.Errorf("%q is %q, want %q", id, got, want)
		}
	}
}

// TestOSShortIDsAreThoseOfLibosinfo compares them with the database, where it is
// installed.
func TestOSShortIDsAreThoseOfLibosinfo(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("/usr/share/osinfo/os/*/*.xml")
	if err != nil || len(files) == 0 {
		t.Skip("libosinfo's database is not installed")
	}
	known, told := 0, 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var record struct {
			OS []struct {
				ID    string   `xml:"id,attr"`
				Short []string `xml:"short-id"`
			} `xml:"os"`
		}
		if err := xml.Unmarshal(data, &record); err != nil {
			t.Fatal(err)
		}
		for _, system := range record.OS {
			known++
			switch got := osShortID(system.ID); {
			case got == "":
			case slices.Contains(system.Short, got):
				told++
			default:
				t.Errorf("%s is %q, and libosinfo says %q", system.ID, got, system.Short)
			}
		}
	}
	if told < known*95/100 {
		t.Errorf("only %d of %d have a short id", told, known)
	}
}
