package virt

import (
	"slices"
	"strings"
	"testing"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/inventory"
)

// stopped is a connection with one VM that is off.
func stopped(t *testing.T) (*Conn, *model.VM) {
	t.Helper()
	c := connect(t, node(t, 1))
	vm := only(t, c)
	if err := c.PowerOff(t.Context(), vm.UUID); err != nil {
		t.Fatal(err)
	}
	return c, vm
}

func TestDefinitionsOfOthersAreNeverReplaced(t *testing.T) {
	t.Parallel()
	c, vm := stopped(t)
	const other = "33333333-0000-4000-8000-000000000000"
	for _, tt := range []struct {
		name, xml, uuid string
		want            errs.Kind
	}{
		{"a new VM with a taken name", vmXML(vm.Name, ""), "", errs.AlreadyExists},
		{"a new VM with a taken name and a UUID of its own", vmXML(vm.Name, other), "", errs.AlreadyExists},
		{"a new VM with a taken UUID", vmXML("other", vm.UUID), "", errs.AlreadyExists},
		{"another UUID", vmXML(vm.Name, other), vm.UUID, errs.InvalidArgument},
		{"no UUID", vmXML(vm.Name, ""), vm.UUID, errs.InvalidArgument},
		{"another name", vmXML("other", vm.UUID), vm.UUID, errs.InvalidArgument},
		{"a VM that does not exist", vmXML("other", other), other, errs.NotFound},
		{"no XML", "hello", "", errs.InvalidArgument},
		{"another document", "<network><name>x</name></network>", "", errs.InvalidArgument},
		{"what the schema does not know", strings.Replace(vmXML("x", ""), "<os>", "<os><nonsense/>", 1), "", errs.InvalidArgument},
	} {
		if _, err := c.DefineXML(t.Context(), tt.xml, tt.uuid); !errs.Is(err, tt.want) {
			t.Errorf("%s: %v, not %s", tt.name, err, tt.want)
		}
	}
	if after := only(t, c); after.ConfigVersion != vm.ConfigVersion {
		t.Error("the VM has changed")
	}
}

func TestADefinitionIsReplaced(t *testing.T) {
	t.Parallel()
	c, vm := stopped(t)
	xml := strings.Replace(vmXML(vm.Name, vm.UUID), "<vcpu>2", "<vcpu>3", 1)
	if uuid, err := c.DefineXML(t.Context(), xml, vm.UUID); err != nil || uuid != vm.UUID {
		t.Fatal(uuid, err)
	}
	after := only(t, c)
	if after.VCPUs != 3 || after.ConfigVersion == vm.ConfigVersion {
		t.Errorf("%d vCPUs, version %d after %d", after.VCPUs, after.ConfigVersion, vm.ConfigVersion)
	}
}

func TestAVMIsRenamedAndDeleted(t *testing.T) {
	t.Parallel()
	c, vm := stopped(t)
	if err := c.Rename(t.Context(), vm.UUID, ""); !errs.Is(err, errs.InvalidArgument) {
		t.Errorf("no name: %v", err)
	}
	if err := c.Rename(t.Context(), vm.UUID, "renamed"); err != nil && !errs.Is(err, errs.NotSupported) {
		t.Fatal(err)
	} else if err == nil && only(t, c).Name != "renamed" {
		t.Error("it kept its name")
	}
	if err := c.Delete(t.Context(), vm.UUID); err != nil {
		t.Fatal(err)
	}
	if vms, err := c.VMs(t.Context()); err != nil || len(vms) != 0 {
		t.Errorf("%d VMs are left, %v", len(vms), err)
	}
}

func TestTextsAndTagsAreStoredAndRemoved(t *testing.T) {
	t.Parallel()
	c := connect(t, node(t, 1))
	uuid := only(t, c).UUID
	check := func(title, text string, tags []string) {
		t.Helper()
		for _, err := range []error{
			c.SetTitle(t.Context(), uuid, title), c.SetDescription(t.Context(), uuid, text), c.SetTags(t.Context(), uuid, tags),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		vm, err := c.VM(t.Context(), uuid)
		if err != nil {
			t.Fatal(err)
		}
		if vm.Title != title || vm.Description != text || !slices.Equal(vm.Tags, tags) {
			t.Errorf("title %q, description %q, tags %q", vm.Title, vm.Description, vm.Tags)
		}
	}
	check("A <title> & more", "Two\nlines", []string{"web", "prod"})
	check("", "", nil)
	check("", "", nil) // there is nothing to remove
	if err := c.SetTitle(t.Context(), uuid, "two\nlines"); !errs.Is(err, errs.InvalidArgument) {
		t.Errorf("a title of two lines: %v", err)
	}
}

func TestAutostartMovesTheConfigVersionAndBack(t *testing.T) {
	t.Parallel()
	c := connect(t, node(t, 1))
	before := only(t, c)
	for _, on := range []bool{true, false} {
		if err := c.SetAutostart(t.Context(), before.UUID, on); err != nil {
			t.Fatal(err)
		}
		awaitEvent(t, c, "autostart", func(e inventory.Event) bool { return e.ID == before.UUID })
		vm := only(t, c)
		if vm.Autostart != on || (vm.ConfigVersion == before.ConfigVersion) != (on == before.Autostart) {
			t.Errorf("autostart %v: %v, version %d, before %d", on, vm.Autostart, vm.ConfigVersion, before.ConfigVersion)
		}
	}
}

func TestTheXMLIsGivenAsAsked(t *testing.T) {
	t.Parallel()
	c := connect(t, node(t, 1))
	uuid := only(t, c).UUID
	live, err := c.XML(t.Context(), uuid, false, false)
	if err != nil || !strings.Contains(live, "id='") {
		t.Errorf("live: %v\n%s", err, live)
	}
	stored, err := c.XML(t.Context(), uuid, true, true)
	if err != nil || strings.Contains(stored, " id='1'") {
		t.Errorf("stored: %v\n%s", err, stored)
	}
}
