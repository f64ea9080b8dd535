package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

// around is a host with two networks and a pool with three volumes, of which one
// is in use and one is a medium.
func around() store.Surroundings {
	pool := &model.StoragePool{UUID: "11111111-1111-4111-8111-111111111111", Name: "default", Active: true}
	volume := func(name, format string, users ...model.Path) *model.StorageVolume {
		return &model.StorageVolume{Name: name, Place: "/p/" + name, Format: format, Pool: pool.Path(), Capacity: 1 << 30, UsedBy: users}
	}
	return store.Surroundings{
		Networks: []*model.Network{{Name: "lan & more"}, {Name: "default"}},
		Pools:    []*model.StoragePool{pool, {UUID: "22222222-2222-4222-8222-222222222222", Name: "off"}},
		Volumes:  []*model.StorageVolume{volume("used.qcow2", "qcow2", "/vm"), volume("free <1>.qcow2", "qcow2"), volume("debian.iso", "iso")},
	}
}

var machine = &model.VM{Name: "web", State: model.VMShutOff, ConfigVersion: 7}

func TestEachKindThatCanBeAddedHasAFormThatIsComplete(t *testing.T) {
	t.Parallel()
	for _, kind := range store.Addable {
		form := store.Words{}.AddForm(kind, machine, around())
		change := store.Addition(kind, &form, form.Start(), machine, around())
		if form.Title == "" || change.Op != store.AddDevice || change.Values["kind"] != string(kind) || change.Version != 7 {
			t.Errorf("%s: %+v", kind, change)
		}
		for _, f := range form.Fields {
			if f.Label == "" || f.Key == "" || f.Kind == store.FieldChoice && len(f.Choices) == 0 {
				t.Errorf("%s: a field is not complete: %+v", kind, f)
			}
		}
		if missing := form.Missing(form.Start()); (missing != "") != (kind == model.KindShare) {
			t.Errorf("%s: %q is missing at first", kind, missing)
		}
	}
}

func TestWhatAFormSaysIsARecord(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		kind model.DeviceKind
		say  store.Values
		want string
	}{
		"a disk of a volume": {
			model.KindDisk,
			store.Values{"image": "volume", "cache": "none", "read-only": "true"},
			"map[bus:virtio cache:none discard:unmap kind:disk pool:default read-only:true volume:free <1>.qcow2]",
		},
		"an empty drive":         {model.KindCDROM, nil, "map[bus:sata kind:cdrom]"},
		"a drive with a medium":  {model.KindCDROM, store.Values{"volume": "default/debian.iso"}, "map[bus:sata kind:cdrom pool:default volume:debian.iso]"},
		"a card":                 {model.KindInterface, nil, "map[kind:interface model:virtio network-name:default type:network]"},
		"a card on a bridge":     {model.KindInterface, store.Values{"type": "bridge", "bridge": "br0", "mtu": "1400"}, "map[bridge:br0 kind:interface model:virtio mtu:1400 type:bridge]"},
		"a socket":               {model.KindVsock, store.Values{"cid": "0"}, "map[kind:vsock]"},
		"a socket with a number": {model.KindVsock, store.Values{"cid": "5"}, "map[cid:5 kind:vsock]"},
		"random numbers":         {model.KindRNG, nil, "map[kind:rng]"},
	} {
		form := store.Words{}.AddForm(tt.kind, machine, around())
		values := form.Start()
		for key, value := range tt.say {
			values[key] = value
		}
		if got := fmt.Sprint(store.Addition(tt.kind, &form, values, machine, around()).Values); got != tt.want {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestNumbersHaveTheTypeOfTheirKey(t *testing.T) {
	t.Parallel()
	form := store.Words{}.AddForm(model.KindVideo, machine, around())
	if got := form.Record(form.Start())["heads"]; got != uint32(1) {
		t.Errorf("screens are a %T", got)
	}
}

func TestADiskOfItsOwnIsMadeFirst(t *testing.T) {
	t.Parallel()
	s := around()
	form := store.Words{}.AddForm(model.KindDisk, machine, s)
	values := form.Start()
	change := store.Addition(model.KindDisk, &form, values, machine, s)
	if n := change.New; n == nil || n.PoolName != "default" || n.Spec.Name != "web-1.qcow2" || n.Spec.Capacity != 20<<30 || n.Spec.Format != "qcow2" || n.Like == "" {
		t.Fatalf("the new volume is %+v", change.New)
	}
	if _, named := change.Values["volume"]; named {
		t.Errorf("another volume is named: %v", change.Values)
	}
	values["image"], values["file"] = "file", "/home/me/disk & more.img"
	change = store.Addition(model.KindDisk, &form, values, machine, s)
	if n := change.New; n == nil || n.File != "/home/me/disk & more.img" || n.Spec.Name != "disk & more.img" || n.Spec.Capacity != 0 {
		t.Errorf("the volume of a file is %+v", change.New)
	}
	values["file"] = ""
	if missing := form.Missing(values); missing != "File" {
		t.Errorf("%q is missing without a file", missing)
	}
}

func TestOnlyVolumesThatNobodyUsesAreOfferedForADisk(t *testing.T) {
	t.Parallel()
	offered := func(kind model.DeviceKind) (labels []string) {
		form := store.Words{}.AddForm(kind, machine, around())
		for _, f := range form.Fields {
			if f.Key == "volume" {
				for _, c := range f.Choices {
					labels = append(labels, c.Label)
				}
			}
		}
		return labels
	}
	if got := offered(model.KindDisk); !slices.Equal(got, []string{"free <1>.qcow2 · 1 GiB"}) {
		t.Errorf("for a disk: %q", got)
	}
	if got := offered(model.KindCDROM); len(got) != 4 || got[0] != "Empty" {
		t.Errorf("for a drive: %q", got)
	}
}

func TestWhatChangesAboutADeviceIsAskedForAndNoMore(t *testing.T) {
	t.Parallel()
	s := around()
	for name, tt := range map[string]struct {
		device *model.Device
		say    store.Values
		want   string
	}{
		"nothing":               {&model.Device{ID: "disk-vda", Kind: model.KindDisk, Capacity: 1 << 30, Cache: "none"}, nil, "[]"},
		"the cache of a disk":   {&model.Device{ID: "disk-vda", Kind: model.KindDisk, Capacity: 1 << 30}, store.Values{"cache": "none"}, "[1 disk-vda map[cache:none] 0]"},
		"a usual cache":         {&model.Device{ID: "disk-vda", Kind: model.KindDisk, Capacity: 1 << 30, Cache: "none"}, store.Values{"cache": ""}, "[1 disk-vda map[cache:default] 0]"},
		"the size of a disk":    {&model.Device{ID: "disk-vda", Kind: model.KindDisk, Capacity: 1 << 30}, store.Values{"size": "2147483648"}, "[3 disk-vda map[] 2147483648]"},
		"the medium of a drive": {&model.Device{ID: "cdrom-sda", Kind: model.KindCDROM}, store.Values{"volume": "default/debian.iso"}, "[1 cdrom-sda map[pool:default volume:debian.iso] 0]"},
		"an ejected medium":     {&model.Device{ID: "cdrom-sda", Kind: model.KindCDROM, Source: "/p/debian.iso"}, store.Values{"volume": ""}, "[1 cdrom-sda map[source:] 0]"},
		"a medium of no pool":   {&model.Device{ID: "cdrom-sda", Kind: model.KindCDROM, Source: "/else/x.iso"}, store.Values{"volume": ""}, "[1 cdrom-sda map[source:] 0]"},
		"the network of a card": {&model.Device{ID: "nic", Kind: model.KindInterface, NetworkName: "default", Model: "virtio"}, store.Values{"network-name": "lan & more"}, "[1 nic map[network-name:lan & more] 0]"},
		"a bridge instead":      {&model.Device{ID: "nic", Kind: model.KindInterface, NetworkName: "default", Bridge: "virbr0", Model: "virtio"}, store.Values{"type": "bridge", "bridge": "br0"}, "[1 nic map[bridge:br0] 0]"},
		"a cable that is out":   {&model.Device{ID: "nic", Kind: model.KindInterface, NetworkName: "default", Model: "virtio"}, store.Values{"link-down": "true"}, "[1 nic map[link-down:true] 0]"},
		"a cable that is in":    {&model.Device{ID: "nic", Kind: model.KindInterface, Type: "user", Model: "e1000e", LinkDown: true}, store.Values{"link-down": ""}, "[1 nic map[link-down:false] 0]"},
	} {
		form, before := store.Words{}.ChangeForm(tt.device, s)
		now := store.Values{}
		for key, value := range before {
			now[key] = value
		}
		for key, value := range tt.say {
			now[key] = value
		}
		var got []any
		for _, c := range store.Alterations(tt.device, &form, before, now, machine, s) {
			got = append(got, int(c.Op), c.ID, c.Values, c.Size)
		}
		if fmt.Sprint(got) != tt.want {
			t.Errorf("%s: %v, not %s", name, got, tt.want)
		}
	}
}

func TestWhatComesToBeAskedForIsSaidAsItIs(t *testing.T) {
	t.Parallel()
	form := store.Form{Fields: []store.Field{
		{Key: "to", Kind: store.FieldChoice},
		{Key: "network", Kind: store.FieldChoice, When: map[string]string{"to": "network"}},
	}}
	// The first choice was there before anybody could see it.
	before := store.Values{"to": "bridge", "network": "default"}
	now := store.Values{"to": "network", "network": "default"}
	if got := fmt.Sprint(form.Changed(before, now)); got != "map[network:default to:network]" {
		t.Errorf("said is %s", got)
	}
}

func TestAValueThatIsNotOfferedIsKept(t *testing.T) {
	t.Parallel()
	f := store.Field{Choices: []store.Choice{{Value: "a"}}}
	if at := f.Chosen("rare"); at != 1 || f.Choices[1].Value != "rare" {
		t.Errorf("the choices are %v", f.Choices)
	}
}

func TestADeviceIsDescribedByWhatItHas(t *testing.T) {
	t.Parallel()
	got := fmt.Sprint(store.Words{}.DeviceFacts(&model.Device{Kind: model.KindDisk, Type: "file", Source: "/p/a & b", Format: "qcow2", Capacity: 1 << 30, Bus: "virtio", Target: "vda"}))
	if want := "[{Type file} {Image /p/a & b} {Format qcow2} {Size 1 GiB} {Bus virtio} {Device vda}]"; got != want {
		t.Errorf("it is %s", got)
	}
}

func TestASharedFolderNeedsARightOfItsOwn(t *testing.T) {
	t.Parallel()
	rights := map[string]client.Permission{"org.kvmmanager.host-path.use": client.Denied, "org.kvmmanager.vm.configure": client.Allowed}
	if why := (store.Words{}).WhyNotAdd(model.KindShare, machine, nil, rights); why == "" {
		t.Error("a share can be added without the right to host paths")
	}
	if why := (store.Words{}).WhyNotAdd(model.KindDisk, machine, nil, rights); why != "" {
		t.Errorf("a disk cannot be added: %s", why)
	}
}

func TestWhenAChangeTakesEffectIsSaid(t *testing.T) {
	t.Parallel()
	on := &model.VM{State: model.VMRunning, Persistent: true}
	for outcome, want := range map[store.Outcome]string{
		{Now: true, NextBoot: true}: "now",
		{NextBoot: true}:            "is started again",
		{Now: true}:                 "is gone",
	} {
		if got := (store.Words{}).When(outcome, on); !strings.Contains(got, want) {
			t.Errorf("%+v: %s", outcome, got)
		}
	}
	if got := (store.Words{}).When(store.Outcome{NextBoot: true}, machine); !strings.Contains(got, "is started") {
		t.Errorf("of one that is off: %s", got)
	}
}

func TestALostUpdateIsSaidInWords(t *testing.T) {
	t.Parallel()
	if got := (store.Words{}).Lost(errs.New(errs.VersionMismatch, "x")); !strings.Contains(got, "meanwhile") {
		t.Errorf("it says %q", got)
	}
	if got := (store.Words{}).Lost(errs.New(errs.NotFound, "x")); got != "" {
		t.Errorf("of another error it says %q", got)
	}
}

func TestTheBootOrderComesFirstAndTheRestAfterIt(t *testing.T) {
	t.Parallel()
	vm := &model.VM{
		Disks:      []*model.Device{{ID: "disk-vda", Kind: model.KindDisk}, {ID: "cdrom-sda", Kind: model.KindCDROM}},
		Interfaces: []*model.Device{{ID: "interface-1", Kind: model.KindInterface}},
	}
	said := func(order ...string) string {
		vm.BootOrder = order
		text := ""
		for _, e := range store.BootEntries(vm) {
			text += fmt.Sprintf("%s:%t ", e.ID, e.On)
		}
		return strings.TrimSpace(text)
	}
	if got := said("interface-1", "disk-vda"); got != "interface-1:true disk-vda:true cdrom-sda:false" {
		t.Errorf("by devices: %s", got)
	}
	if got := said("cdrom", "hd"); got != "cdrom-sda:true disk-vda:true interface-1:false" {
		t.Errorf("in the old style: %s", got)
	}
	if got := store.MoveEntry([]int{1, 2, 3}, 2, 0); !slices.Equal(got, []int{3, 1, 2}) {
		t.Errorf("moved: %v", got)
	}
	if got := store.MoveEntry([]int{1, 2, 3}, 0, 3); !slices.Equal(got, []int{1, 2, 3}) {
		t.Errorf("moved out: %v", got)
	}
}

func TestDevicesAreFoundInAllTheirLists(t *testing.T) {
	t.Parallel()
	vm := &model.VM{Shares: []*model.Device{{ID: "share-a", Kind: model.KindShare}}, Devices: []*model.Device{{ID: "pci", Kind: model.KindController, Type: "pci"}}}
	if d := store.Device(vm, "share-a"); d == nil || !store.CanRemove(d) {
		t.Error("the share is not found, or cannot be removed")
	}
	if store.CanRemove(store.Device(vm, "pci")) || store.Device(vm, "none") != nil {
		t.Error("the controller that all others are on can be removed")
	}
}
