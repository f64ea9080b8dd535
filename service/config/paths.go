package config

import (
	"os"
	"path/filepath"
)

const mainFile = "kvmmanager.conf"

// Paths says where the configuration is.
type Paths struct {
	Main     []string // the first of them that exists is read
	DropIns  []string // folders; a file masks those of the same name in later folders
	State    string   // hosts added over D-Bus; empty: none can be added
	LocalURI string   // of the local host, unless configured otherwise
	// MustExist makes it a problem when there is no main file.
	MustExist bool
}

// System is the configuration of the system's service.
func System() Paths {
	return inFolders("/var/lib/kvmmanager", "qemu:///system",
		"/etc/kvmmanager", "/run/kvmmanager", "/usr/lib/kvmmanager")
}

// Session is the configuration of the calling user's own service, by the
// rules of the XDG base directory specification.
func Session() Paths {
	state := userFolder("XDG_STATE_HOME", ".local/state")
	if config := userFolder("XDG_CONFIG_HOME", ".config"); config != "" {
		return inFolders(state, "qemu:///session", config)
	}
	return inFolders(state, "qemu:///session")
}

// WithFile reads one file in place of the usual ones.
func (p Paths) WithFile(file string) Paths {
	p.Main, p.DropIns, p.MustExist = []string{file}, nil, true
	return p
}

// StateFolder is a folder beside the file of hosts, for what else outlives the
// process; empty where nothing does.
func (p Paths) StateFolder(name string) string {
	if p.State == "" {
		return ""
	}
	return filepath.Join(filepath.Dir(p.State), name)
}

func inFolders(state, localURI string, folders ...string) Paths {
	p := Paths{LocalURI: localURI}
	for _, folder := range folders {
		p.Main = append(p.Main, filepath.Join(folder, mainFile))
		p.DropIns = append(p.DropIns, filepath.Join(folder, mainFile+".d"))
	}
	if state != "" {
		p.State = filepath.Join(state, "hosts.conf")
	}
	return p
}

// userFolder is kvmmanager's folder below the one that the variable names, or
// its default in the home folder. It is empty for a user without a home.
func userFolder(variable, otherwise string) string {
	base := os.Getenv(variable)
	if !filepath.IsAbs(base) { // the specification wants others ignored
		home, err := os.UserHomeDir()
		if err != nil {
			return ""
		}
		base = filepath.Join(home, otherwise)
	}
	return filepath.Join(base, "kvmmanager")
}
