package domainxml

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// products are the operating systems whose names the last parts of a libosinfo
// id do not spell.
var products = map[string]string{
	"almalinux":     "AlmaLinux",
	"alpinelinux":   "Alpine Linux",
	"archlinux":     "Arch Linux",
	"centos":        "CentOS",
	"centos-stream": "CentOS Stream",
	"dragonflybsd":  "DragonFly BSD",
	"eos":           "Endless OS",
	"fcos":          "Fedora CoreOS",
	"freebsd":       "FreeBSD",
	"freedos":       "FreeDOS",
	"haikuos":       "Haiku",
	"macosx":        "macOS",
	"msdos":         "MS-DOS",
	"netbsd":        "NetBSD",
	"nixos":         "NixOS",
	"ol":            "Oracle Linux",
	"openbsd":       "OpenBSD",
	"opensuse":      "openSUSE",
	"pop_os":        "Pop!_OS",
	"rhel":          "Red Hat Enterprise Linux",
	"rocky":         "Rocky Linux",
	"silverblue":    "Fedora Silverblue",
	"sle":           "SUSE Linux Enterprise",
	"sles":          "SUSE Linux Enterprise Server",
	"win":           "Windows",
}

// windowsVersions are Microsoft's names where they are not the id's.
var windowsVersions = map[string]string{
	"xp": "XP", "vista": "Vista", "2k": "2000", "2k3": "Server 2003", "2k3r2": "Server 2003 R2",
	"2k8": "Server 2008", "2k8r2": "Server 2008 R2", "2k12": "Server 2012", "2k12r2": "Server 2012 R2",
	"2k16": "Server 2016", "2k19": "Server 2019", "2k22": "Server 2022", "2k25": "Server 2025",
}

// osName makes a name for people of a libosinfo id, whose path is a product and
// a version (http://debian.org/debian/12 is Debian 12). It is a modest stand-in
// for the name that libosinfo's database has; an id of another form has none.
func osName(id string) string {
	u, err := url.Parse(id)
	if err != nil || u.Host == "" {
		return ""
	}
	product, version, _ := strings.Cut(strings.Trim(u.Path, "/"), "/")
	if product == "" {
		return ""
	}
	version = strings.ReplaceAll(version, "/", " ")
	if w, ok := windowsVersions[version]; ok && product == "win" {
		version = w
	}
	return strings.TrimSpace(productName(product) + " " + versionName(version))
}

func productName(product string) string {
	if name, ok := products[product]; ok {
		return name
	}
	return title(strings.ReplaceAll(product, "-", " "))
}

// versionName capitalizes the words that stand for a version: unknown, rolling.
func versionName(version string) string {
	if len(version) > 1 && !strings.ContainsAny(version, "0123456789") {
		return title(version)
	}
	return version
}

func title(s string) string {
	words := strings.Fields(s)
	for i, w := range words {
		r, size := utf8.DecodeRuneInString(w)
		words[i] = string(unicode.ToUpper(r)) + w[size:]
	}
	return strings.Join(words, " ")
}

// dashed are the products whose short ids have a dash before the version, and
// dashedVersions the versions that have one after whatever product.
var (
	dashed         = []string{"nixos", "guix-system", "gnome-continuous", "rhel-atomic", "android-x86"}
	dashedVersions = []string{"unknown", "current", "rawhide", "eln", "factory"}
)

// servicePack is a version of SUSE's enterprise systems.
var servicePack = regexp.MustCompile(`^([0-9]+)\.([0-9]+)$`)

// osShortID makes libosinfo's short id of its id, such as debian12 of
// http://debian.org/debian/12. It is empty where the database has none that follows
// from the id.
func osShortID(id string) string {
	u, err := url.Parse(id)
	if err != nil || u.Host == "" {
		return ""
	}
	product, version, _ := strings.Cut(strings.Trim(u.Path, "/"), "/")
	switch {
	case strings.Contains(version, "/"), product == "alt", product == "mes", product == "hipster", product == "bloody":
		return ""
	case version == "", version == "rolling":
		return product
	case product == "coreos":
		return "fedora-coreos-" + version
	case product == "sle", product == "sles", product == "sled":
		if m := servicePack.FindStringSubmatch(version); m != nil {
			return product + m[1] + "sp" + m[2]
		}
	}
	if slices.Contains(dashed, product) || slices.Contains(dashedVersions, version) {
		return product + "-" + version
	}
	return product + version
}
