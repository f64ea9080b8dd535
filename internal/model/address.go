package model

import (
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// MaxAddress is how long the address of a medium may be, in bytes.
const MaxAddress = 2048

// mediumPorts is how the address of a medium on a web server may begin, and the
// port that it has when it names none.
var mediumPorts = map[string]uint16{"https": 443, "http": 80}

// MediumAddress is where a web server has a medium.
type MediumAddress struct {
	Scheme string // http, https
	Host   string // a name, or an IP address without brackets
	Port   uint16
	Path   string // decoded; begins with a slash
}

// ParseMediumAddress takes an address apart, and says why it is none of a medium.
// It knows the form only: nothing is asked of the network.
//
// What an address can carry besides the place of a file is refused. A name and a
// password, and a query, which often has a key in it, would be there for everybody
// to read in the VM's definition and among the arguments of QEMU.
func ParseMediumAddress(address string) (MediumAddress, error) {
	if len(address) > MaxAddress {
		return MediumAddress{}, invalid("The address is too long: %d bytes are allowed.", MaxAddress)
	}
	if bad := strings.IndexFunc(address, notInAddress); bad >= 0 {
		r, _ := utf8.DecodeRuneInString(address[bad:])
		return MediumAddress{}, invalid("An address cannot have the character “%s”. Write it in the percent form, as browsers do: %%20 for a space.", Printable(string(r)))
	}
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || mediumPorts[u.Scheme] == 0:
		return MediumAddress{}, invalid("The address must be a complete one that begins with https: or http:.")
	case u.User != nil:
		return MediumAddress{}, invalid("The address must not have a user name or a password, which everybody could read. Download the medium and choose the file.")
	case u.RawQuery != "" || u.ForceQuery:
		return MediumAddress{}, invalid("The address must not have a question mark: what follows is often a key, which everybody could read. Download the medium and choose the file.")
	case u.Fragment != "" || strings.HasSuffix(address, "#"):
		return MediumAddress{}, invalid("The address must not have a “#”, which says nothing to a server.")
	}
	a := MediumAddress{Scheme: u.Scheme, Host: u.Hostname(), Path: u.Path}
	if a.Port, err = mediumPort(u); err != nil {
		return a, err
	}
	if err := a.checkHost(); err != nil {
		return a, err
	}
	return a, a.checkPath(u.EscapedPath())
}

// notInAddress is true of what has to be escaped in an address (RFC 3986, 2).
func notInAddress(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-._~:/?#[]@!$&'()*+,;=%", r)
}

func mediumPort(u *url.URL) (uint16, error) {
	text := u.Port()
	if text == "" && !strings.HasSuffix(u.Host, ":") {
		return mediumPorts[u.Scheme], nil
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || port == 0 {
		return 0, invalid("The port in the address must be a number from 1 to 65535.")
	}
	return uint16(port), nil
}

func (a *MediumAddress) checkHost() error {
	if ip, err := netip.ParseAddr(a.Host); err == nil && ip.Zone() == "" {
		a.Host = ip.String()
		return CheckWebHost(a.Host)
	}
	if a.Host == "" || ValidateHostName(a.Host) != nil {
		return invalid("“%s” cannot be the name of a server. Write it in letters, digits, dashes and dots, or as an IP address.", Printable(a.Host))
	}
	return CheckWebHost(a.Host)
}

// checkPath wants a file. One whose name has a slash, or what is no text, is not
// what the decoded path says.
func (a *MediumAddress) checkPath(escaped string) error {
	control := func(r rune) bool { return r < ' ' || r == 0x7f }
	switch {
	case a.Path == "" || strings.HasSuffix(a.Path, "/"):
		return invalid("The address is that of a folder. Give that of an ISO image: from a folder with a kernel nothing can be installed.")
	case strings.Contains(strings.ToLower(escaped), "%2f"), !utf8.ValidString(a.Path), strings.ContainsFunc(a.Path, control):
		return invalid("The address has an escaped character that the name of a file cannot have.")
	case slices.Contains(strings.Split(a.Path, "/"), ".."):
		return invalid("The address must not go up with “..”.")
	}
	return nil
}

// String is the address as people and browsers write it, without the usual port.
// One of 0 is not known.
func (a MediumAddress) String() string {
	host := a.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if a.Port != 0 && a.Port != mediumPorts[a.Scheme] {
		host = net.JoinHostPort(a.Host, strconv.Itoa(int(a.Port)))
	}
	return (&url.URL{Scheme: a.Scheme, Host: host, Path: a.Path}).String()
}
