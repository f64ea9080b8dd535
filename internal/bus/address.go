package bus

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/godbus/dbus/v5"
)

// SystemAddress is where the system bus is.
func SystemAddress() string {
	if a := os.Getenv("DBUS_SYSTEM_BUS_ADDRESS"); a != "" {
		return a
	}
	return "unix:path=/run/dbus/system_bus_socket;unix:path=/var/run/dbus/system_bus_socket"
}

// SessionAddress is where the user's bus is.
func SessionAddress() string {
	if a := os.Getenv("DBUS_SESSION_BUS_ADDRESS"); a != "" {
		return a
	}
	return "unix:path=" + dbus.EscapeBusAddressValue(runtimeDir()+"/bus")
}

func runtimeDir() string {
	if d := os.Getenv("XDG_RUNTIME_DIR"); d != "" {
		return d
	}
	return fmt.Sprintf("/run/user/%d", os.Getuid())
}

// Dial connects to the first of the addresses that answers.
func Dial(addresses string) (*net.UnixConn, error) {
	var failures []error
	for _, address := range strings.Split(addresses, ";") {
		if address == "" {
			continue
		}
		name, err := socketName(address)
		if err == nil {
			var conn *net.UnixConn
			if conn, err = net.DialUnix("unix", nil, &net.UnixAddr{Name: name, Net: "unix"}); err == nil {
				return conn, nil
			}
		}
		failures = append(failures, err)
	}
	if failures == nil {
		return nil, errors.New("cannot connect to the bus: its address is empty")
	}
	return nil, fmt.Errorf("cannot connect to the bus: %w", errors.Join(failures...))
}

// socketName is the socket of a D-Bus address, as net has it. Only local buses
// can pass descriptors and credentials, so there are no others here.
func socketName(address string) (string, error) {
	transport, keys, _ := strings.Cut(address, ":")
	if transport != "unix" {
		return "", fmt.Errorf("the address %q is not of a Unix socket", address)
	}
	for _, pair := range strings.Split(keys, ",") {
		key, escaped, _ := strings.Cut(pair, "=")
		value, err := dbus.UnescapeBusAddressValue(escaped)
		if err != nil {
			return "", fmt.Errorf("the address %q is malformed: %w", address, err)
		}
		switch {
		case key == "path":
			return value, nil
		case key == "abstract":
			return "@" + value, nil
		case key == "runtime" && value == "yes":
			return runtimeDir() + "/bus", nil
		}
	}
	return "", fmt.Errorf("the address %q names no socket", address)
}
