package ui

import (
	_ "embed"
	"path/filepath"
	"slices"

	"github.com/diamondburned/gotk4-adwaita/pkg/adw"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	"org.kvmmanager/client-gtk/i18n"
	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

//go:embed create.ui
var createUI string

// creation is the dialog for a new VM, in three steps.
type creation struct {
	service Service
	host    model.Path
	dialog  *adw.Dialog
	pages   *adw.NavigationView

	name, user, key, os *adw.EntryRow
	hostName, packages  *adw.EntryRow
	address             *adw.EntryRow
	password            *adw.PasswordEntryRow
	login               *adw.PreferencesGroup
	kind                *adw.ComboRow
	onHost              *adw.ComboRow
	advanced            *advanced
	file                *adw.ActionRow
	vcpus, memory, size *adw.SpinRow
	uefi                *adw.SwitchRow
	next, create        *gtk.Button
	review              *adw.Clamp

	// What is wrong, below the fields.
	nameWrong, addressWrong, fileWrong complaint

	path       string // of the chosen file
	head       []byte // its beginning; nil until it is read
	unreadable bool
	offered    origin // what the second step has made its offer for
	plan       client.Plan
}

// origin is what a new VM is made of, and where.
type origin struct {
	host model.Path
	kind model.SourceKind
	of   string // a file or an address
}

// showCreate lets a person make a new VM on a host.
func showCreate(parent gtk.Widgetter, service Service, host model.Path) {
	b := build(createUI)
	c := &creation{
		service: service, host: host,
		dialog: object[*adw.Dialog](b, "dialog"), pages: object[*adw.NavigationView](b, "pages"),
		address:   object[*adw.EntryRow](b, "address"),
		nameWrong: newComplaint(b, "name_wrong"), addressWrong: newComplaint(b, "address_wrong"), fileWrong: newComplaint(b, "file_wrong"),
		name: object[*adw.EntryRow](b, "name"), user: object[*adw.EntryRow](b, "user"),
		key: object[*adw.EntryRow](b, "key"), os: object[*adw.EntryRow](b, "os"),
		hostName: object[*adw.EntryRow](b, "host_name"), packages: object[*adw.EntryRow](b, "packages"),
		onHost: object[*adw.ComboRow](b, "host"), advanced: newAdvanced(b),
		password: object[*adw.PasswordEntryRow](b, "password"), kind: object[*adw.ComboRow](b, "kind"),
		file: object[*adw.ActionRow](b, "file"), vcpus: object[*adw.SpinRow](b, "vcpus"),
		memory: object[*adw.SpinRow](b, "memory"), size: object[*adw.SpinRow](b, "size"),
		login: object[*adw.PreferencesGroup](b, "login"), uefi: object[*adw.SwitchRow](b, "uefi"), next: object[*gtk.Button](b, "to_size"),
		create: object[*gtk.Button](b, "create"), review: object[*adw.Clamp](b, "review"),
	}
	c.offerHosts()
	c.name.ConnectChanged(c.changed)
	for _, row := range []*adw.EntryRow{c.name, c.address} {
		row.ConnectEntryActivated(func() {
			if c.next.Sensitive() {
				c.next.Activate()
			}
		})
	}
	c.address.ConnectChanged(c.changed)
	c.kind.NotifyProperty("selected", c.changed)
	c.next.ConnectClicked(func() { c.ask(c.form().First(), c.askCapabilities) })
	c.uefi.NotifyProperty("active", func() { c.advanced.allow(c.uefi.Active()) })
	object[*gtk.Button](b, "choose").ConnectClicked(c.choose)
	object[*gtk.Button](b, "to_review").ConnectClicked(func() { c.ask(c.form().Spec(), c.showReview) })
	c.create.ConnectClicked(func() {
		spec := c.form().Spec()
		c.service.Create(c.host, spec, c.opened(), waiting(c.dialog, c.service, i18n.F("“%s” Was Not Created", spec.Name)))
	})
	c.changed()
	c.dialog.Present(parent)
	c.name.GrabFocus()
}

func (c *creation) source() store.Source { return store.Sources[c.kind.Selected()] }

// changed shows what the kind of source needs.
func (c *creation) changed() {
	source := c.source()
	c.file.SetVisible(source.File)
	c.login.SetVisible(source.Kind == model.SourceCloud)
	c.address.SetVisible(source.Kind == model.SourceURL)
	address := store.VMForm{Source: source.Kind, Address: c.address.Text()}.WrongAddress()
	name, file := c.wrongName(), ""
	switch {
	case !source.File || c.path == "":
	case c.unreadable:
		file = i18n.F("“%s” cannot be read.", filepath.Base(c.path))
	case c.head != nil:
		file = words.WrongFile(source.Kind, filepath.Base(c.path), c.head)
	}
	c.nameWrong.say(name, c.name.Text() != "")
	c.addressWrong.say(address, c.address.Text() != "")
	c.fileWrong.say(file, true)
	missing := ""
	switch {
	case c.name.Text() == "":
		missing = i18n.T("Enter a name.")
	case source.File && (c.path == "" || c.head == nil && !c.unreadable):
		missing = i18n.T("Select a file.")
	}
	c.next.SetTooltipText(missing)
	c.next.SetSensitive(name == "" && address == "" && file == "" && missing == "")
}

// wrongName says why no VM of this name can be made; empty if one can.
func (c *creation) wrongName() string {
	name := c.name.Text()
	if err := model.ValidateVMName(name); err != nil {
		return err.Error()
	}
	if slices.ContainsFunc(c.service.VMs(), func(vm *model.VM) bool { return vm.Host == c.host && vm.Name == name }) {
		return i18n.F("A virtual machine “%s” exists already.", name)
	}
	return ""
}

// complaint is a line below a field that says what is wrong with it.
type complaint struct {
	row  *gtk.ListBoxRow
	text *gtk.Label
}

func newComplaint(b *gtk.Builder, id string) complaint {
	return complaint{object[*gtk.ListBoxRow](b, id+"_row"), object[*gtk.Label](b, id)}
}

// say shows a text; nothing if it is empty, or the field is still untouched.
func (c complaint) say(text string, touched bool) {
	c.text.SetText(text)
	c.row.SetVisible(text != "" && touched)
}

// choose asks for the file. The client opens it: the service may not.
func (c *creation) choose() {
	chooseFile(c.dialog, func(path string) {
		c.path, c.head, c.unreadable = path, nil, false
		c.file.SetSubtitle(filepath.Base(path))
		c.changed()
		c.service.Head(path, store.HeadLength, func(head []byte, err error) {
			if c.path == path {
				c.head, c.unreadable = head, err != nil
				c.changed()
			}
		})
	})
}

// opened is the path of the chosen file, if the kind of source wants one.
func (c *creation) opened() string {
	if c.source().File {
		return c.path
	}
	return ""
}

// form is what the person has chosen.
func (c *creation) form() store.VMForm {
	f := store.VMForm{
		Name: c.name.Text(), OS: c.os.Text(), Source: c.source().Kind, Address: c.address.Text(), UEFI: c.uefi.Active(),
		VCPUs: uint32(c.vcpus.Value()), MemoryMiB: uint64(c.memory.Value()),
		User: c.user.Text(), Password: c.password.Text(), SSHKey: c.key.Text(), HostName: c.hostName.Text(), Packages: c.packages.Text(),
	}
	if c.size.Visible() {
		f.DiskGiB = uint64(c.size.Value())
	}
	c.advanced.read(&f)
	return f
}

// offerHosts lets a person choose the host where there are several.
func (c *creation) offerHosts() {
	hosts := connected(c.service.Hosts())
	var names []string
	for i, h := range hosts {
		names = append(names, hostTitle(h))
		if h.Path() == c.host {
			defer c.onHost.SetSelected(uint(i))
		}
	}
	c.onHost.SetModel(gtk.NewStringList(names))
	c.onHost.SetVisible(len(hosts) > 1)
	c.onHost.NotifyProperty("selected", func() {
		if at := int(c.onHost.Selected()); at < len(hosts) {
			c.host = hosts[at].Path()
		}
	})
}

// connected is the hosts that something can be made on.
func connected(hosts []*model.Host) []*model.Host {
	return slices.DeleteFunc(hosts, func(h *model.Host) bool { return h.State != model.Connected })
}

// ask has the service plan a spec.
func (c *creation) ask(spec model.VMSpec, then func()) {
	c.service.Plan(c.host, spec, c.opened(), func(plan client.Plan, err error) {
		if err != nil {
			_, sentence := errs.Of(err)
			alert := adw.NewAlertDialog(i18n.T("This Cannot Be Created"), sentence)
			alert.AddResponse("close", i18n.T("_Close"))
			alert.Present(c.dialog)
			return
		}
		c.plan = plan
		then()
	})
}

// askCapabilities goes on when it is known what the host can give. A hypervisor
// that tells nothing gives nothing special.
func (c *creation) askCapabilities() {
	c.service.Capabilities(c.host, func(capabilities model.Capabilities, _ error) { c.showSize(capabilities) })
}

// cloudDisk is what is offered as the size of a disk that a cloud image is
// copied to, in GiB: these images are small, and grow by themselves.
const cloudDisk = 20

// showSize offers what the service would choose, but for somebody who comes back
// to what they have chosen.
func (c *creation) showSize(capabilities model.Capabilities) {
	defer c.pages.PushByTag("size")
	now := origin{c.host, c.source().Kind, c.opened() + c.plan.Spec.Source.URL}
	if now == c.offered {
		return
	}
	c.offered = now
	s := c.plan.Spec
	c.os.SetText(s.OS)
	c.vcpus.SetValue(float64(s.VCPUs))
	c.memory.SetValue(float64(s.Memory / mebibyte))
	c.size.SetVisible(len(s.Disks) == 1 || s.Source.Kind == model.SourceCloud)
	c.size.SetValue(cloudDisk)
	if len(s.Disks) == 1 {
		c.size.SetValue(float64(s.Disks[0].Size / gibibyte))
	}
	c.uefi.SetActive(s.Firmware == model.FirmwareUEFI)
	c.advanced.offer(s, capabilities, c.service.Pools(c.host), c.service.Networks(c.host))
	c.advanced.allow(c.uefi.Active())
}

// showReview lists what will be made, and what is wrong with it.
func (c *creation) showReview() {
	group := adw.NewPreferencesGroup()
	group.SetMarginTop(18)
	group.SetMarginBottom(18)
	group.SetMarginStart(12)
	group.SetMarginEnd(12)
	rows := newRows(group)
	var facts []fact
	for _, f := range words.Plan(c.plan, c.service.Networks(c.host)) {
		facts = append(facts, fact{f.Name, f.Value})
	}
	rows.set(facts)
	for _, p := range c.plan.Problems {
		group.Add(checkRow(p))
	}
	c.create.SetSensitive(!slices.ContainsFunc(c.plan.Problems, func(p model.Check) bool { return p.Status == model.CheckError }))
	c.review.SetChild(group)
	c.pages.PushByTag("review")
}
