package store

import (
	"slices"
	"strings"
	"testing"

	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/model"
)

func TestAGuestIsDescribedInRows(t *testing.T) {
	t.Parallel()
	var w Words
	got := w.Guest(&model.GuestInfo{
		Hostname: "web", KernelRelease: "6.12",
		Users:       []model.GuestUser{{Name: "alice"}, {Name: "bob", Domain: "CORP"}},
		Filesystems: []model.GuestFilesystem{{MountPoint: "/", Total: 8 << 30, Used: 2 << 30}, {MountPoint: "/proc"}},
	})
	want := []Fact{
		{"Host Name", "web"},
		{"Kernel", "6.12"},
		{"File Systems", "/: 2 GiB of 8 GiB used\n/proc"},
		{"Users", `alice, CORP\bob`},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if got := w.Guest(&model.GuestInfo{}); len(got) != 0 {
		t.Errorf("of a guest that says nothing: %q", got)
	}
}

func TestAFixHasAButtonIfThereIsOne(t *testing.T) {
	t.Parallel()
	var w Words
	if w.Fix("") != "" || w.Fix(model.FixStartNetwork) != "Start Network" {
		t.Errorf("%q, %q", w.Fix(""), w.Fix(model.FixStartNetwork))
	}
}

func TestWhatCanBeDeletedWithAVM(t *testing.T) {
	t.Parallel()
	disk := func(id, source string) *model.Device {
		return &model.Device{ID: "disk-" + id, Kind: model.KindDisk, Target: id, Source: source}
	}
	own, shared, readOnly := disk("vda", "/p/own.qcow2"), disk("vdb", "/p/common.qcow2"), disk("vdc", "/p/ro.img")
	own.Capacity, readOnly.ReadOnly = 64<<20, true
	vm := &model.VM{UUID: "1", Name: "web", Disks: []*model.Device{
		own, shared, readOnly, {ID: "cdrom-sda", Kind: model.KindCDROM, Source: "/p/a.iso"}, {ID: "disk-vdd", Kind: model.KindDisk, Target: "vdd", Pool: "p", Volume: "v"},
	}}
	all := []*model.VM{vm, {UUID: "2", Name: "db", Disks: []*model.Device{disk("vda", "/p/common.qcow2")}}, {UUID: "3", Host: "/elsewhere", Disks: []*model.Device{disk("vda", "/p/own.qcow2")}}}
	var w Words
	got := w.DiskChoices(vm, all, nil)
	var can []bool
	for _, c := range got {
		can = append(can, c.Can)
		if c.Deleted != c.Can {
			t.Errorf("%+v", c)
		}
	}
	if !slices.Equal(can, []bool{true, false, false, true}) {
		t.Fatalf("got %+v", got)
	}
	if got[0].Label != "vda · own.qcow2 · 64 MiB" || !strings.Contains(got[1].Label, "“db” uses it") || got[3].Label != "vdd · v" {
		t.Errorf("got %+v", got)
	}
	for _, c := range w.DiskChoices(vm, all, map[string]client.Permission{rightStorage: client.Denied}) {
		if c.Can {
			t.Errorf("without the right: %+v", c)
		}
	}
}
