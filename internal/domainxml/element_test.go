package domainxml

import (
	"strings"
	"testing"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

func TestElementsHaveTheIDsOfTheVM(t *testing.T) {
	t.Parallel()
	for _, name := range vmNames(t) {
		_, stored := vmPair(t, name)
		vm := must(t)(ParseVM("", stored)).(*model.VM)
		for _, list := range deviceLists(vm) {
			for _, d := range *list {
				if e, err := FindDevice(stored, d.ID); err != nil || e == nil || e.Kind != d.Kind {
					t.Errorf("%s has no %s (%v)", name, d.ID, err)
				}
			}
		}
	}
}

func TestABootOrderReplacesTheOldOneAndNothingElse(t *testing.T) {
	t.Parallel()
	doc := `<domain xmlns:q="http://libvirt.org/schemas/domain/qemu/1.0"><name>a</name><os><boot dev="hd"></boot></os><devices><disk device="disk" future="1"><target dev="vda"></target></disk><disk device="cdrom"><target dev="sda"></target><boot order="1"></boot></disk></devices><q:commandline></q:commandline></domain>`
	got, err := SetBootOrder(doc, []string{"disk-vda"})
	want := `<domain xmlns:q="http://libvirt.org/schemas/domain/qemu/1.0"><name>a</name><os></os><devices><disk device="disk" future="1"><target dev="vda"></target><boot order="1"></boot></disk><disk device="cdrom"><target dev="sda"></target></disk></devices><q:commandline></q:commandline></domain>`
	if err != nil || got != want {
		t.Errorf("got  %s (%v)\nwant %s", got, err, want)
	}
	if _, err := SetBootOrder(doc, []string{"disk-vdb"}); !errs.Is(err, errs.NotFound) {
		t.Errorf("an unknown device: %v", err)
	}
	if _, err := SetBootOrder(doc, []string{"disk-vda", "disk-vda"}); !errs.Is(err, errs.InvalidArgument) {
		t.Errorf("one given twice: %v", err)
	}
}

func TestAnElementJoinsAndLeavesADefinition(t *testing.T) {
	t.Parallel()
	_, doc := vmPair(t, "plain")
	with, err := AddElement(doc, `<panic model="isa"></panic>`)
	if err != nil {
		t.Fatal(err)
	}
	e, err := FindDevice(with, "panic-0")
	if err != nil || e == nil {
		t.Fatalf("it is not there: %v", err)
	}
	without, err := RemoveElements(with, []*Element{e})
	if err != nil || strings.Contains(without, "<panic") {
		t.Errorf("it is still there: %v", err)
	}
	if _, err := RemoveElements(without, []*Element{e}); !errs.Is(err, errs.NotFound) {
		t.Errorf("removed twice: %v", err)
	}
}

// TestAChangeKeepsWhatItIsNotAbout looks at each kind that can change.
func TestAChangeKeepsWhatItIsNotAbout(t *testing.T) {
	t.Parallel()
	const doc = `<domain><devices>
		<disk type="file" device="cdrom"><driver name="qemu" type="raw" future="1"></driver><source file="/old.iso"></source><target dev="sda"></target></disk>
		<interface type="network"><mac address="52:54:00:00:00:01"></mac><source network="a"></source><future></future></interface>
		<disk type="file" device="disk"><source file="/a"></source><target dev="vda"></target></disk></devices></domain>`
	for name, test := range map[string]struct {
		id      string
		changes model.Device
		given   string
		want    string // the element, or the kind of error
	}{
		"a medium":           {"cdrom-sda", model.Device{Source: "/new.iso"}, "source", `<disk type="file" device="cdrom"><driver name="qemu" type="raw" future="1"></driver><target dev="sda"></target><source file="/new.iso"></source><backingStore></backingStore></disk>`},
		"no medium":          {"cdrom-sda", model.Device{}, "source", `<disk type="file" device="cdrom"><driver name="qemu" type="raw" future="1"></driver><target dev="sda"></target></disk>`},
		"another network":    {"interface-52:54:00:00:00:01", model.Device{NetworkName: "b"}, "network-name", `<interface type="network"><mac address="52:54:00:00:00:01"></mac><future></future><source network="b"></source></interface>`},
		"a bridge":           {"interface-52:54:00:00:00:01", model.Device{Bridge: "br0"}, "bridge", `<interface type="bridge"><mac address="52:54:00:00:00:01"></mac><future></future><source bridge="br0"></source></interface>`},
		"no cable":           {"interface-52:54:00:00:00:01", model.Device{LinkDown: true}, "link-down", `<interface type="network"><mac address="52:54:00:00:00:01"></mac><source network="a"></source><future></future><link state="down"></link></interface>`},
		"how it is cached":   {"disk-vda", model.Device{Cache: "none"}, "cache", `<disk type="file" device="disk"><source file="/a"></source><target dev="vda"></target><driver cache="none"></driver></disk>`},
		"an unknown cache":   {"disk-vda", model.Device{Cache: "some"}, "cache", string(errs.InvalidArgument)},
		"a disk's source":    {"disk-vda", model.Device{Source: "/b"}, "source", string(errs.NotSupported)},
		"a relative medium":  {"cdrom-sda", model.Device{Source: "b"}, "source", string(errs.InvalidArgument)},
		"a network unnamed":  {"interface-52:54:00:00:00:01", model.Device{}, "network-name", string(errs.InvalidArgument)},
		"an interface's MAC": {"interface-52:54:00:00:00:01", model.Device{MAC: "x"}, "mac", string(errs.NotSupported)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, err := FindDevice(doc, test.id)
			if err != nil {
				t.Fatal(err)
			}
			if err := Change(e, &model.DeviceSpec{Device: test.changes, Given: map[string]bool{test.given: true}}); err != nil {
				if kind, _ := errs.Of(err); string(kind) != test.want {
					t.Errorf("got %v", err)
				}
				return
			}
			if got, err := e.XML(); got != test.want {
				t.Errorf("got  %s (%v)\nwant %s", got, err, test.want)
			}
		})
	}
}

func TestADriveOfAVolumeIsEmptied(t *testing.T) {
	t.Parallel()
	const doc = `<domain><devices><disk type="volume" device="cdrom"><source pool="a" volume="b"></source><target dev="sda"></target></disk></devices></domain>`
	drive, err := FindDevice(doc, "cdrom-sda")
	if err != nil {
		t.Fatal(err)
	}
	if err := Change(drive, &model.DeviceSpec{Given: map[string]bool{"source": true}}); err != nil {
		t.Fatal(err)
	}
	const want = `<disk type="file" device="cdrom"><target dev="sda"></target></disk>`
	if got, err := drive.XML(); err != nil || got != want {
		t.Errorf("got %s (%v), want %s", got, err, want)
	}
}
