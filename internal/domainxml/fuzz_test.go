package domainxml

import (
	"testing"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

// FuzzParseVM holds every VM to what the service relies on, whatever the XML.
func FuzzParseVM(f *testing.F) {
	for _, name := range vmNames(f) {
		live, stored := vmPair(f, name)
		f.Add(live, stored)
		f.Add(live, "")
		f.Add("", stored)
	}
	f.Add("<domain><devices><disk/><disk/><interface/><hostdev/><tpm/><rng/><graphics/></devices></domain>", "<domain/>")
	f.Fuzz(func(t *testing.T, live, stored string) {
		vm, err := ParseVM(live, stored)
		if err != nil {
			return
		}
		if vm.Persistent != (stored != "") || vm.VCPUs == 0 || vm.VCPUs > vm.MaxVCPUs || vm.GuestAgent == "" {
			t.Errorf("impossible values: %+v", vm)
		}
		if err := model.ValidateTags(vm.Tags); err != nil {
			t.Error(err)
		}
		seen := map[string]bool{}
		for _, d := range allDevices(vm) {
			if d.ID == "" || d.Kind == "" || seen[d.ID] {
				t.Errorf("device %q of kind %q has no id of its own", d.ID, d.Kind)
			}
			seen[d.ID] = true
		}
	})
}

// FuzzCheck holds Check to its promise: what it lets through is a domain that
// ParseVM reads, under the same name.
func FuzzCheck(f *testing.F) {
	for _, name := range vmNames(f) {
		_, stored := vmPair(f, name)
		f.Add(stored)
	}
	f.Add("<?xml version='1.0'?><!DOCTYPE x><domain><name>a</name><uuid>0</uuid></domain>")
	f.Add("<domain><name>a<![CDATA[b]]>&amp;</name></domain>")
	f.Fuzz(func(t *testing.T, doc string) {
		name, uuid, err := Check(doc)
		if err != nil {
			if !errs.Is(err, errs.InvalidArgument) {
				t.Errorf("error of another kind: %v", err)
			}
			return
		}
		if err := model.ValidateVMName(name); err != nil {
			t.Errorf("%q passed: %v", name, err)
		}
		if uuid != "" && model.ValidateUUID(uuid) != nil {
			t.Errorf("UUID %q passed", uuid)
		}
		vm, err := ParseVM("", doc)
		if err != nil {
			t.Fatalf("what was checked cannot be read: %v", err)
		}
		if vm.Name != name {
			t.Errorf("checked as %q and read as %q", name, vm.Name)
		}
	})
}
