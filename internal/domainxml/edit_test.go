package domainxml

import (
	"slices"
	"strings"
	"testing"

	"org.kvmmanager/internal/model"
)

const editable = `<domain><devices>
<controller type='usb' index='0' model='ich9-ehci1'/>
<controller type='usb' index='0' model='ich9-uhci1'><master startport='0'/></controller>
<controller type='scsi' index='0'/>
<serial type='pty'><target port='0'/></serial><serial type='spiceport'><target port='1'/></serial>
<console type='pty'><target type='serial' port='0'/></console>
<channel type='spicevmc'><target type='virtio' name='com.redhat.spice.0'/></channel>
<input type='tablet' bus='usb'/><input type='mouse' bus='ps2'/>
<graphics type='spice'/><graphics type='vnc'/><audio id='1' type='spice'/>
<video><model type='qxl' ram='1' vram='2' heads='2' primary='yes'/><address type='pci' slot='1'/></video>
<watchdog model='itco' action='reset'/><memballoon model='virtio'/>
</devices></domain>`

// remove removes a device and what leaves with it.
func remove(t *testing.T, doc, id string) (after string, ids []string) {
	t.Helper()
	list, err := Devices(doc)
	if err != nil {
		t.Fatal(err)
	}
	e := WithID(list, id)
	group := append(Together(list, e), Dependents(list, Together(list, e))...)
	after, err = RemoveElements(doc, group)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range group {
		ids = append(ids, e.ID)
	}
	return after, ids
}

func TestRemoveElementsRemovesWhatBelongsTogether(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		id   string
		with []string
		has  string // afterwards
	}{
		{"controller-usb-0", []string{"controller-usb-0", "controller-usb-0-2", "input-tablet-usb"}, `<controller model="none" type="usb">`},
		{"controller-usb-0-2", []string{"controller-usb-0-2", "controller-usb-0", "input-tablet-usb"}, `<controller model="none" type="usb">`},
		{"controller-scsi-0", []string{"controller-scsi-0"}, `<controller type="usb" index="0" model="ich9-ehci1">`},
		{"graphics-spice", []string{"graphics-spice", "serial-1", "channel-com.redhat.spice.0"}, `<audio id="1" type="none">`},
		{"graphics-vnc", []string{"graphics-vnc"}, `<audio id="1" type="spice">`},
		{"balloon-0", []string{"balloon-0"}, `<memballoon model="none">`},
		{"serial-1", []string{"serial-1"}, `<console type="pty">`},
	} {
		after, ids := remove(t, editable, test.id)
		if !slices.Equal(ids, test.with) {
			t.Errorf("with %s, %v is removed", test.id, ids)
		}
		if !strings.Contains(after, test.has) {
			t.Errorf("without %s, there is no %s:\n%s", test.id, test.has, after)
		}
		left, err := Devices(after)
		if err != nil {
			t.Fatal(err)
		}
		had, _ := Devices(editable)
		if len(left) != len(had)-len(test.with) {
			t.Errorf("without %s, %d of %d devices are left", test.id, len(left), len(had))
		}
	}
	if after, _ := remove(t, editable, "serial-0"); strings.Contains(after, "<console") {
		t.Errorf("the first serial port is still there as a console:\n%s", after)
	}
	off, _ := remove(t, editable, "balloon-0")
	on, err := AddElement(off, `<memballoon model="virtio"></memballoon>`)
	if err != nil || strings.Count(on, "<memballoon") != 1 {
		t.Errorf("added again: %v\n%s", err, on)
	}
}

func TestReplaceElementChangesCardsAndWatchdogs(t *testing.T) {
	t.Parallel()
	for id, test := range map[string]struct {
		changes model.Device
		keys    []string
		want    string
	}{
		"video-0":    {model.Device{Model: "bochs"}, []string{"model"}, `<video><model type="bochs" primary="yes"></model></video>`},
		"watchdog-0": {model.Device{Action: "poweroff"}, []string{"action"}, `<watchdog model="itco" action="poweroff"></watchdog>`},
	} {
		spec := &model.DeviceSpec{Device: test.changes, Given: map[string]bool{}}
		for _, key := range test.keys {
			spec.Given[key] = true
		}
		e, err := FindDevice(editable, id)
		if err != nil {
			t.Fatal(err)
		}
		if holds, err := e.Holds(spec); err != nil || holds {
			t.Errorf("%s: it holds before: %v, %v", id, holds, err)
		}
		if err := Change(e, spec); err != nil {
			t.Fatal(err)
		}
		after, err := ReplaceElement(editable, e)
		if err != nil || !strings.Contains(after, test.want) {
			t.Errorf("%s: %v, want %s in\n%s", id, err, test.want, after)
		}
		if e, err = FindDevice(after, id); err != nil {
			t.Fatal(err)
		}
		if holds, err := e.Holds(spec); err != nil || !holds {
			t.Errorf("%s: it does not hold: %v, %v", id, holds, err)
		}
	}
	with, err := AddElement(editable, `<watchdog model="i6300esb" action="pause"></watchdog>`)
	if err != nil || strings.Count(with, `action="pause"`) != 2 {
		t.Errorf("two watchdogs have two actions: %v\n%s", err, with)
	}
}

func TestConflictsAreFound(t *testing.T) {
	t.Parallel()
	wrap := func(devices string) string { return "<domain><devices>" + devices + "</devices></domain>" }
	const accelerated = `<video><model type='virtio'><acceleration accel3d='yes'/></model></video>`
	disk := func(target, rest string) string {
		return "<disk type='file' device='disk'><source file='/a'/><target dev='" + target + "'/>" + rest + "</disk>"
	}
	share := "<filesystem><driver type='virtiofs'/><source dir='/a'/><target dir='t'/></filesystem>"
	for doc, want := range map[string]string{
		wrap("<graphics type='vnc'/><graphics type='spice'/>"):                                                   "",
		wrap("<graphics type='vnc'/><graphics type='vnc'/>"):                                                     "display",
		wrap("<graphics type='vnc' port='5900'/><graphics type='spice' port='5900'/>"):                           "port",
		wrap("<graphics type='vnc' port='-1' autoport='yes'/><graphics type='spice' port='-1' autoport='yes'/>"): "",
		wrap(accelerated): "display",
		wrap(accelerated + "<graphics type='vnc'/>"):                                "display",
		wrap(accelerated + "<graphics type='spice'><gl enable='yes'/></graphics>"):  "",
		wrap(accelerated + "<graphics type='vnc'/><graphics type='egl-headless'/>"): "",
		wrap(share): "share",
		"<domain><memoryBacking><access mode='shared'/></memoryBacking><devices>" + share + "</devices></domain>":         "",
		"<domain><cpu><numa><cell memAccess='shared'/></numa></cpu><devices>" + share + "</devices></domain>":             "",
		"<domain><memoryBacking><access mode='shared'/></memoryBacking><devices>" + share + share + "</devices></domain>": "share",
		wrap(disk("vda", "") + disk("vdb", "")):                         "disk",
		wrap(disk("vda", "") + disk("vdb", "<readonly/>")):              "",
		wrap(disk("vda", "<shareable/>") + disk("vdb", "<shareable/>")): "",
	} {
		found, err := Conflicts(doc)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if len(found) > 0 {
			got = found[0].ID
		}
		if got != want || len(found) > 1 {
			t.Errorf("%s: found %v, want %q", doc, found, want)
		}
	}
	before, after := wrap("<graphics type='vnc'/><graphics type='vnc'/>"), wrap("<graphics type='vnc'/><graphics type='vnc'/>"+accelerated)
	if found, err := NewConflicts(before, after); err != nil || len(found) != 1 || found[0].Hint == "" {
		t.Errorf("new ones: %v, %v", found, err)
	}
}

// TestMetadataOfOtherProgramsStays byte for byte, whatever they have written.
func TestMetadataOfOtherProgramsStays(t *testing.T) {
	t.Parallel()
	for _, metadata := range []string{
		`<metadata/>`,
		`<metadata></metadata>`,
		"<metadata>\n  <!-- made by x --><a:page xmlns:a=\"u:1\" xml:lang='en'>Ask <a:person>Ann</a:person> before you <a:do>stop</a:do> it.</a:page>\n</metadata>",
		`<metadata><k:d xmlns:k='u:2'><k:sep> </k:sep><k:raw><![CDATA[a < b && c]]></k:raw><k:tab v="a&#9;b&#10;c"/><?go on?></k:d> text <p xmlns="u:3"><metadata><x/></metadata></p></metadata>`,
	} {
		doc := "<domain><name>a</name>" + metadata + "<devices><video/></devices></domain>"
		after, err := AddElement(doc, "<panic></panic>")
		if err != nil {
			t.Fatal(err)
		}
		want := strings.Replace(metadata, "<metadata/>", "<metadata></metadata>", 1)
		if !strings.Contains(after, want) || !strings.Contains(after, "<panic>") {
			t.Errorf("%s became\n%s", metadata, after)
		}
	}
}
