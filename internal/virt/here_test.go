package virt

import "testing"

func TestHostsOnThisMachineAreToldFromOthers(t *testing.T) {
	t.Parallel()
	for uri, want := range map[string]bool{
		"qemu:///system": true, "qemu+unix:///system?socket=/run/x": true, "test:///default": true,
		"qemu+ssh://root@far.example/system": false, "qemu+tls://10.0.0.7/system": false, "qemu+ssh://[fd00::1]:22/system": false, "%": false,
	} {
		if got := IsHere(uri); got != want {
			t.Errorf("%s: %v", uri, got)
		}
	}
}
