package domainxml

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

// withSecrets is a definition in which everything that may hold a secret holds
// one, and nothing else does.
const withSecrets = `<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0' xmlns:other='http://example.org/SECRET'>
  <name>web</name>
  <uuid>6b6d6d74-0000-4000-8000-000000000002</uuid>
  <title>Web server</title>
  <metadata>
    <app:token xmlns:app='http://example.org/app' value='SECRET'>SECRET<app:more>SECRET</app:more></app:token>
    <token xmlns='http://example.org/app' value='SECRET'>SECRET<more>SECRET</more></token>
  </metadata>
  <memory unit='KiB'>131072</memory>
  <vcpu>1</vcpu>
  <sysinfo type='smbios'>
    <bios><entry name='vendor'>SECRET</entry></bios>
    <system><entry name='serial'>SECRET</entry></system>
    <baseBoard><entry name='asset'>SECRET</entry></baseBoard>
    <chassis><entry name='sku'>SECRET</entry></chassis>
    <oemStrings><entry>io.systemd.credential:login=SECRET</entry></oemStrings>
  </sysinfo>
  <sysinfo type='fwcfg'>
    <entry name='opt/SECRET'>SECRET</entry>
    <entry name='opt/file' file='/SECRET'/>
  </sysinfo>
  <bootloader_args>SECRET</bootloader_args>
  <os>
    <type arch='x86_64' machine='q35'>hvm</type>
    <kernel>/boot/vmlinuz</kernel>
    <cmdline>console=ttyS0 systemd.set_credential=a:SECRET</cmdline>
    <init>/sbin/init</init>
    <initarg>SECRET</initarg>
    <initenv name='SECRET'>SECRET</initenv>
    <smbios mode='sysinfo'/>
  </os>
  <launchSecurity type='sev'>
    <policy>0x0001</policy>
    <dhCert>SECRET</dhCert>
    <session>SECRET</session>
    <hostData>SECRET</hostData>
    <idBlock>SECRET</idBlock>
    <idAuth>SECRET</idAuth>
  </launchSecurity>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type='network' device='cdrom'>
      <driver name='qemu' type='raw'/>
      <source protocol='https' name='iso/debian.iso?key=SECRET' query='key=SECRET'>
        <host name='user:SECRET@example.org' port='443'/>
        <cookies><cookie name='session'>SECRET</cookie></cookies>
      </source>
      <target dev='sda' bus='sata'/>
      <backingStore type='network'><source protocol='ftp' name='a?SECRET' query='SECRET'><host name='a:SECRET@example.org'/></source></backingStore>
    </disk>
    <graphics type='vnc' port='-1' autoport='yes' listen='127.0.0.1' passwd='SECRET'/>
    <invented value='kept'>SECRET</invented>
    <other:thing value='SECRET'>SECRET</other:thing>
  </devices>
  <qemu:commandline>
    <qemu:arg value='-fw_cfg'/>
    <qemu:arg value='name=opt/a,string=SECRET'/>
    <qemu:env name='TOKEN' value='SECRET'/>
  </qemu:commandline>
  <qemu:override><qemu:device alias='a'><qemu:frontend><qemu:property name='b' type='string' value='SECRET'/></qemu:frontend></qemu:device></qemu:override>
</domain>
`

func TestRedactLeavesNoSecret(t *testing.T) {
	t.Parallel()
	got, err := Redact(withSecrets)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(got, "SECRET") {
		t.Errorf("secrets are left:\n%s", got)
	}
	for _, kept := range []string{
		"<name>web</name>", "<title>Web server</title>", "<memory unit=\"KiB\">131072</memory>", "<kernel>/boot/vmlinuz</kernel>",
		"machine=\"q35\"", "<emulator>/usr/bin/qemu-system-x86_64</emulator>", "name=\"iso/debian.iso\"", "name=\"example.org\"",
		"<launchSecurity type=\"sev\">", "passwd",
	} {
		if strings.Contains(got, kept) == (kept == "passwd") {
			t.Errorf("%s: %v in\n%s", kept, strings.Contains(got, kept), got)
		}
	}
}

// TestPropertiesHaveNoSecret: what a VM is shown as has nothing of what Redact
// leaves out.
func TestPropertiesHaveNoSecret(t *testing.T) {
	t.Parallel()
	for _, live := range []string{"", withSecrets} {
		vm := must(t)(ParseVM(live, withSecrets))
		shown, err := json.Marshal(vm)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(shown), "SECRET") {
			t.Errorf("a property has a secret: %s", shown)
		}
	}
}

// TestRedactKeepsWhatPropertiesShow of devices: it leaves out no more than it has
// to.
func TestRedactKeepsWhatPropertiesShow(t *testing.T) {
	t.Parallel()
	for _, name := range vmNames(t) {
		live, stored := vmPair(t, name)
		for _, doc := range []string{live, stored} {
			if doc == "" {
				continue
			}
			redacted, err := Redact(doc)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			want, got := must(t)(ParseVM("", doc)).(*model.VM), must(t)(ParseVM("", redacted)).(*model.VM)
			want.Tags, want.OSID, want.OSShortID, want.OSName, want.Template = nil, "", "", "", false // the metadata
			got.OSName, got.Tags = "", nil
			for field, pair := range asFields(t, want, got) {
				if pair[0] != pair[1] {
					t.Errorf("%s: %s was %.300s and is %.300s", name, field, pair[0], pair[1])
				}
			}
			if again, err := Redact(redacted); err != nil || again != redacted {
				t.Errorf("%s changes when it is redacted again: %v\n%s", name, err, again)
			}
		}
	}
}

// asFields returns the fields of two VMs by their names.
func asFields(t *testing.T, a, b *model.VM) map[string][2]string {
	t.Helper()
	fields := map[string][2]string{}
	for i, vm := range []*model.VM{a, b} {
		value := reflect.ValueOf(*vm)
		for n := range value.NumField() {
			text, err := json.Marshal(value.Field(n).Interface())
			if err != nil {
				t.Fatal(err)
			}
			pair := fields[value.Type().Field(n).Name]
			pair[i] = string(text)
			fields[value.Type().Field(n).Name] = pair
		}
	}
	return fields
}

// TestARedactedDefinitionIsNotStored: what was left out would be lost.
func TestARedactedDefinitionIsNotStored(t *testing.T) {
	t.Parallel()
	if _, _, err := Check(withSecrets); err != nil {
		t.Fatal(err)
	}
	redacted, err := Redact(withSecrets)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := Check(redacted); !errs.Is(err, errs.InvalidArgument) || !strings.Contains(err.Error(), "not complete") {
		t.Errorf("got %v", err)
	}
}

func TestRedactRefusesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	for _, doc := range []string{"", "no XML", "<domain>", "<network/>"} {
		if got, err := Redact(doc); err == nil {
			t.Errorf("%q becomes %q", doc, got)
		}
	}
}
