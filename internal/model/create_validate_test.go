package model

import (
	"strings"
	"testing"
)

func ref[T any](v T) *T { return &v }

func TestValidateVMSpec(t *testing.T) {
	t.Parallel()
	iso := VMSource{Kind: SourceISO, Volume: "/v"}
	for _, tt := range []struct {
		name  string
		spec  VMSpec
		wrong string
	}{
		{"just a name", VMSpec{}, ""},
		{"everything", VMSpec{
			Title: "t", OS: "debian12", Source: iso, VCPUs: 2, Memory: 1 << 30, Firmware: "uefi", SecureBoot: ref(true), Machine: "q35",
			Disks: []DiskSpec{{Size: 1 << 30, Format: "raw", Bus: "sata"}, {Volume: "/v"}}, Networks: []NetworkSpec{{}, {Network: "/n", MAC: "52:54:00:aa:bb:cc"}},
		}, ""},
		{"a bad title", VMSpec{Title: "a\nb"}, "control"},
		{"an unknown source", VMSpec{Source: VMSource{Kind: "tape\n"}}, "“tape?”"},
		{"a source without a file", VMSpec{Source: VMSource{Kind: SourceImage}}, "exactly one"},
		{"a source with two", VMSpec{Source: VMSource{Kind: SourceISO, Volume: "/v", Path: "/a"}}, "exactly one"},
		{"an address for an image", VMSpec{Source: VMSource{Kind: SourceImage, URL: "http://a"}}, "exactly one"},
		{"a file for PXE", VMSpec{Source: VMSource{Kind: SourcePXE, Volume: "/v"}}, "takes no file"},
		{"a file for nothing", VMSpec{Source: VMSource{Volume: "/v"}}, "takes no file"},
		{"a descriptor in place", VMSpec{Source: VMSource{Kind: SourceImage, FD: ref(FD(0)), Copy: ref(false)}}, "copied"},
		{"a relative path", VMSpec{Source: VMSource{Kind: SourceISO, Path: "a.iso"}}, "absolute"},
		{"a format of a medium", VMSpec{Source: VMSource{Kind: SourceISO, Path: "/a", Format: "raw"}}, "no format"},
		{"another format", VMSpec{Source: VMSource{Kind: SourceImage, Path: "/a", Format: "vmdk"}}, "qcow2 or raw"},
		{"an address", VMSpec{Source: VMSource{Kind: SourceURL, URL: "https://a.example/x&y.iso"}}, ""},
		{"an address with a format", VMSpec{Source: VMSource{Kind: SourceURL, URL: "https://a.example/x.iso", Format: "raw"}}, "nothing else"},
		{"a file for an address", VMSpec{Source: VMSource{Kind: SourceURL, URL: "file:///etc/passwd"}}, "https:"},
		{"no address", VMSpec{Source: VMSource{Kind: SourceURL}}, "address"},
		{"too many CPUs", VMSpec{VCPUs: MaxNewVCPUs + 1}, "CPUs"},
		{"too little memory", VMSpec{Memory: 1}, "memory"},
		{"too much memory", VMSpec{Memory: 1 << 60}, "memory"},
		{"too small a disk", VMSpec{DiskSize: 1}, "size"},
		{"disks twice", VMSpec{DiskSize: 1 << 30, Disks: []DiskSpec{}}, "either"},
		{"a volume with a size", VMSpec{Disks: []DiskSpec{{Volume: "/v", Size: 1 << 30}}}, "either"},
		{"a disk on a strange bus", VMSpec{Disks: []DiskSpec{{Bus: "isa"}}}, "bus"},
		{"a volume above its pool", VMSpec{Disks: []DiskSpec{{Name: "../a"}}}, "slash"},
		{"too many disks", VMSpec{Disks: make([]DiskSpec, MaxNewDevices+1)}, "too many"},
		{"a strange firmware", VMSpec{Firmware: "coreboot"}, "bios or uefi"},
		{"Secure Boot with a BIOS", VMSpec{Firmware: "bios", SecureBoot: ref(true)}, "needs UEFI"},
		{"a strange machine", VMSpec{Machine: "q35'/>"}, "machine type"},
		{"an interface in two places", VMSpec{Networks: []NetworkSpec{{Network: "/n", Bridge: "br0"}}}, "one place"},
		{"user networking", VMSpec{Networks: []NetworkSpec{{User: true, PortForwards: []PortForward{{Protocol: "tcp", HostPort: 2222, GuestPort: 22}}}}}, ""},
		{"user networking in a network", VMSpec{Networks: []NetworkSpec{{User: true, Network: "/n"}}}, "one place"},
		{"ports of a network", VMSpec{Networks: []NetworkSpec{{PortForwards: []PortForward{{Protocol: "tcp", HostPort: 2222}}}}}, "“user”"},
		{"a bad port", VMSpec{Networks: []NetworkSpec{{User: true, PortForwards: []PortForward{{Protocol: "tcp", HostPort: 22}}}}}, "below 1024"},
		{"the same port twice", VMSpec{Networks: []NetworkSpec{
			{User: true, PortForwards: []PortForward{{Protocol: "tcp", HostPort: 2222}}},
			{User: true, PortForwards: []PortForward{{Protocol: "tcp", HostPort: 2222}}},
		}}, "twice"},
		{"a bad MAC", VMSpec{Networks: []NetworkSpec{{MAC: "1"}}}, "MAC"},
		{"a bad model", VMSpec{Networks: []NetworkSpec{{Model: "<"}}}, "model"},
		{"a bad bridge", VMSpec{Networks: []NetworkSpec{{Bridge: "a b"}}}, "name of a network interface"},
		{"too many interfaces", VMSpec{Networks: make([]NetworkSpec, MaxNewDevices+1)}, "too many"},
		{"cloud-init for a medium", VMSpec{Source: iso, CloudInit: &CloudInit{}}, "cloud-init"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.spec.Name = "web"
			check(t, ValidateVMSpec(&tt.spec), tt.wrong)
		})
	}
}

func TestValidateCloudInit(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		data  CloudInit
		wrong string
	}{
		{"nothing", CloudInit{}, ""},
		{"everything", CloudInit{
			User: "alice_1", Password: "pä<&>\"' 💻", SSHKeys: []string{"ssh-ed25519 AAAA a & b"},
			HostName: "web-1.example.org", Packages: []string{"qemu-guest-agent", "g++", "python3=3.11"},
		}, ""},
		{"a user like an option", CloudInit{User: "-rf"}, "user name"},
		{"a user with a colon", CloudInit{User: "a:b"}, "user name"},
		{"a password of two lines", CloudInit{Password: "a\nb"}, "control"},
		{"a long password", CloudInit{Password: strings.Repeat("x", MaxPassword+1)}, "too long"},
		{"a private key", CloudInit{SSHKeys: []string{"-----BEGIN OPENSSH PRIVATE KEY-----"}}, "private"},
		{"two keys in one", CloudInit{SSHKeys: []string{"ssh-rsa AAAA\nssh-rsa BBBB"}}, "control"},
		{"no key", CloudInit{SSHKeys: []string{"hello world"}}, "type"},
		{"many keys", CloudInit{SSHKeys: make([]string, MaxSSHKeys+1)}, "too many"},
		{"an underscore in the host name", CloudInit{HostName: "a_b"}, "host name"},
		{"a dash at its end", CloudInit{HostName: "a-.b"}, "host name"},
		{"a package like an option", CloudInit{Packages: []string{"--force"}}, "package"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			check(t, ValidateVMSpec(&VMSpec{Name: "web", Source: VMSource{Kind: SourceCloud, Volume: "/v"}, CloudInit: &tt.data}), tt.wrong)
		})
	}
}
