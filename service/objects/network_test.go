package objects_test

import (
	"slices"
	"testing"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/dbus"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/testutil/fakehv"
	"org.kvmmanager/internal/testutil/polkittest"
)

var (
	localPath = model.HostPath("local")
	lanPath   = model.NetworkPath(fakehv.UUID(100))
)

// withNetwork has an active network with VMs in it.
func (w *world) withNetwork(vms ...*model.VM) *world {
	w.hv.PutNetwork(&model.Network{
		UUID: fakehv.UUID(100), Name: "lan", Mode: "nat", Bridge: "virbr0", Persistent: true, Active: true,
		Addresses: []model.NetworkAddress{{Address: "10.1.0.1", Prefix: 16, Family: "ipv4"}},
	})
	for _, vm := range vms {
		vm.Interfaces = []*model.Device{{ID: "interface-1", Kind: model.KindInterface, NetworkName: "lan", MAC: "52:54:00:00:00:01"}}
	}
	return w.withHost(vms...)
}

func TestANetworkIsThereWhenTheReplyComes(t *testing.T) {
	t.Parallel()
	w := newWorld(t).withNetwork()
	var path dbus.ObjectPath
	name := `a & b < c > 'd' שלום 💻`
	if err := w.call(localPath, "Host.CreateNetwork", opts("name", name, "autostart", true), none()).Store(&path); err != nil {
		t.Fatal(err)
	}
	for property, want := range map[string]any{"Name": name, "Active": true, "Autostart": true, "Mode": "nat"} {
		if got := w.property(model.Path(path), api.NetworkInterface, property); got != want {
			t.Errorf("%s is %v, not %v", property, got, want)
		}
	}
	if got := w.property(model.Path(path), api.NetworkInterface, "DHCPRanges").([]map[string]dbus.Variant); len(got) != 1 {
		t.Errorf("the ranges are %v", got)
	}
	if err := w.call(model.Path(path), "Network.Delete", none()).Err; err != nil {
		t.Fatal(err)
	}
	if got := w.call(localPath, "Host.ListNetworks", none()); len(got.Body[0].([]dbus.ObjectPath)) != 1 {
		t.Errorf("the networks are %v", got.Body)
	}
}

func TestABadNetworkReachesNoHypervisor(t *testing.T) {
	t.Parallel()
	w := newWorld(t).withNetwork()
	for want, spec := range map[errs.Kind]map[string]dbus.Variant{
		errs.InvalidArgument: opts("name", "x", "vlans", []uint32{1}),
		errs.AlreadyExists:   opts("name", "lan"),
	} {
		if got := errorName(w.call(localPath, "Host.CreateNetwork", spec, none()).Err); got != want.DBusName() {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	for _, spec := range []map[string]dbus.Variant{
		opts("name", "x", "nonsense", true), opts("name", "x", "mtu", "1400"), opts(),
		opts("name", "x", "addresses", []map[string]dbus.Variant{opts("address", uint32(1))}),
	} {
		if got := errorName(w.call(localPath, "Host.CreateNetwork", spec, none()).Err); got != errs.InvalidArgument.DBusName() {
			t.Errorf("%v: got %s", spec, got)
		}
	}
	if slices.ContainsFunc(w.hv.Calls(), func(c string) bool { return c == "create-network x" }) {
		t.Error("the hypervisor was asked")
	}
}

func TestANetworkInUseIsNotTakenAwayUnlessForced(t *testing.T) {
	t.Parallel()
	vms := []*model.VM{running(1, "on"), fakehv.VM(2, "off")}
	w := newWorld(t).withNetwork(vms...)
	for _, method := range []string{"Network.Stop", "Network.Delete"} {
		if got := errorName(w.call(lanPath, method, none()).Err); got != errs.DeviceInUse.DBusName() {
			t.Errorf("%s: got %s", method, got)
		}
	}
	if err := w.call(lanPath, "Network.Stop", opts("force", true)).Err; err != nil {
		t.Error(err)
	}
	if w.property(lanPath, api.NetworkInterface, "Active") != false {
		t.Error("it is active")
	}
	if got := errorName(w.call(lanPath, "Network.Stop", none()).Err); got != errs.InvalidState.DBusName() {
		t.Errorf("stopped once more: %s", got)
	}
	if err := w.call(lanPath, "Network.Delete", opts("force", true)).Err; err != nil {
		t.Error(err)
	}
}

func TestANetworkStopsWhenItsVMsAreOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t).withNetwork(fakehv.VM(2, "off"))
	if err := w.call(lanPath, "Network.Stop", none()).Err; err != nil {
		t.Error(err)
	}
	if err := w.call(lanPath, "Network.SetAutostart", true, none()).Err; err != nil {
		t.Error(err)
	}
	if w.property(lanPath, api.NetworkInterface, "Autostart") != true {
		t.Error("it does not start by itself")
	}
}

func TestATransientNetworkCannotStartByItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hv.PutNetwork(&model.Network{UUID: fakehv.UUID(100), Name: "lan", Active: true})
	w.withHost()
	if got := errorName(w.call(lanPath, "Network.SetAutostart", true, none()).Err); got != errs.InvalidState.DBusName() {
		t.Errorf("got %s", got)
	}
}

func TestAFolderOfTheHostNeedsARightOfItsOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, polkittest.Rule{Action: "org.kvmmanager.host-path.use", Answer: polkittest.No}, polkittest.Rule{Answer: polkittest.Yes})
	w.withHost()
	if got := errorName(w.call(localPath, "Host.CreateNetwork", opts("name", "boot", "tftp-root", "/srv"), none()).Err); got != errs.NotAuthorized.DBusName() {
		t.Errorf("got %s", got)
	}
	if err := w.call(localPath, "Host.CreateNetwork", opts("name", "plain"), none()).Err; err != nil {
		t.Error(err)
	}
}

// appliedTo is what Configure answers: what now, what at the next start.
func (w *world) appliedTo(changes map[string]dbus.Variant, options map[string]dbus.Variant) (now, later []string) {
	w.t.Helper()
	var applied map[string]dbus.Variant
	if err := w.call(lanPath, "Network.Configure", changes, options).Store(&applied); err != nil {
		w.t.Fatal(err)
	}
	return applied["now"].Value().([]string), applied["next-start"].Value().([]string)
}

func TestConfigureSaysWhatAppliesWhen(t *testing.T) {
	t.Parallel()
	w := newWorld(t).withNetwork()
	changes := opts("domain", "lab.test", "dhcp-ranges", []map[string]dbus.Variant{opts("start", "10.1.0.2", "end", "10.1.0.9")})
	for _, options := range []map[string]dbus.Variant{opts("dry-run", true), none()} {
		now, later := w.appliedTo(changes, options)
		if !slices.Equal(now, []string{"dhcp-ranges"}) || !slices.Equal(later, []string{"domain"}) {
			t.Errorf("now %v, later %v", now, later)
		}
		ranges := w.property(lanPath, api.NetworkInterface, "DHCPRanges").([]map[string]dbus.Variant)
		if dry := len(options) > 0; dry != (len(ranges) == 0) {
			t.Errorf("with %v the ranges are %v", options, ranges)
		}
	}
}

func TestAChangeThatCollidesIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hv.PutNetwork(&model.Network{UUID: fakehv.UUID(102), Name: "wan", Mode: "nat", Bridge: "virbr5", Addresses: []model.NetworkAddress{{Address: "10.9.0.1", Prefix: 24}}})
	w.withNetwork()
	addresses := func(address string) map[string]dbus.Variant {
		return opts("addresses", []map[string]dbus.Variant{opts("address", address)})
	}
	for _, test := range []struct {
		want    errs.Kind
		changes map[string]dbus.Variant
	}{
		{errs.AlreadyExists, addresses("10.9.0.9")},
		{errs.AlreadyExists, opts("bridge", "virbr5")},
		{errs.InvalidArgument, addresses("nonsense")},
		{errs.InvalidArgument, opts("name", "other")},
		{errs.InvalidArgument, opts("autostart", true)},
		{errs.InvalidArgument, opts("nonsense", true)},
		{"", addresses("10.1.2.1")}, // its own are free
	} {
		want := ""
		if test.want != "" {
			want = test.want.DBusName()
		}
		if got := errorName(w.call(lanPath, "Network.Configure", test.changes, none()).Err); got != want {
			t.Errorf("%v: got %s, want %s", test.changes, got, want)
		}
	}
}

func TestFixedLeasesAndLeasesTellTheirVM(t *testing.T) {
	t.Parallel()
	w := newWorld(t).withNetwork(running(1, "web"))
	for _, mac := range []string{"52:54:00:00:00:01", "52:54:00:00:00:AB"} {
		if err := w.call(lanPath, "Network.AddDHCPHost", opts("mac", mac, "address", "10.1.0.9"), none()).Err; err != nil {
			t.Fatal(err)
		}
	}
	var leases []map[string]dbus.Variant
	if err := w.call(lanPath, "Network.GetLeases", none()).Store(&leases); err != nil {
		t.Fatal(err)
	}
	if len(leases) != 2 || leases[0]["vm"].Value() != dbus.ObjectPath(vmPath) || leases[1]["mac"].Value() != "52:54:00:00:00:ab" || leases[1]["vm"].Value() != nil {
		t.Errorf("got %v", leases)
	}
	if err := w.call(lanPath, "Network.RemoveDHCPHost", opts("mac", "52:54:00:00:00:01"), none()).Err; err != nil {
		t.Error(err)
	}
	if got := w.property(lanPath, api.NetworkInterface, "DHCPHosts").([]map[string]dbus.Variant); len(got) != 1 {
		t.Errorf("left are %v", got)
	}
	if got := errorName(w.call(lanPath, "Network.RemoveDHCPHost", none(), none()).Err); got != errs.InvalidArgument.DBusName() {
		t.Errorf("got %s", got)
	}
}
