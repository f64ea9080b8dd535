package virt

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/model"
)

func TestWhatAGuestSaysIsTranslated(t *testing.T) {
	t.Parallel()
	got := guestInfoOf(&libvirt.DomainGuestInfo{
		Hostname: "web",
		OS:       &libvirt.DomainGuestInfoOS{ID: "debian", Name: "Debian", PrettyName: "Debian 13", Version: "13", KernelRelease: "6.12", KernelVersion: "#1", Machine: "x86_64"},
		TimeZone: &libvirt.DomainGuestInfoTimeZone{Name: "CET", Offset: 3600},
		Users:    []libvirt.DomainGuestInfoUser{{Name: "alice", LoginTime: 1_700_000_000_123}, {Name: "nobody knows when"}},
		FileSystems: []libvirt.DomainGuestInfoFileSystem{
			{MountPoint: "/", Name: "vda1", FSType: "ext4", TotalBytes: 10, UsedBytes: 4},
		},
		Interfaces: []libvirt.DomainGuestInfoInterface{{Name: "eth0", Hwaddr: "52:54:00:AA:BB:CC", Addrs: []libvirt.DomainGuestInfoIPAddress{{Addr: "192.0.2.7"}}}},
	})
	want := model.GuestInfo{
		OSID: "debian", OSName: "Debian 13", OSVersion: "13", KernelRelease: "6.12", KernelVersion: "#1", Machine: "x86_64",
		Hostname: "web", TimeZone: "CET", UTCOffset: 3600,
		Users:       []model.GuestUser{{Name: "alice", LoginAt: time.UnixMilli(1_700_000_000_123)}, {Name: "nobody knows when"}},
		Filesystems: []model.GuestFilesystem{{MountPoint: "/", Name: "vda1", Type: "ext4", Total: 10, Used: 4}},
		Interfaces:  []model.GuestInterface{{Name: "eth0", MAC: "52:54:00:aa:bb:cc", IPAddresses: []string{"192.0.2.7"}}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got := guestInfoOf(&libvirt.DomainGuestInfo{}); !reflect.DeepEqual(got, model.GuestInfo{}) {
		t.Errorf("of nothing: %+v", got)
	}
}

func TestAddressesComeFromTheBestSource(t *testing.T) {
	t.Parallel()
	m := newMemory()
	vm := &model.VM{UUID: "u", State: model.VMRunning, Interfaces: []*model.Device{{MAC: "a"}, {MAC: "b"}}}
	addresses := func() []string {
		m.complete(vm)
		return vm.IPAddresses
	}
	addresses()
	if !m.firstRun(vm) || m.firstRun(vm) || !m.needsNeighbours("u") {
		t.Error("a VM that was just seen to run is not asked about once")
	}
	m.setNeighbours("u", map[string][]string{"a": {"192.0.2.1"}, "b": {"192.0.2.2"}})
	if got := addresses(); !slices.Equal(got, []string{"192.0.2.1", "192.0.2.2"}) {
		t.Errorf("from the host's table: %v", got)
	}
	m.setLeases(map[string][]string{"b": {"192.0.2.20"}})
	if got := addresses(); !slices.Equal(got, []string{"192.0.2.1", "192.0.2.20"}) || !m.needsNeighbours("u") {
		t.Errorf("with a lease: %v", got)
	}
	m.setAgent("u", map[string][]string{"a": {"192.0.2.10"}})
	if got := addresses(); !slices.Equal(got, []string{"192.0.2.10", "192.0.2.20"}) || m.needsNeighbours("u") {
		t.Errorf("with the agent: %v", got)
	}
	vm.State = model.VMShutOff
	if got := addresses(); len(got) > 0 || m.firstRun(vm) {
		t.Errorf("off: %v", got)
	}
	vm.State = model.VMRunning
	if !m.firstRun(vm) {
		t.Error("after another start nobody is asked")
	}
}

// TestAGuestThatSaysTooMuchIsNotTold: whatever answers there may be anything.
func TestAGuestThatSaysTooMuchIsNotTold(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x\n", 1<<16)
	got := guestInfoOf(&libvirt.DomainGuestInfo{
		Hostname: long, OS: &libvirt.DomainGuestInfoOS{PrettyName: "a\u202eb"},
		Users: make([]libvirt.DomainGuestInfoUser, 10_000), FileSystems: []libvirt.DomainGuestInfoFileSystem{{MountPoint: long}},
	})
	if n := len([]rune(got.Hostname)); n != maxTold+1 || strings.Contains(got.Hostname, "\n") {
		t.Errorf("a host name of %d characters is told", n)
	}
	if got.OSName != "a?b" || len(got.Users) != maxListed || len([]rune(got.Filesystems[0].MountPoint)) != maxTold+1 {
		t.Errorf("told is %q, %d users, a mount point of %d bytes", got.OSName, len(got.Users), len(got.Filesystems[0].MountPoint))
	}
	var claimed []libvirt.DomainIPAddress
	for n := range 1000 {
		claimed = append(claimed, libvirt.DomainIPAddress{Addr: fmt.Sprintf("2001:db8::%x", n)})
	}
	claimed = append([]libvirt.DomainIPAddress{{Addr: "2001:db8::1%" + long}}, claimed...)
	addresses := byMAC([]libvirt.DomainInterface{{Hwaddr: "52:54:00:AA:BB:CC", Addrs: claimed}})["52:54:00:aa:bb:cc"]
	if len(addresses) != maxAddresses || slices.ContainsFunc(addresses, func(a string) bool { return strings.Contains(a, "%") }) {
		t.Errorf("%d addresses are told", len(addresses))
	}
}
