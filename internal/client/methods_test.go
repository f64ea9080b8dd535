package client_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/dbus"
	"org.kvmmanager/dbus/apidoc"
	"org.kvmmanager/internal/bus"
	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/testutil/bustest"
	"org.kvmmanager/internal/wire"
)

// entry is a call of one method, with the arguments and the result that it
// should have on the bus.
type entry struct {
	call      func(...client.Option) (any, error)
	arguments []any
	result    any
}

// callsOf is every method of the API, with the arguments and the results that
// it should have on the bus.
func callsOf(ctx context.Context, c *client.Client) map[string]entry {
	const host, vm, job = model.Path("/org/kvmmanager/hosts/local"), model.Path("/org/kvmmanager/vms/web"), model.Path("/org/kvmmanager/jobs/7")
	const snapshot, lan = vm + "/snapshots/kept", model.Path("/org/kvmmanager/networks/lan")
	none := func(err error) (any, error) { return nil, err }
	starts := func(method func(context.Context, model.Path, ...client.Option) (model.Path, error)) entry {
		return entry{func(o ...client.Option) (any, error) { return method(ctx, vm, o...) }, nil, model.Path("/a/result")}
	}
	lists := func(method func(context.Context, model.Path, ...client.Option) ([]model.Path, error)) entry {
		return entry{func(o ...client.Option) (any, error) { return method(ctx, host, o...) }, nil, []model.Path{"/a/result"}}
	}
	said := func(method func(context.Context, model.Path, string, ...client.Option) error) entry {
		return entry{func(o ...client.Option) (any, error) { return none(method(ctx, vm, "text", o...)) }, []any{"text"}, nil}
	}
	applied := client.Applied{NextBoot: true}
	var statistics *client.Statistics // of the method before the one that ends it
	all := map[string]entry{
		"Manager.AddHost": {
			func(o ...client.Option) (any, error) { return c.AddHost(ctx, "id", "uri", o...) },
			[]any{"id", "uri"},
			model.Path("/a/result"),
		},
		"Manager.GetPermissions": {
			func(...client.Option) (any, error) { return c.GetPermissions(ctx, vm) },
			[]any{dbus.ObjectPath(vm)},
			map[string]client.Permission{"an.action": client.NeedsPassword},
		},
		"Manager.GetPermissionsOf": {
			func(o ...client.Option) (any, error) { return c.GetPermissionsOf(ctx, []model.Path{vm, host}, o...) },
			[]any{[]dbus.ObjectPath{dbus.ObjectPath(vm), dbus.ObjectPath(host)}},
			map[model.Path]map[string]client.Permission{"/a/result": {"an.action": client.NeedsPassword}},
		},
		"Manager.GetWholeProperties": {
			func(...client.Option) (any, error) {
				whole := struct {
					MaxVCPUs uint32 `wire:"max-vcpus"`
				}{}
				err := c.GetWholeProperties(ctx, vm, api.VMInterface, &whole)
				return whole.MaxVCPUs, err
			},
			[]any{dbus.ObjectPath(vm), api.VMInterface},
			uint32(16),
		},
		"Manager.RemoveHost": {
			func(o ...client.Option) (any, error) { return none(c.RemoveHost(ctx, host, o...)) },
			[]any{dbus.ObjectPath(host)},
			nil,
		},
		"Manager.SubscribeStatistics": {
			func(...client.Option) (any, error) {
				statistics = c.SubscribeStatistics(1500 * time.Millisecond)
				return nil, nil
			},
			[]any{uint32(1500)},
			nil,
		},
		"Manager.UnsubscribeStatistics": {
			func(...client.Option) (any, error) { statistics.Close(); return nil, nil }, nil, nil,
		},
		"Host.CheckHealth": {
			func(o ...client.Option) (any, error) { return c.CheckHealth(ctx, host, o...) },
			nil,
			[]model.Check{{ID: "kvm", Status: model.CheckOK}},
		},
		"Host.DefineXML": {
			func(o ...client.Option) (any, error) { return c.DefineXML(ctx, host, "<domain/>", o...) },
			[]any{"<domain/>"},
			model.Path("/a/result"),
		},
		"Host.FindVM": {
			func(o ...client.Option) (any, error) { return c.FindVM(ctx, host, "web", o...) },
			[]any{"web"},
			model.Path("/a/result"),
		},
		"Host.GetCapabilities": {
			func(o ...client.Option) (any, error) { return c.GetCapabilities(ctx, host, o...) },
			nil,
			model.Capabilities{MaxVCPUs: 16, Firmware: []string{"uefi"}},
		},
		"Host.CreateVM": {
			func(o ...client.Option) (any, error) {
				return c.CreateVM(ctx, host, model.VMSpec{Name: "web", Disks: []model.DiskSpec{}}, someFile(), o...)
			},
			[]any{map[string]dbus.Variant{
				"name": dbus.MakeVariant("web"), "disks": dbus.MakeVariant([]map[string]dbus.Variant{}),
				"source": dbus.MakeVariant(map[string]dbus.Variant{"fd": dbus.MakeVariant(dbus.UnixFDIndex(0))}),
			}},
			model.Path("/a/result"),
		},
		"Host.PlanVM": {
			func(o ...client.Option) (any, error) {
				return c.PlanVM(ctx, host, model.VMSpec{Name: "web", VCPUs: 2}, nil, o...)
			},
			[]any{map[string]dbus.Variant{
				"name": dbus.MakeVariant("web"), "vcpus": dbus.MakeVariant(uint32(2)),
			}},
			client.Plan{},
		},
		"Host.ListNetworks":     lists(c.ListNetworks),
		"Host.ListStoragePools": lists(c.ListStoragePools),
		"Host.ListVMs":          lists(c.ListVMs),
		"Host.Reconnect": {
			func(o ...client.Option) (any, error) { return none(c.Reconnect(ctx, host, o...)) }, nil, nil,
		},
		"VM.CheckStart": {
			func(o ...client.Option) (any, error) { return c.CheckStart(ctx, vm, o...) },
			nil,
			[]model.StartCheck{{ID: "kvm", Status: model.CheckOK}},
		},
		"VM.Guest.FreezeFilesystems": starts(c.FreezeFilesystems),
		"VM.Guest.GetInfo": {
			func(o ...client.Option) (any, error) { return c.GetInfo(ctx, vm, o...) },
			nil,
			model.GuestInfo{},
		},
		"VM.Guest.ThawFilesystems": starts(c.ThawFilesystems),
		"VM.Guest.TrimFilesystems": starts(c.TrimFilesystems),
		"VM.Clone": {
			func(o ...client.Option) (any, error) { return c.Clone(ctx, vm, "text", o...) },
			[]any{"text"},
			model.Path("/a/result"),
		},
		"VM.CreateSnapshot": {
			func(o ...client.Option) (any, error) { return c.CreateSnapshot(ctx, vm, "text", o...) },
			[]any{"text"},
			model.Path("/a/result"),
		},
		"Snapshot.Delete": {
			func(o ...client.Option) (any, error) { return c.DeleteSnapshot(ctx, snapshot, o...) }, nil, model.Path("/a/result"),
		},
		"Snapshot.GetScreenshot": {
			func(o ...client.Option) (any, error) {
				file, mime, err := c.SnapshotScreenshot(ctx, snapshot, o...)
				text, err := content(file, err)
				return text + " " + mime, err
			}, nil, "content a result",
		},
		"Snapshot.Revert": {
			func(o ...client.Option) (any, error) { return c.RevertSnapshot(ctx, snapshot, o...) }, nil, model.Path("/a/result"),
		},
		"Snapshot.SetDescription": {
			func(o ...client.Option) (any, error) { return none(c.DescribeSnapshot(ctx, snapshot, "text", o...)) },
			[]any{"text"},
			nil,
		},
		"VM.SetTemplate": {
			func(o ...client.Option) (any, error) { return none(c.SetTemplate(ctx, vm, true, o...)) },
			[]any{true},
			nil,
		},
		"Host.CreateNetwork": {
			func(o ...client.Option) (any, error) {
				return c.CreateNetwork(ctx, host, model.NetworkSetup{Name: "lan", DHCPRanges: []model.DHCPRange{}}, o...)
			},
			[]any{map[string]dbus.Variant{
				"name": dbus.MakeVariant("lan"), "dhcp-ranges": dbus.MakeVariant([]map[string]dbus.Variant{}),
			}},
			model.Path("/a/result"),
		},
		"Network.AddDHCPHost": {
			func(o ...client.Option) (any, error) {
				return none(c.AddDHCPHost(ctx, lan, model.DHCPHost{MAC: "52:54:00:00:00:01", Address: "10.0.0.9"}, o...))
			},
			[]any{map[string]dbus.Variant{"mac": dbus.MakeVariant("52:54:00:00:00:01"), "address": dbus.MakeVariant("10.0.0.9")}},
			nil,
		},
		"Network.Configure": {
			func(o ...client.Option) (any, error) {
				return c.ConfigureNetwork(ctx, lan, map[string]any{
					"domain": "", "mtu": uint32(1400), "dns": false, "dns-hosts": []model.DNSHost{{Address: "10.0.0.9", Names: []string{"nine"}}}, "dhcp-ranges": []model.DHCPRange{},
				}, o...)
			},
			[]any{map[string]dbus.Variant{
				"domain": dbus.MakeVariant(""), "mtu": dbus.MakeVariant(uint32(1400)), "dns": dbus.MakeVariant(false),
				"dns-hosts": dbus.MakeVariant([]map[string]dbus.Variant{
					{"address": dbus.MakeVariant("10.0.0.9"), "names": dbus.MakeVariant([]string{"nine"})},
				}),
				"dhcp-ranges": dbus.MakeVariant([]map[string]dbus.Variant{}),
			}},
			client.NetworkApplied{},
		},
		"Network.GetLeases": {
			func(o ...client.Option) (any, error) { return c.GetLeases(ctx, lan, o...) },
			nil,
			[]model.Lease{{ID: "kvm"}},
		},
		"Network.RemoveDHCPHost": {
			func(o ...client.Option) (any, error) {
				return none(c.RemoveDHCPHost(ctx, lan, model.DHCPHost{MAC: "52:54:00:00:00:01"}, o...))
			},
			[]any{map[string]dbus.Variant{"mac": dbus.MakeVariant("52:54:00:00:00:01")}},
			nil,
		},
		"Network.Delete": {
			func(o ...client.Option) (any, error) { return none(c.DeleteNetwork(ctx, lan, o...)) }, nil, nil,
		},
		"Network.SetAutostart": {
			func(o ...client.Option) (any, error) { return none(c.SetNetworkAutostart(ctx, lan, true, o...)) },
			[]any{true},
			nil,
		},
		"Network.Start": {
			func(o ...client.Option) (any, error) { return none(c.StartNetwork(ctx, lan, o...)) }, nil, nil,
		},
		"Network.Stop": {
			func(o ...client.Option) (any, error) { return none(c.StopNetwork(ctx, lan, o...)) }, nil, nil,
		},
		"Host.GetStatistics": {
			func(o ...client.Option) (any, error) { return c.GetStatistics(ctx, host, o...) },
			nil,
			&client.Samples{Host: host, At: time.UnixMicro(7), Values: map[model.Path]model.Sample{"/a/result": {CPUPercent: 5}}},
		},
		"Job.Wait": {
			func(o ...client.Option) (any, error) { return c.WaitForJob(ctx, job, o...) },
			nil,
			map[string]any{"next-boot": true, "max-vcpus": uint32(16), "firmware": []string{"uefi"}},
		},
		"Job.Cancel": {
			func(o ...client.Option) (any, error) { return none(c.CancelJob(ctx, job, o...)) }, nil, nil,
		},
		"VM.AddDevice": {
			func(o ...client.Option) (any, error) {
				id, a, err := c.AddDevice(ctx, vm, map[string]any{"kind": "rng"}, o...)
				return []any{id, a}, err
			},
			[]any{map[string]dbus.Variant{"kind": dbus.MakeVariant("rng")}},
			[]any{"a result", applied},
		},
		"VM.Configure": {
			func(o ...client.Option) (any, error) {
				return c.Configure(ctx, vm, map[string]any{"cpu-mode": "host-model"}, o...)
			},
			[]any{map[string]dbus.Variant{"cpu-mode": dbus.MakeVariant("host-model")}},
			applied,
		},
		"VM.RemoveDevice": {
			func(o ...client.Option) (any, error) { return c.RemoveDevice(ctx, vm, "rng-0", o...) }, []any{"rng-0"}, applied,
		},
		"VM.ResizeDisk": {
			func(o ...client.Option) (any, error) { return c.ResizeDisk(ctx, vm, "disk-vda", 1<<30, o...) },
			[]any{"disk-vda", uint64(1 << 30)},
			model.Path("/a/result"),
		},
		"VM.SetBootOrder": {
			func(o ...client.Option) (any, error) {
				return none(c.SetBootOrder(ctx, vm, []string{"disk-vda"}, o...))
			},
			[]any{[]string{"disk-vda"}},
			nil,
		},
		"VM.UpdateDevice": {
			func(o ...client.Option) (any, error) {
				return c.UpdateDevice(ctx, vm, "cdrom-sda", map[string]any{"source": ""}, o...)
			},
			[]any{"cdrom-sda", map[string]dbus.Variant{"source": dbus.MakeVariant("")}},
			applied,
		},
		"VM.Delete":            starts(c.Delete),
		"VM.DiscardSavedState": starts(c.DiscardSavedState),
		"VM.GetXML":            {func(o ...client.Option) (any, error) { return c.GetXML(ctx, vm, o...) }, nil, "a result"},
		"VM.OpenConsole": {
			func(o ...client.Option) (any, error) { return content(c.OpenConsole(ctx, vm, "serial-0", o...)) },
			[]any{"serial-0"},
			"content",
		},
		"VM.OpenDisplay": {
			func(o ...client.Option) (any, error) {
				file, info, err := c.OpenDisplay(ctx, vm, 3, o...)
				text, err := content(file, err)
				return text + " " + info.Type, err
			},
			[]any{uint32(3)},
			"content vnc",
		},
		"VM.Pause":    starts(c.Pause),
		"VM.PowerOff": starts(c.PowerOff),
		"VM.Reboot":   starts(c.Reboot),
		"VM.Rename":   said(c.Rename),
		"VM.Reset":    starts(c.Reset),
		"VM.Resume":   starts(c.Resume),
		"VM.Save":     starts(c.Save),
		"VM.SendKeys": {
			func(o ...client.Option) (any, error) { return none(c.SendKeys(ctx, vm, []string{"KEY_A"}, o...)) },
			[]any{[]string{"KEY_A"}},
			nil,
		},
		"VM.SetAutostart": {
			func(o ...client.Option) (any, error) { return none(c.SetAutostart(ctx, vm, true, o...)) }, []any{true}, nil,
		},
		"VM.SetDescription": said(c.SetDescription),
		"VM.SetMemory": {
			func(o ...client.Option) (any, error) { return c.SetMemory(ctx, vm, 1<<33, o...) },
			[]any{uint64(1 << 33)},
			applied,
		},
		"VM.SetTags": {
			func(o ...client.Option) (any, error) { return none(c.SetTags(ctx, vm, []string{"a", "b"}, o...)) },
			[]any{[]string{"a", "b"}},
			nil,
		},
		"VM.SetTitle": said(c.SetTitle),
		"VM.SetVCPUs": {
			func(o ...client.Option) (any, error) { return c.SetVCPUs(ctx, vm, 5, o...) }, []any{uint32(5)}, applied,
		},
		"VM.SetXML":   said(c.SetXML),
		"VM.Shutdown": starts(c.Shutdown),
		"VM.Start":    starts(c.Start),
		"VM.TakeScreenshot": {
			func(o ...client.Option) (any, error) {
				file, mime, err := c.TakeScreenshot(ctx, vm, o...)
				text, err := content(file, err)
				return text + " " + mime, err
			}, nil, "content a result",
		},
	}
	maps.Copy(all, storageCalls(ctx, c))
	return all
}

// content reads a descriptor to its end.
func content(file *os.File, err error) (string, error) {
	if err != nil {
		return "", err
	}
	defer file.Close()
	b := make([]byte, 64)
	n, err := file.Read(b)
	return string(b[:n]), err
}

// everyOption is each option with the value that it should have on the bus.
func everyOption() map[string]struct {
	option client.Option
	value  any
} {
	type entry = struct {
		option client.Option
		value  any
	}
	return map[string]entry{
		"wait": {client.Wait(), true}, "bind-lifetime": {client.BindLifetime(), true},
		"expected-version": {client.ExpectedVersion(9), uint64(9)}, "apply": {client.Apply(client.ApplyNextBoot), "next-boot"},
		"dry-run": {client.DryRun(), true},
		"paused":  {client.Paused(), true}, "timeout": {client.Timeout(1500 * time.Millisecond), uint32(2)},
		"inactive": {client.Inactive(), true}, "secrets": {client.Secrets(), true},
		"delete-storage": {client.DeleteStorage("disk-vda"), []string{"disk-vda"}}, "linked": {client.Linked(), true},
		"description": {client.Description("text"), "text"}, "memory": {client.Memory(false), false},
		"kind": {client.Kind(model.SnapshotExternal), "external"}, "quiesce": {client.Quiesce(), true},
		"children": {client.Children(), true}, "start": {client.StartAfter(), true},
		"delete-contents": {client.DeleteContents(), true}, "shrink": {client.Shrink(), true},
		"delete-original": {client.DeleteOriginal(), true},
		"pool":            {client.IntoPool("/a/pool"), dbus.ObjectPath("/a/pool")}, "format": {client.Format("qcow2"), "qcow2"},
		"dependents": {client.Dependents(), true},
		"actions":    {client.Actions("an.action"), []string{"an.action"}},
		"force":      {client.Force(), true}, "screen": {client.Screen(1), uint32(1)},
	}
}

// answers are results of the types that methods have.
func answers(signature string) []any {
	record := func(v any) any { return wire.Record(v) }
	results := map[string]func() []any{
		"":       func() []any { return nil },
		"o":      func() []any { return []any{dbus.ObjectPath("/a/result")} },
		"ao":     func() []any { return []any{[]dbus.ObjectPath{"/a/result"}} },
		"s":      func() []any { return []any{"a result"} },
		"a{ss}":  func() []any { return []any{map[string]string{"an.action": "auth"}} },
		"aa{sv}": func() []any { return []any{wire.Records([]model.Check{{ID: "kvm", Status: model.CheckOK}})} },
		"a{sv}": func() []any {
			return []any{record(&struct {
				NextBoot bool     `wire:"next-boot"`
				MaxVCPUs uint32   `wire:"max-vcpus"`
				Firmware []string `wire:"firmware"`
			}{true, 16, []string{"uefi"}})}
		},
		"ta{oa{sv}}": func() []any {
			return []any{uint64(7), map[dbus.ObjectPath]bus.Dict{"/a/result": {{Key: "cpu-percent", Value: dbus.MakeVariant(5.0)}}}}
		},
		"a{oa{ss}}": func() []any {
			return []any{map[dbus.ObjectPath]map[string]string{"/a/result": {"an.action": "auth"}}}
		},
		"h":      func() []any { return []any{someFile()} },
		"hs":     func() []any { return []any{someFile(), "a result"} },
		"sa{sv}": func() []any { return []any{"a result", record(&client.Applied{NextBoot: true})} },
		"ha{sv}": func() []any { return []any{someFile(), record(&client.DisplayInfo{Type: "vnc"})} },
	}
	return results[signature]()
}

func someFile() *os.File {
	read, write, err := os.Pipe()
	if err != nil {
		panic(err)
	}
	_, _ = write.WriteString("content")
	_ = write.Close()
	return read
}

// recorder is the API on a bus, with a service behind it that only notes what
// it is asked.
func recorder(t *testing.T) (address string, calls <-chan *bus.Call) {
	t.Helper()
	address, calls, _ = recorderWith(t, func(xml string) string { return xml }, nil)
	return address, calls
}

// recorderWith is recorder with another declaration, and errors in place of
// answers; refuse may be nil.
func recorderWith(t *testing.T, edit func(xml string) string, refuse func(*bus.Call) error) (address string, calls <-chan *bus.Call, tree *bus.Tree) {
	t.Helper()
	var ifaces []*bus.Interface
	results := map[string]string{}
	for _, doc := range api.XML() {
		parsed, err := bus.ParseInterfaces([]byte(edit(string(doc))))
		if err != nil {
			t.Fatal(err)
		}
		ifaces = append(ifaces, parsed...)
		for _, m := range parsed[0].Methods {
			results[parsed[0].Name+"."+m.Name] = m.OutSig
		}
	}
	noted := make(chan *bus.Call, 1)
	tree = bus.New(api.RootPath, ifaces, func(_ context.Context, c *bus.Call) ([]any, error) {
		noted <- c
		if refuse != nil {
			if err := refuse(c); err != nil {
				return nil, err
			}
		}
		return answers(results[c.Interface+"."+c.Member]), nil
	}, func(context.Context, string) (uid, pid uint32, err error) { return 0, 0, nil }, slog.New(slog.DiscardHandler))
	tree.Apply(
		bus.Put(api.RootPath, api.ManagerInterface, wire.PropsOf(&model.Manager{})),
		bus.Put("/org/kvmmanager/hosts/local", api.HostInterface, wire.PropsOf(&model.Host{ID: "local"})),
		bus.Put("/org/kvmmanager/vms/web", api.VMInterface, wire.PropsOf(&model.VM{})),
		bus.Put("/org/kvmmanager/vms/web", api.GuestInterface, nil),
		bus.Put("/org/kvmmanager/vms/web/snapshots/kept", api.SnapshotInterface, wire.PropsOf(&model.Snapshot{})),
		bus.Put("/org/kvmmanager/networks/lan", api.NetworkInterface, wire.PropsOf(&model.Network{})),
		bus.Put("/org/kvmmanager/pools/tank", api.StoragePoolInterface, wire.PropsOf(&model.StoragePool{})),
		bus.Put("/org/kvmmanager/pools/tank/volumes/a", api.StorageVolumeInterface, wire.PropsOf(&model.StorageVolume{})),
		bus.Put("/org/kvmmanager/jobs/7", api.JobInterface, wire.PropsOf(&model.Job{})),
	)
	daemon := bustest.Start(t)
	conn, err := tree.Connect(daemon.Address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := conn.RequestName(api.BusName, dbus.NameFlagDoNotQueue); err != nil {
		t.Fatal(err)
	}
	return daemon.Address, noted, tree
}

// connected is a client that is ready.
func connected(ctx context.Context, t *testing.T, address string) *client.Client {
	t.Helper()
	c, err := client.Connect(ctx, client.Options{Address: address})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if err := c.AwaitReady(ctx); err != nil {
		t.Fatal(err)
	}
	return c
}

// ofTheMirror is the methods that the mirror calls by itself.
var ofTheMirror = []string{"Manager.GetObjects"}

func TestEveryMethodOfTheAPIIsThere(t *testing.T) {
	t.Parallel()
	address, noted := recorder(t)
	ctx, cancel := context.WithTimeout(context.Background(), bustest.Timeout)
	defer cancel()
	c := connected(ctx, t, address)
	table, options := callsOf(ctx, c), everyOption()
	used := map[string]bool{}
	for _, doc := range api.XML() {
		iface, err := apidoc.Parse(doc)
		if err != nil {
			t.Fatal(err)
		}
		for _, method := range iface.Methods {
			name := iface.Name[len("org.kvmmanager."):] + "." + method.Name
			entry, known := table[name]
			if slices.Contains(ofTheMirror, name) {
				continue
			}
			if !known {
				t.Errorf("%s has no method here", name)
				continue
			}
			delete(table, name)
			want := append(slices.Clone(entry.arguments), any(map[string]dbus.Variant{}))
			given := []client.Option{client.Interactive()}
			for key, sig := range method.Options() {
				used[key] = true
				v := dbus.MakeVariant(options[key].value)
				if v.Signature().String() != sig {
					t.Errorf("%s: the option %s is %s, not %s", name, key, sig, v.Signature())
				}
				want[len(want)-1].(map[string]dbus.Variant)[key] = v
				given = append(given, options[key].option)
			}
			result, err := entry.call(given...)
			call := await(ctx, t, noted, name)
			if got := call.Interface + "." + call.Member; got != iface.Name+"."+method.Name {
				t.Errorf("%s calls %s", name, got)
			}
			if !reflect.DeepEqual(call.Args, want) {
				t.Errorf("%s: the arguments are %v, want %v", name, call.Args, want)
			}
			if err != nil || !reflect.DeepEqual(result, entry.result) {
				t.Errorf("%s: the result is %#v, %v, want %#v", name, result, err, entry.result)
			}
		}
	}
	if len(table) > 0 {
		t.Errorf("methods that the API does not have: %v", slices.Sorted(maps.Keys(table)))
	}
	for key := range options {
		if !used[key] {
			t.Errorf("no method takes the option %q", key)
		}
	}
}

func await(ctx context.Context, t *testing.T, calls <-chan *bus.Call, what string) *bus.Call {
	t.Helper()
	select {
	case c := <-calls:
		return c
	case <-ctx.Done():
		t.Fatalf("%s does not reach the service", what)
		return nil
	}
}

func TestInteractionIsAllowedOnlyWhenAskedFor(t *testing.T) {
	t.Parallel()
	address, noted := recorder(t)
	ctx, cancel := context.WithTimeout(context.Background(), bustest.Timeout)
	defer cancel()
	c := connected(ctx, t, address)
	for _, want := range []bool{true, false} {
		var options []client.Option
		if want {
			options = append(options, client.Interactive())
		}
		if _, err := c.Start(ctx, "/org/kvmmanager/vms/web", options...); err != nil {
			t.Fatal(err)
		}
		if got := await(ctx, t, noted, "Start").Interactive; got != want {
			t.Errorf("interactive is %v, want %v", got, want)
		}
	}
}

func TestAPathThatIsNoneIsNotFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, path := range []model.Path{"", "web", "/org//kvmmanager", "/org/kvmmanager/vms/nobody"} {
		if _, err := w.client.Start(w.ctx, path); !errs.Is(err, errs.NotFound) {
			t.Errorf("%q: %v", path, err)
		}
	}
	if _, err := w.client.GetPermissions(w.ctx, "/nobody"); !errs.Is(err, errs.NotFound) {
		t.Error(fmt.Sprint("permissions of nothing: ", err))
	}
}
