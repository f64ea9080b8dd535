package model

import (
	"reflect"
	"strings"
	"testing"
)

// eachText calls fn with every text that a spec can have, filled with records
// and lists of one element. set changes the text, which is empty before and after.
func eachText(t *testing.T, spec reflect.Value, at string, fn func(key string, text reflect.Value)) {
	t.Helper()
	for i := range spec.NumField() {
		key, v := spec.Type().Field(i).Tag.Get("wire"), spec.Field(i)
		if key == "" || key == "-" {
			continue
		}
		switch v.Kind() {
		case reflect.Slice:
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			v = v.Index(0)
		case reflect.Pointer:
			v.Set(reflect.New(v.Type().Elem()))
			v = v.Elem()
		}
		switch v.Kind() {
		case reflect.String:
			fn(at+key, v)
			v.SetString("")
		case reflect.Struct:
			eachText(t, v, at+key+".", fn)
		}
	}
}

// specs is everything that a caller can specify.
func specs() []any {
	return []any{&Device{}, &Configuration{}, &VMSpec{}, &NetworkSetup{}, &PoolSpec{}, &VolumeSpec{}, &DHCPHost{}}
}

// paths are the keys whose text may be a path, and exports those that name
// something on a server: slashes are what they are made of.
var (
	paths = map[string]bool{
		"source": true, "source.path": true, "target": true, "source-devices": true, "tftp-root": true, "source-path": true,
		"source.url": true, "boot-file": true, "source-name": true, "initiator": true, "user": true,
		// Object paths, which the bus has looked at.
		"network": true, "source.volume": true, "disks.pool": true, "disks.volume": true, "networks.network": true, "backing": true,
	}
	// plain are the keys whose text means something to people or guests only, or
	// has a check of its own, beside that of all lines.
	prose = map[string]bool{
		"name": true, "title": true, "description": true, "tags": true, "os": true, "id": true, "address": true, "listen": true, "ip-addresses": true,
		"cloud-init.password": true, "cloud-init.ssh-keys": true, "cloud-init.host-name": true, "cloud-init.packages": true,
		"disks.name": true, "domain": true, "dhcp-hosts.name": true, "dhcp-hosts.id": true, "dns-hosts.names": true, "source-hosts": true, "secret": true,
	}
)

func TestEveryTextOfASpecHasARule(t *testing.T) {
	t.Parallel()
	for _, spec := range specs() {
		kind := reflect.TypeOf(spec).Elem().Name()
		eachText(t, reflect.ValueOf(spec).Elem(), "", func(key string, text reflect.Value) {
			tried := func(value string) error {
				text.SetString(value)
				defer text.SetString("")
				return ValidateSpecTexts(spec)
			}
			for _, value := range []string{"a\nb", "a\x00b", "a\x1b[2J", "a\u202eb", "a\ufdd0b", "a\u200bb", "a\xffb", strings.Repeat("a", 70000)} {
				if value == "a\nb" && key == "description" {
					continue
				}
				if tried(value) == nil {
					t.Errorf("%s: %s can be %.20q", kind, key, value)
				}
			}
			device := kind == "Device" && key != "address" && key != "id" && key != "listen" && key != "ip-addresses" && !paths[key]
			if !device && (prose[key] || paths[key]) {
				return
			}
			for _, value := range []string{"../../../etc/victim", "/etc/victim", "a/../b", "..", "./a"} {
				if tried(value) == nil {
					t.Errorf("%s: %s can be %q", kind, key, value)
				}
			}
			if key == "pool" || key == "volume" || key == "network-name" {
				return // what is called so is looked up
			}
			for _, value := range []string{
				"-a", "--a", "a,b", "a=b,c", "a%sb", "%d", "a\"b", "a'b", "a<b", "a&b", "a;b", "a|b", "a$(b)", "a`b`", "a\\b", "a#b", " a", "a\u00a0b", "é", "a{b}", "a*b",
			} {
				if tried(value) == nil {
					t.Errorf("%s: %s can be %q", kind, key, value)
				}
			}
		})
	}
}

func TestATextWithoutARuleIsRefused(t *testing.T) {
	t.Parallel()
	type newRecord struct {
		Key string `wire:"new-key"`
	}
	type newSpec struct {
		List []newRecord `wire:"list"`
	}
	if err := ValidateSpecTexts(&newSpec{List: []newRecord{{}, {"a"}}}); err == nil || !strings.Contains(err.Error(), "list[1].new-key") {
		t.Errorf("got %v", err)
	}
}

func TestWhatPeopleUseIsTaken(t *testing.T) {
	t.Parallel()
	for _, d := range []Device{
		{Kind: KindChannel, Type: "unix", Name: "org.qemu.guest_agent.0"},
		{Kind: KindChannel, Name: "com.redhat.spice.0"},
		{Target: "vda"},
		{Target: "sdaa"},
		{Serial: "WD-1234 5678_9"},
		{Tag: "my files"},
		{Bridge: "br-lan.10"},
		{HostDevice: "enp0s31f6"},
		{Source: "/srv/a, b & <c>.iso"},
		{Source: "https://example.org/a%20b.iso"},
		{Pool: "my pool", Volume: "a, b.qcow2"},
		{NetworkName: "de<fault"},
		{Model: "virtio-non-transitional"},
		{Version: "2.0"},
		{MAC: "52:54:00:Aa:bb:cc"},
		{Model: "ne2k_pci"},
	} {
		if err := ValidateDevice(&d); err != nil {
			t.Errorf("%+v: %v", d, err)
		}
	}
	for _, c := range []Configuration{{CPUModel: "Skylake-Server-v5"}, {CPUModel: "Cascadelake-Server-noTSX"}, {MachineType: "pc-q35-10.0"}, {CPUModel: "486-v1"}, {CPUModel: "POWER9"}} {
		if err := ValidateSpecTexts(&c); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
