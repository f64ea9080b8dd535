package api_test

import (
	"maps"
	"reflect"
	"testing"
	"time"

	api "org.kvmmanager/dbus"
	"org.kvmmanager/dbus/apidoc"
	"org.kvmmanager/internal/bus"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/wire"
)

func TestTheBusCanServeEveryInterface(t *testing.T) {
	t.Parallel()
	for i, document := range api.XML() {
		ifaces, err := bus.ParseInterfaces(document)
		if err != nil || len(ifaces) != 1 || ifaces[0].Name != api.Interfaces()[i] {
			t.Errorf("%s: got %v, %v", api.Interfaces()[i], ifaces, err)
		}
	}
}

func TestPropertiesAreTheFieldsOfTheModel(t *testing.T) {
	t.Parallel()
	models := map[string]any{
		api.ManagerInterface:     &model.Manager{},
		api.HostInterface:        &model.Host{},
		api.VMInterface:          &model.VM{},
		api.SnapshotInterface:    &model.Snapshot{},
		api.JobInterface:         &model.Job{},
		api.NetworkInterface:     &model.Network{},
		api.StoragePoolInterface: &model.StoragePool{},

		api.StorageVolumeInterface: &model.StorageVolume{},
	}
	for name, iface := range parsed(t) {
		if len(iface.Properties) == 0 && models[name] == nil {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			documented := map[string]string{}
			for _, p := range iface.Properties {
				documented[p.Name] = p.Type
			}
			compare(t, documented, properties(t, models[name]))
		})
	}
}

func TestKeysOfRecordsAreTheFieldsOfTheModel(t *testing.T) {
	t.Parallel()
	all := parsed(t)
	guest := all[api.GuestInterface]
	host, network := all[api.HostInterface], all[api.NetworkInterface]
	records := map[string]struct {
		keys  []apidoc.Key
		value any
	}{
		"devices":      {all[api.VMInterface].Section("Device records").Keys, &model.Device{}},
		"checks":       {host.Method("CheckHealth").Out[0].Keys, &model.Check{}},
		"start checks": {all[api.VMInterface].Method("CheckStart").Out[0].Keys, &model.StartCheck{}},
		"guests":       {guest.Method("GetInfo").Out[0].Keys, &model.GuestInfo{}},
		"users":        {guest.Section("User records").Keys, &model.GuestUser{}},
		"file systems": {guest.Section("File system records").Keys, &model.GuestFilesystem{}},
		"interfaces":   {guest.Section("Interface records").Keys, &model.GuestInterface{}},
		"capabilities": {host.Method("GetCapabilities").Out[0].Keys, &model.Capabilities{}},
		"samples once": {host.Method("GetStatistics").Out[1].Keys, &model.Sample{}},
		"samples":      {signal(t, host, "StatisticsSampled").Args[1].Keys, &model.Sample{}},
		"addresses":    {property(t, network, "Addresses").Keys, &model.NetworkAddress{}},
		"DHCP ranges":  {property(t, network, "DHCPRanges").Keys, &model.DHCPRange{}},
		"DHCP hosts":   {property(t, network, "DHCPHosts").Keys, &model.DHCPHost{}},
		"leases":       {network.Method("GetLeases").Out[0].Keys, &model.Lease{}},
		"new networks": {host.Method("CreateNetwork").In[0].Keys, &model.NetworkSetup{}},
		"fixed leases": {network.Method("AddDHCPHost").In[0].Keys, &model.DHCPHost{}},
		"DNS hosts":    {property(t, network, "DNSHosts").Keys, &model.DNSHost{}},
	}
	for name, record := range records {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			documented := map[string]string{}
			for _, k := range record.keys {
				documented[k.Name] = k.Type
			}
			compare(t, documented, signatures(wire.Record(fill(t, record.value))))
		})
	}
}

func compare(t *testing.T, documented, encoded map[string]string) {
	t.Helper()
	if maps.Equal(documented, encoded) {
		return
	}
	for name, sig := range documented {
		if encoded[name] != sig {
			t.Errorf("%s is documented as %q and sent as %q", name, sig, encoded[name])
		}
	}
	for name, sig := range encoded {
		if _, ok := documented[name]; !ok {
			t.Errorf("%s (%s) is sent and not documented", name, sig)
		}
	}
}

// properties is what the service sends for a model struct, with signatures.
func properties(t *testing.T, value any) map[string]string {
	t.Helper()
	props := wire.PropsOf(value)
	var out bus.Dict
	for _, name := range props.Changed(nil) {
		v, _ := props.Get(name)
		out = append(out, bus.Entry{Key: name, Value: v})
	}
	if len(out) == 0 {
		t.Fatalf("%T has no properties", value)
	}
	return signatures(out)
}

func signatures(values bus.Dict) map[string]string {
	out := map[string]string{}
	for _, e := range values {
		out[e.Key] = e.Value.Signature().String()
	}
	return out
}

// fill gives every field a value, since records leave zeros out.
func fill(t *testing.T, value any) any {
	t.Helper()
	v := reflect.ValueOf(value).Elem()
	for i := range v.NumField() {
		f := v.Field(i)
		if !f.CanSet() {
			continue
		}
		switch f.Kind() {
		case reflect.String:
			f.SetString("/x")
		case reflect.Bool:
			f.SetBool(true)
		case reflect.Struct:
			f.Set(reflect.ValueOf(time.UnixMicro(1)))
		case reflect.Int32:
			f.SetInt(1)
		case reflect.Uint32, reflect.Uint64:
			f.SetUint(1)
		case reflect.Float64:
			f.SetFloat(1)
		case reflect.Pointer:
			f.Set(reflect.New(f.Type().Elem()))
		case reflect.Slice:
			f.Set(reflect.MakeSlice(f.Type(), 1, 1))
		default:
			t.Fatalf("cannot fill a %v", f.Type())
		}
	}
	return value
}

func property(t *testing.T, iface *apidoc.Interface, name string) apidoc.Property {
	t.Helper()
	for _, p := range iface.Properties {
		if p.Name == name {
			return p
		}
	}
	t.Fatalf("%s has no property %s", iface.Name, name)
	return apidoc.Property{}
}

func signal(t *testing.T, iface *apidoc.Interface, name string) apidoc.Signal {
	t.Helper()
	for _, s := range iface.Signals {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("%s has no signal %s", iface.Name, name)
	return apidoc.Signal{}
}
