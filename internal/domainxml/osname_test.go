package domainxml

import "testing"

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
