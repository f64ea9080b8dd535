package ui

import (
	"slices"

	"github.com/diamondburned/gotk4-adwaita/pkg/adw"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	"org.kvmmanager/client-gtk/i18n"
	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/model"
)

// advanced is what most people leave as the service chooses it.
type advanced struct {
	network, pool, format, machine *adw.ComboRow
	secure, tpm                    *adw.SwitchRow

	capabilities model.Capabilities
	pools        []*model.StoragePool
	networks     []*model.Network
	machines     []string // empty: the hypervisor chooses
	formats      []string
}

func newAdvanced(b *gtk.Builder) *advanced {
	a := &advanced{
		network: object[*adw.ComboRow](b, "network"), pool: object[*adw.ComboRow](b, "pool"),
		format: object[*adw.ComboRow](b, "format"), machine: object[*adw.ComboRow](b, "machine"),
		secure: object[*adw.SwitchRow](b, "secure"), tpm: object[*adw.SwitchRow](b, "tpm"),
	}
	a.pool.NotifyProperty("selected", a.offerFormats)
	return a
}

// offer shows what there is, with what the service has chosen.
func (a *advanced) offer(s model.VMSpec, capabilities model.Capabilities, pools []*model.StoragePool, networks []*model.Network) {
	a.capabilities = capabilities
	a.pools = store.ActivePools(pools)
	a.networks = networks // also those that are off: the review says which has to be started
	var disk model.DiskSpec
	if len(s.Disks) == 1 {
		disk = s.Disks[0]
	}
	choices(a.pool, a.pools, func(p *model.StoragePool) string { return p.Name }, func(p *model.StoragePool) bool { return p.Path() == disk.Pool })
	a.pool.SetVisible(len(s.Disks) == 1)
	a.format.SetVisible(len(s.Disks) == 1)
	a.offerFormats()
	if at := slices.Index(a.formats, disk.Format); at >= 0 {
		a.format.SetSelected(uint(at))
	}
	names := append(slices.Clone(a.networks), nil)
	choices(a.network, names, networkChoice, func(n *model.Network) bool {
		if len(s.Networks) == 0 {
			return n == nil
		}
		return n != nil && n.Path() == s.Networks[0].Network
	})
	a.machines = capabilities.MachineTypes
	if !slices.Contains(a.machines, s.Machine) {
		a.machines = append([]string{""}, a.machines...)
	}
	choices(a.machine, a.machines, machineChoice, func(m string) bool { return m == s.Machine })
	a.machine.SetVisible(len(capabilities.MachineTypes) > 0)
	a.secure.SetActive(s.SecureBoot != nil && *s.SecureBoot)
	a.tpm.SetActive(s.TPM != nil && *s.TPM)
	allow(a.tpm, words.WhyNoTPM(capabilities))
}

func machineChoice(machine string) string {
	return orElse(machine, i18n.T("Chosen by the Hypervisor"))
}

func networkChoice(n *model.Network) string {
	if n == nil {
		return i18n.T("None")
	}
	return n.Name
}

// choices fills a list, and selects what is true.
func choices[T any](row *adw.ComboRow, list []T, name func(T) string, is func(T) bool) {
	names := make([]string, len(list))
	for i, thing := range list {
		names[i] = name(thing)
	}
	row.SetModel(gtk.NewStringList(names))
	if at := slices.IndexFunc(list, is); at >= 0 {
		row.SetSelected(uint(at))
	}
}

// offerFormats offers what a disk in the chosen pool can be.
func (a *advanced) offerFormats() {
	kind := ""
	if at := int(a.pool.Selected()); at < len(a.pools) {
		kind = a.pools[at].Kind
	}
	if formats := store.DiskFormats(kind); !slices.Equal(formats, a.formats) {
		a.formats = formats
		a.format.SetModel(gtk.NewStringList(formats))
	}
}

// allow lets through what goes with the firmware.
func (a *advanced) allow(uefi bool) {
	why := words.WhyNoSecureBoot(a.capabilities, uefi)
	allow(a.secure, why)
	a.secure.SetSubtitle(why)
	a.tpm.SetSubtitle(words.WhyNoTPM(a.capabilities))
}

// read puts what is chosen into a form.
func (a *advanced) read(f *store.VMForm) {
	f.SecureBoot, f.TPM = a.secure.Active(), a.tpm.Active()
	if at := int(a.pool.Selected()); at < len(a.pools) {
		f.Pool = a.pools[at].Path()
	}
	if at := int(a.format.Selected()); at < len(a.formats) {
		f.Format = a.formats[at]
	}
	at := int(a.network.Selected())
	if at < len(a.networks) {
		f.Network = a.networks[at].Path()
	} else {
		f.NoNetwork = true
	}
	if at := int(a.machine.Selected()); at < len(a.machines) {
		f.Machine = a.machines[at]
	}
}
