package store

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"org.kvmmanager/internal/model"
)

// LeaseRow is an address that a guest has, in words.
type LeaseRow struct {
	model.Lease
	Title, Subtitle string
	Reserved        bool // the guest gets this address always
}

// Leases is what the guests of a network have. vms is the VMs in it.
func (w Words) Leases(leases []model.Lease, n *model.Network, vms []*model.VM) []LeaseRow {
	rows := make([]LeaseRow, len(leases))
	for i, l := range leases {
		title := cmp.Or(l.Name, l.MAC, l.ID)
		if at := slices.IndexFunc(vms, func(vm *model.VM) bool { return vm.Path() == l.VM }); at >= 0 {
			title = Title(vms[at])
		}
		until := ""
		if !l.ExpiresAt.IsZero() {
			// TRANSLATORS: %s is a date and time, when the address is free again.
			until = fmt.Sprintf(w.text("until %s"), l.ExpiresAt.Local().Format(w.text("2006-01-02 15:04")))
		}
		reserved := slices.ContainsFunc(n.DHCPHosts, func(h model.DHCPHost) bool { return h.Address == l.Address })
		if reserved {
			until = w.text("reserved")
		}
		rows[i] = LeaseRow{Lease: l, Title: title, Subtitle: Join(l.Address, l.MAC, until), Reserved: reserved}
	}
	return rows
}

// Reservation keeps the address of a lease for the guest that has it. The guest
// keeps its name too, unless that is another one's.
func Reservation(l model.Lease, n *model.Network) model.DHCPHost {
	h := model.DHCPHost{MAC: l.MAC, Address: l.Address}
	if l.Family == "ipv6" {
		h = model.DHCPHost{ID: l.ID, Address: l.Address}
	}
	taken := slices.ContainsFunc(n.DHCPHosts, func(other model.DHCPHost) bool { return strings.EqualFold(other.Name, l.Name) })
	if !taken && model.ValidateHostName(l.Name) == nil {
		h.Name = l.Name
	}
	return h
}

// Reserved is the addresses that a network keeps for guests, in words.
func Reserved(n *model.Network) []Fact {
	var facts []Fact
	for _, h := range n.DHCPHosts {
		facts = append(facts, Fact{cmp.Or(h.Name, h.MAC, h.ID, h.Address), Join(h.Address, h.MAC, h.ID)})
	}
	return facts
}

// The fields of the form for a reserved address.
const (
	guestKey    = "guest" // the MAC address of a VM, or empty
	macKey      = "mac"
	hostNameKey = "name"
	addressKey  = "address"
	clientIDKey = "id"
)

// ReservationForm is what to ask for a new reserved address. vms is the VMs in
// the network.
func (w Words) ReservationForm(n *model.Network, vms []*model.VM) Form {
	guests := []Choice{}
	for _, vm := range vms {
		for _, d := range vm.Interfaces {
			if d.MAC != "" && d.NetworkName == n.Name && !slices.ContainsFunc(n.DHCPHosts, func(h model.DHCPHost) bool { return strings.EqualFold(h.MAC, d.MAC) }) {
				guests = append(guests, Choice{d.MAC, Title(vm) + " · " + d.MAC})
			}
		}
	}
	guests = append(guests, Choice{"", w.text("Another one")})
	other := map[string]string{guestKey: ""}
	return Form{Title: w.text("Reserve an Address"), Fields: w.translated([]Field{
		choice(guestKey, mark("Guest"), guests),
		{Key: macKey, Label: mark("MAC Address"), Kind: FieldText, When: other},
		{Key: clientIDKey, Label: mark("Client ID, for IPv6"), Kind: FieldText, When: other},
		{Key: addressKey, Label: mark("Address"), Kind: FieldText, Needed: true},
		{Key: hostNameKey, Label: mark("Host Name"), Kind: FieldText},
	})}
}

// NewReservation is the reserved address that a form asks for. The error is a
// sentence for people.
func NewReservation(v Values, n *model.Network) (model.DHCPHost, error) {
	h := model.DHCPHost{MAC: v[guestKey], Name: strings.TrimSpace(v[hostNameKey]), Address: strings.TrimSpace(v[addressKey])}
	if h.MAC == "" {
		h.MAC, h.ID = strings.TrimSpace(v[macKey]), strings.TrimSpace(v[clientIDKey])
	}
	setup := n.Setup()
	return h, sentence(setup.ValidateDHCPHost(&h))
}

// Leasing is whether a network gives guests addresses.
func Leasing(n *model.Network) bool { return len(n.DHCPRanges)+len(n.DHCPHosts) > 0 }
