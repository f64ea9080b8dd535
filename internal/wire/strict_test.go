package wire_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/wire"
)

type dict = map[string]dbus.Variant

func v(value any) dbus.Variant { return dbus.MakeVariant(value) }

func TestASpecIsReadWithEverythingInside(t *testing.T) {
	t.Parallel()
	got, yes, fd := model.VMSpec{}, true, model.FD(0)
	err := wire.DecodeSpec(dict{
		"name": v("web"), "vcpus": v(uint32(2)), "start": v(true), "networks": v([]dict{}),
		"source": v(dict{"kind": v("iso"), "fd": v(dbus.UnixFDIndex(0))}),
		"disks":  v([]dict{{"size": v(uint64(5)), "pool": v(dbus.ObjectPath("/a"))}}),
	}, &got)
	want := model.VMSpec{
		Name: "web", VCPUs: 2, Start: &yes, Networks: []model.NetworkSpec{},
		Source: model.VMSource{Kind: "iso", FD: &fd}, Disks: []model.DiskSpec{{Size: 5, Pool: "/a"}},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestWhatASpecDoesNotHaveIsRefusedByName(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		values dict
		wrong  string
	}{
		"an unknown key":           {dict{"cpus": v(uint32(2))}, "“cpus”"},
		"another type":             {dict{"vcpus": v(int32(2))}, "“vcpus” must have the type u, not i"},
		"an unknown key inside":    {dict{"source": v(dict{"knd": v("iso")})}, "“source.knd”"},
		"another type inside":      {dict{"source": v(dict{"kind": v(true)})}, "“source.kind” must have the type s"},
		"in a list":                {dict{"disks": v([]dict{{}, {"size": v("1")}})}, "“disks[1].size”"},
		"behind a pointer":         {dict{"cloud-init": v(dict{"usr": v("a")})}, "“cloud-init.usr”"},
		"a number for a file":      {dict{"source": v(dict{"fd": v(uint32(0))})}, "“source.fd” must have the type h"},
		"a key that is no word":    {dict{"a\nb" + strings.Repeat("x", 100): v(1)}, "“a?bx"},
		"a key with controls":      {dict{"a\u0085\u009bb": v(1)}, "“a??b”"},
		"a variant in the variant": {dict{"name": v(v("web"))}, "“name” must have the type s, not v"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := wire.DecodeSpec(tt.values, &model.VMSpec{})
			if !errs.Is(err, errs.InvalidArgument) || !strings.Contains(err.Error(), tt.wrong) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want something about %s", err, tt.wrong)
			}
		})
	}
}

func TestASpecMakesTheRoundTrip(t *testing.T) {
	t.Parallel()
	seed, want := 0, &model.VMSpec{}
	fill(reflect.ValueOf(want).Elem(), &seed)
	values := dict{}
	for _, entry := range wire.Record(want) {
		values[entry.Key] = overTheBus(t, entry.Value)
	}
	got := &model.VMSpec{}
	if err := wire.DecodeSpec(values, got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("came back different: %v\n got %+v\nwant %+v", err, got, want)
	}
}
