package inventory_test

import (
	"log/slog"
	"slices"
	"testing"

	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/testutil/fakehv"
	"org.kvmmanager/service/inventory"
)

func TestWhatOthersHaveKeepsAVMFromStarting(t *testing.T) {
	t.Parallel()
	lan := &model.Network{UUID: fakehv.UUID(100), Name: "lan", Persistent: true}
	tank := &model.StoragePool{UUID: fakehv.UUID(200), Name: "tank", Kind: "netfs", State: model.PoolInactive, Target: "/tank"}
	usb := func() *model.Device {
		return &model.Device{ID: "host-device-usb-1234:5678", Kind: model.KindHostDevice, Source: "1234:5678"}
	}
	disk := func(source string, change ...func(*model.Device)) *model.Device {
		d := &model.Device{ID: "disk-vda", Kind: model.KindDisk, Type: "file", Target: "vda", Source: source}
		for _, f := range change {
			f(d)
		}
		return d
	}
	shared := func(d *model.Device) { d.Shareable = true }
	readOnly := func(d *model.Device) { d.ReadOnly = true }
	port := func(n uint32) []*model.Device { return []*model.Device{{Kind: model.KindGraphics, Port: n}} }
	owner := fakehv.VM(1, "owner")
	owner.State, owner.ID = model.VMRunning, 1
	owner.Disks = []*model.Device{disk("/a"), disk("/shared", shared), disk("/medium", readOnly), disk("/tank/owned")}
	owner.Graphics, owner.Devices = port(5901), []*model.Device{usb()}
	idle := fakehv.VM(2, "idle")
	idle.Disks = []*model.Device{disk("/idle")}
	h := fakehv.New()
	h.Put(owner)
	h.Put(idle)
	h.PutNetwork(lan)
	h.PutPool(tank)
	inv := inventory.New(h, newRecorder(t), slog.New(slog.DiscardHandler))
	t.Cleanup(inv.Close)
	host, err := inv.Add("local", "fake:///")
	if err != nil {
		t.Fatal(err)
	}
	if err := host.AwaitState(t.Context(), func(s model.ConnectionState) bool { return s == model.Connected }); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		change func(*model.VM)
		want   []string // ids
		fix    model.Fix
		object model.Path
	}{
		"nothing":                        {change: func(*model.VM) {}},
		"an inactive network":            {func(v *model.VM) { v.Interfaces = []*model.Device{{Type: "network", NetworkName: "lan"}} }, []string{"network"}, model.FixStartNetwork, lan.Path()},
		"a network that is not there":    {func(v *model.VM) { v.Interfaces = []*model.Device{{Type: "network", NetworkName: "wan"}} }, []string{"network"}, "", ""},
		"a bridge":                       {change: func(v *model.VM) { v.Interfaces = []*model.Device{{Type: "bridge", Bridge: "br0"}} }},
		"an inactive pool":               {func(v *model.VM) { v.Disks = []*model.Device{{Type: "volume", Pool: "tank", Volume: "x"}} }, []string{"pool"}, model.FixStartPool, tank.Path()},
		"an image in what a pool mounts": {func(v *model.VM) { v.Disks = []*model.Device{disk("/tank/x.img")} }, []string{"pool"}, model.FixStartPool, tank.Path()},
		"a pool that is not there":       {func(v *model.VM) { v.Disks = []*model.Device{{Type: "volume", Pool: "none", Volume: "x"}} }, []string{"pool"}, "", ""},
		"another VM's disk":              {func(v *model.VM) { v.Disks = []*model.Device{disk("/a")} }, []string{"disk"}, "", ""},
		"the same image as a volume":     {func(v *model.VM) { v.Disks = []*model.Device{{Kind: model.KindDisk, Pool: "tank", Volume: "owned"}} }, []string{"disk"}, "", ""},
		"a disk that both may use":       {change: func(v *model.VM) { v.Disks = []*model.Device{disk("/shared", shared)} }},
		"a disk that only one shares":    {func(v *model.VM) { v.Disks = []*model.Device{disk("/shared")} }, []string{"disk"}, "", ""},
		"a medium that both read":        {change: func(v *model.VM) { v.Disks = []*model.Device{disk("/medium", readOnly)} }},
		"the disk of a VM that is off":   {change: func(v *model.VM) { v.Disks = []*model.Device{disk("/idle")} }},
		"another VM's port":              {func(v *model.VM) { v.Graphics = port(5901) }, []string{"port"}, "", ""},
		"another VM's device":            {func(v *model.VM) { v.Devices = []*model.Device{usb()} }, []string{"host-device"}, "", ""},
		"two disks in an inactive pool": {func(v *model.VM) {
			v.Disks = []*model.Device{{Type: "volume", Pool: "tank", Volume: "x"}, {Type: "volume", Pool: "tank", Volume: "y"}}
		}, []string{"pool"}, model.FixStartPool, tank.Path()},
	} {
		t.Run(name, func(t *testing.T) {
			vm := fakehv.VM(3, "new")
			tt.change(vm)
			checks := host.CheckStart(vm)
			var ids []string
			for _, c := range checks {
				ids = append(ids, c.ID)
				if c.Message == "" || c.Hint == "" || c.Status != model.CheckError || c.Fix != tt.fix || c.Object != tt.object {
					t.Errorf("%+v", c)
				}
			}
			if !slices.Equal(ids, tt.want) {
				t.Errorf("found %v, want %v", ids, tt.want)
			}
		})
	}
}
