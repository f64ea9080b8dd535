package virt

import (
	"strings"
	"testing"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/domainxml"
	"org.kvmmanager/internal/model"
)

func TestWhatKeepsAVMFromStartingIsFound(t *testing.T) {
	t.Parallel()
	disk := []domainxml.DiskNeed{{ID: "disk-vda", Target: "vda", Path: "/srv/a.qcow2"}}
	open := func(string) (passage, bool) { return passage{everybody: true}, true }
	closed := func(string) (passage, bool) { return passage{rootOnly: true}, true }
	doubtful := func(string) (passage, bool) { return passage{}, true }
	pools := []*model.StoragePool{{Name: "default", Kind: "dir", State: model.PoolRunning, Target: "/var/lib/libvirt/images"}}
	somebodys := func(dir string) (passage, bool) {
		return passage{everybody: dir != "/srv", rootOnly: dir == "/srv"}, true
	}
	for _, tt := range []struct {
		name   string
		facts  startFacts
		stat   statFunc
		gone   string // a file that is not there
		want   string // id and status
		says   string
		advice string
	}{
		{name: "nothing", facts: startFacts{needs: domainxml.StartNeeds{Disks: disk}}, stat: open},
		{
			name: "KVM", facts: startFacts{needs: domainxml.StartNeeds{KVM: true}, caps: model.Capabilities{DomainTypes: []string{"qemu"}}},
			want: "kvm error", says: "KVM", advice: "firmware settings",
		},
		{
			name: "more memory than the host has", facts: startFacts{needs: domainxml.StartNeeds{Memory: 8 << 30}, total: 4 << 30, memory: 1 << 30},
			want: "memory error", says: "8192 MiB", advice: "less memory",
		},
		{
			name: "more memory than is left", facts: startFacts{needs: domainxml.StartNeeds{Memory: 2 << 30}, total: 4 << 30, memory: 1 << 30},
			want: "memory warning", says: "1024 MiB left", advice: "Turn off",
		},
		{
			name: "no UEFI", facts: startFacts{needs: domainxml.StartNeeds{UEFI: true}, caps: model.Capabilities{Firmware: []string{"bios"}}},
			want: "firmware error", says: "no UEFI firmware", advice: "ovmf",
		},
		{
			name: "a loader that is gone", facts: startFacts{needs: domainxml.StartNeeds{Loader: "/fw"}}, gone: "/fw",
			want: "firmware error", says: "/fw", advice: "ovmf",
		},
		{
			name: "a template that is gone", facts: startFacts{needs: domainxml.StartNeeds{NVRAM: "/gone", NVRAMTemplate: "/gone"}}, gone: "/gone",
			want: "firmware error", says: "template", advice: "ovmf",
		},
		{
			name:  "an image that is gone",
			facts: startFacts{needs: domainxml.StartNeeds{Disks: disk}, images: map[string]string{"vda": "Failed to open file '/srv/a.qcow2': No such file or directory"}},
			stat:  open, want: "disk error", says: "is not there", advice: "Put the image back",
		},
		{
			name:  "a volume that is gone",
			facts: startFacts{needs: domainxml.StartNeeds{Disks: []domainxml.DiskNeed{{Target: "vda", Pool: "p", Volume: "v"}}}, volumes: []string{"vda"}},
			want:  "disk error", says: "has no volume “v”", advice: "another volume",
		},
		{
			name: "a folder that is closed", facts: startFacts{needs: domainxml.StartNeeds{Disks: disk}, pools: pools}, stat: somebodys,
			want: "disk error", says: "may not enter", advice: "into the storage pool “default”",
		},
		{
			name: "a saved state that needs the image there", facts: startFacts{saved: true, needs: domainxml.StartNeeds{Disks: disk}, pools: pools}, stat: somebodys,
			want: "disk error", says: "may not enter", advice: "into a storage pool",
		},
		{
			name: "a pool that is closed as well", facts: startFacts{needs: domainxml.StartNeeds{Disks: disk}, pools: pools}, stat: closed,
			want: "disk error", says: "may not enter", advice: "into a storage pool",
		},
		{
			name: "a folder of somebody", facts: startFacts{needs: domainxml.StartNeeds{Disks: disk}}, stat: doubtful,
			want: "disk warning", says: "probably", advice: "into a storage pool",
		},
		{
			name:  "what libvirt said",
			facts: startFacts{needs: domainxml.StartNeeds{Disks: disk}, last: "Cannot access storage file '/srv/a.qcow2' (as uid:64055, gid:64055): Permission denied"},
			stat:  open, want: "disk error", says: "may not read", advice: "storage pool",
		},
		{
			name: "a saved state", facts: startFacts{uuid: "u", saved: true, last: "operation failed: guest CPU doesn't match specification"},
			want: "saved-state error", says: "CPU", advice: "Discard",
		},
		{
			name: "a port", facts: startFacts{last: "internal error: Failed to bind socket: Address already in use"},
			want: "port error", says: "already in use", advice: "another port",
		},
		{
			name: "anything else", facts: startFacts{last: "internal error: moon in the wrong phase"},
			want: "start error", says: "Moon in the wrong phase.",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := tt.facts
			checks := append(f.machine(), f.firmware(func(file string) bool { return file == tt.gone })...)
			checks = append(checks, f.storage(tt.stat)...)
			checks = append(checks, f.lastWords(checks)...)
			if tt.want == "" {
				if len(checks) > 0 {
					t.Errorf("found %+v", checks)
				}
				return
			}
			if len(checks) != 1 {
				t.Fatalf("found %+v", checks)
			}
			c := checks[0]
			if got := c.ID + " " + string(c.Status); got != tt.want || !strings.Contains(c.Message, tt.says) || !strings.Contains(c.Hint, tt.advice) {
				t.Errorf("found %+v", c)
			}
			if c.Fix == model.FixMoveDisk && (c.Device != "disk-vda" || c.Pool != pools[0].Path()) {
				t.Errorf("the fix is %+v", c)
			}
			if (c.Fix != "") != (c.Object != "") || strings.Contains(c.Hint, "chmod") {
				t.Errorf("found %+v", c)
			}
		})
	}
}

func TestAStartIsCheckedOnAConnection(t *testing.T) {
	t.Parallel()
	c, vm := stopped(t)
	checks, err := c.CheckStart(t.Context(), vm.UUID)
	if err != nil || len(checks) != 0 {
		t.Errorf("found %+v, %v", checks, err)
	}
	c.memory.noteStart(vm.UUID, libvirt.Error{Code: libvirt.ERR_INTERNAL_ERROR, Message: "it is late"})
	checks, err = c.CheckStart(t.Context(), vm.UUID)
	if err != nil || len(checks) != 1 || checks[0].ID != "start" {
		t.Errorf("after a failure: %+v, %v", checks, err)
	}
	if err := c.Start(t.Context(), vm.UUID, false); err != nil {
		t.Fatal(err)
	}
	if words := c.memory.startFailure(vm.UUID); words != "" {
		t.Errorf("it has started, and yet: %s", words)
	}
}

func TestAnImageGoesWhereItCanBeRead(t *testing.T) {
	t.Parallel()
	at := func(name, kind, target string) *model.StoragePool {
		return &model.StoragePool{Name: name, Kind: kind, State: model.PoolRunning, Target: target}
	}
	open := func(string) (passage, bool) { return passage{everybody: true}, true }
	asleep := at("default", "dir", "/var/lib/libvirt/images")
	asleep.State = model.PoolInactive
	for name, tt := range map[string]struct {
		pools []*model.StoragePool
		want  string
	}{
		"the default one": {[]*model.StoragePool{at("a", "dir", "/srv/a"), at("default", "dir", "/srv/d"), at("z", "dir", "/srv/z")}, "default"},
		"another":         {[]*model.StoragePool{asleep, at("vg", "logical", "/dev/vg"), at("files", "fs", "/srv/files")}, "files"},
		"not where it is": {[]*model.StoragePool{at("default", "dir", "/home/alice")}, ""},
		"not in a home":   {[]*model.StoragePool{at("boxes", "dir", "/home/alice/boxes")}, ""},
		"there is none":   {nil, ""},
	} {
		f := startFacts{pools: tt.pools}
		image := "/home/alice/a.img"
		got := ""
		if p := f.poolFor(image, open); p != nil {
			got = p.Name
		}
		if got != tt.want {
			t.Errorf("%s: it goes to “%s”", name, got)
		}
	}
}
