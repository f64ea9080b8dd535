package config

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"org.kvmmanager/internal/errs"
)

const (
	maxID  = 64
	maxURI = 1024
)

var (
	idPattern = regexp.MustCompile(`^[a-z0-9-]+$`)
	// libvirt and net/url need not agree on what other characters mean. No
	// percent sign: a parameter's name could hide behind one.
	busURIPattern = regexp.MustCompile(`^[A-Za-z0-9+._:/@?&=~\[\]-]+$`)
)

// drivers and transports of libvirt URIs, as in qemu+ssh.
var (
	drivers    = []string{"bhyve", "ch", "lxc", "qemu", "test", "vbox", "vz", "xen"}
	transports = []string{"", "ext", "libssh", "libssh2", "ssh", "tcp", "tls", "unix"}
)

// busParameters are those that cannot make the service run a program, open a
// file or trust somebody else.
var busParameters = []string{"keepalive_count", "keepalive_interval", "mode", "no_tty", "proxy"}

// ValidateID says whether a host may have this id.
func ValidateID(id string) error {
	if len(id) > maxID || !idPattern.MatchString(id) {
		return invalid("A host's id has 1 to 64 characters out of a to z, 0 to 9 and the dash.")
	}
	return nil
}

// ValidateURI says whether libvirt may be given this URI. A URI that comes
// over the bus is opened by the service for somebody else, so it may name only
// machines, and nothing on this one but its libvirt: no programs, files,
// sockets or keys.
//
// An error never repeats the URI, which may hold a password.
func ValidateURI(uri string, fromBus bool) error {
	u, err := url.Parse(uri)
	if uri == "" || len(uri) > maxURI || err != nil || u.Scheme == "" || u.Opaque != "" ||
		u.Fragment != "" || strings.ContainsFunc(uri, notGraphic) {
		return invalid("The URI is not of the form driver[+transport]://[user@][host][:port]/path, such as qemu+ssh://host.example/system.")
	}
	driver, transport, _ := strings.Cut(u.Scheme, "+")
	if !slices.Contains(drivers, driver) {
		return invalid("The URI's driver is not one of %s.", strings.Join(drivers, ", "))
	}
	if !slices.Contains(transports, transport) {
		return invalid("The URI's transport is not one of %s.", strings.Join(transports[1:], ", "))
	}
	if _, has := u.User.Password(); has {
		return invalid("The URI must not contain a password.")
	}
	// ssh would take it for an option.
	if strings.HasPrefix(u.Hostname(), "-") || strings.HasPrefix(u.User.Username(), "-") {
		return invalid("The URI's host and user must not begin with a dash.")
	}
	parameters, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return invalid("The URI's parameters are not of the form name=value&name=value.")
	}
	if fromBus {
		return validateBusURI(uri, u, driver, transport, parameters)
	}
	return nil
}

func validateBusURI(uri string, u *url.URL, driver, transport string, parameters url.Values) error {
	if !busURIPattern.MatchString(uri) {
		return invalid("The URI has a character that is allowed only in the configuration file.")
	}
	for name := range parameters {
		if !slices.Contains(busParameters, name) {
			return invalid("The URI's parameter %q is allowed only in the configuration file.", name)
		}
	}
	if transport == "ext" {
		return invalid("The transport ext runs a program, and is allowed only in the configuration file.")
	}
	// libvirt ignores the host of a URI whose transport is unix.
	remote := u.Hostname() != "" && transport != "unix"
	if !slices.Contains(busPaths(driver, remote), u.Path) {
		return invalid("The URI's path is allowed only in the configuration file. Use /system.")
	}
	return nil
}

// busPaths are the paths that name a libvirt daemon. On this machine, session
// and embed would run the callers' VMs as the service's own user, and another
// path of the test driver is a file.
func busPaths(driver string, remote bool) []string {
	switch {
	case driver == "test":
		return []string{"/default"}
	case remote:
		return []string{"/system", "/session"}
	default:
		return []string{"/system"}
	}
}

func notGraphic(c rune) bool { return c <= ' ' || c > '~' }

func invalid(format string, args ...any) error {
	return errs.New(errs.InvalidArgument, format, args...)
}
