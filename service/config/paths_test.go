package config

import (
	"slices"
	"testing"
)

func TestSystemPaths(t *testing.T) {
	t.Parallel()
	p := System()
	if p.Main[0] != "/etc/kvmmanager/kvmmanager.conf" || p.DropIns[2] != "/usr/lib/kvmmanager/kvmmanager.conf.d" ||
		p.State != "/var/lib/kvmmanager/hosts.conf" || p.LocalURI != "qemu:///system" {
		t.Errorf("got %+v", p)
	}
}

func TestSessionPaths(t *testing.T) { // sets the environment, so it is not parallel
	tests := map[string]struct {
		home, config, state string
		main                []string
		hosts               string
	}{
		"as the environment says": {
			"/home/a", "/c", "/s", []string{"/c/kvmmanager/kvmmanager.conf"}, "/s/kvmmanager/hosts.conf",
		},
		"below the home folder otherwise": {
			"/home/a", "", "", []string{"/home/a/.config/kvmmanager/kvmmanager.conf"}, "/home/a/.local/state/kvmmanager/hosts.conf",
		},
		"relative paths are ignored": {
			"/home/a", "c", "s", []string{"/home/a/.config/kvmmanager/kvmmanager.conf"}, "/home/a/.local/state/kvmmanager/hosts.conf",
		},
		"nowhere without a home": {"", "", "", nil, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Setenv("HOME", test.home)
			t.Setenv("XDG_CONFIG_HOME", test.config)
			t.Setenv("XDG_STATE_HOME", test.state)
			p := Session()
			if !slices.Equal(p.Main, test.main) || p.State != test.hosts || p.LocalURI != "qemu:///session" {
				t.Errorf("got %+v", p)
			}
		})
	}
}
