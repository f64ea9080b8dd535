// Package config reads which hosts the service connects to, and keeps those
// that were added over D-Bus.
//
// The format and the order of files are systemd's: kvmmanager.conf, then the
// drop-ins kvmmanager.conf.d/*.conf by name, of which one in /etc masks one of
// the same name in /run, and that one in /usr/lib. Later settings replace
// earlier ones, and an empty value takes a setting back.
//
//	[Service]
//	LogLevel=info
//
//	[Host demo]
//	URI=qemu+ssh://demo.example/system
//	Enabled=yes
//
// What cannot be understood is a Problem and has no effect; everything else
// is used.
package config

import (
	"fmt"
	"log/slog"
)

// LocalID is the id of the host that is there without any configuration.
const LocalID = "local"

// Config is what the files say.
type Config struct {
	LogLevel slog.Level
	Hosts    []Host // with different ids: the local one first, the others by id
	// Incomplete says that a file or folder could not be read, so that there may
	// be more hosts, or others.
	Incomplete bool
}

// Host is one host to connect to.
type Host struct {
	ID  string
	URI string // libvirt's, validated
	// Removable says that it was added over D-Bus, and may be removed there.
	Removable bool
}

// Problem is something in a file that is not used.
type Problem struct {
	File    string
	Line    int    // counted from 1; 0 when it is about the whole file
	Message string // without a dot at its end
}

// String is the problem as compilers write it: file:line: message.
func (p Problem) String() string {
	if p.Line == 0 {
		return fmt.Sprintf("%s: %s", p.File, p.Message)
	}
	return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Message)
}
