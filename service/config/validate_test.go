package config

import (
	"strings"
	"testing"

	"org.kvmmanager/internal/errs"
)

func TestValidateID(t *testing.T) {
	t.Parallel()
	tests := map[string]bool{
		"local": true, "web-1": true, "7": true, strings.Repeat("a", 64): true,
		"": false, strings.Repeat("a", 65): false, "Web": false, "a b": false, "a_b": false, "ä": false, "a\n": false, "a]": false,
	}
	for id, valid := range tests {
		err := ValidateID(id)
		if valid != (err == nil) || err != nil && !errs.Is(err, errs.InvalidArgument) {
			t.Errorf("%q: %v", id, err)
		}
	}
}

func TestValidateURI(t *testing.T) {
	t.Parallel()
	const (
		never  = iota
		inFile // only in the administrator's files
		anywhere
	)
	tests := map[string]int{
		"qemu:///system":                                           anywhere,
		"test:///default":                                          anywhere,
		"qemu+unix:///system":                                      anywhere,
		"qemu://host/system":                                       anywhere,
		"qemu+ssh://user@host.example:22/system":                   anywhere,
		"qemu+ssh://host/session":                                  anywhere,
		"qemu+tls://[2001:db8::1]/system":                          anywhere,
		"qemu+libssh2://host/system?keepalive_interval=5&no_tty=1": anywhere,
		"xen:///system":                                            anywhere,

		// They run programs or read files as the service.
		"qemu+ssh://host/system?command=/tmp/x":       inFile,
		"qemu+ssh://host/system?netcat=/tmp/x":        inFile,
		"qemu+ssh://host/system?keyfile=/etc/shadow":  inFile,
		"qemu+ssh://host/system?no_verify=1":          inFile,
		"qemu+ssh://host/system?known_hosts=/tmp/x":   inFile,
		"qemu+tls://host/system?pkipath=/tmp":         inFile,
		"qemu://host/system?authfile=/tmp/x":          inFile,
		"qemu:///system?socket=/tmp/x":                inFile,
		"qemu+unix:///system?socket=/tmp/x":           inFile,
		"qemu+unix:///system?mode=direct&socket=/x":   inFile,
		"qemu+ssh://host/system?COMMAND=/tmp/x":       inFile,
		"qemu+ssh://host/system?%63ommand=/tmp/x":     inFile,
		"qemu+ssh://host/system?name=qemu:///session": inFile,
		"qemu+ext://host/system":                      inFile,
		"qemu+ext:///system?command=/tmp/x":           inFile,
		"test:///etc/shadow":                          inFile,
		"test+unix://host/etc/shadow":                 inFile,
		"qemu:///embed?root=/tmp":                     inFile,
		"qemu:///embed":                               inFile,
		"qemu:///session":                             inFile, // QEMU as the service's user
		"qemu+unix://host/session":                    inFile, // the host is ignored
		"qemu+ssh://:22/session":                      inFile,
		"qemu+ssh://ho%73t/system":                    never,
		"qemu:///%73ession":                           inFile,
		"qemu+ssh://host/system?keepalive_count=1,2":  inFile,
		"qemu:///system/../session":                   inFile,
		"qemu+ssh://host/system/":                     inFile,
		"qemu://host":                                 inFile,
		"qemu+ssh://host;command=x/system":            inFile,

		"":                                   never,
		"qemu":                               never,
		"qemu:system":                        never,
		"/system":                            never,
		"http://host/":                       never,
		"QEMU+rsh://host/system":             never,
		"qemu+ssh+tls://host/system":         never,
		"qemu+://host:x/system":              never,
		"qemu+ssh://user:secret@host/system": never,
		"qemu+ssh://user:@host/system":       never,
		"qemu+ssh://-oProxyCommand=x/system": never,
		"qemu+ssh://-oProxyCommand=x@host/system":        never,
		"qemu+ssh://%2duser@host/system":                 never,
		"qemu+ssh://%2doProxyCommand=x/system":           never,
		"qemu+ssh://host/system#fragment":                never,
		"qemu+ssh://host/system?no_tty=1;command=/x":     never,
		"qemu+ssh://host/sys tem":                        never,
		"qemu+ssh://host/system\nURI=x":                  never,
		"qemu+ssh://hóst/system":                         never,
		"qemu+ssh://host/" + strings.Repeat("x", maxURI): never,
	}
	for uri, want := range tests {
		t.Run(uri, func(t *testing.T) {
			t.Parallel()
			fromFile, fromBus := ValidateURI(uri, false), ValidateURI(uri, true)
			if (fromFile == nil) != (want >= inFile) || (fromBus == nil) != (want >= anywhere) {
				t.Errorf("in a file: %v; over the bus: %v", fromFile, fromBus)
			}
			for _, err := range []error{fromFile, fromBus} {
				if err != nil && (!errs.Is(err, errs.InvalidArgument) || strings.Contains(err.Error(), "secret")) {
					t.Errorf("the error is %v", err)
				}
			}
		})
	}
}
