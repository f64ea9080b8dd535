package ui

import (
	"cmp"
	"maps"
	"slices"

	"org.kvmmanager/client-gtk/i18n"
	"org.kvmmanager/internal/model"
)

// hostTitle is what people call a host: the administrator's name for it, since
// several connections may lead to one machine.
func hostTitle(h *model.Host) string {
	if h.ID == "local" {
		return i18n.T("This Computer")
	}
	return h.ID
}

// sortedHosts puts this machine first.
func sortedHosts(hosts map[model.Path]*model.Host) []*model.Host {
	return slices.SortedFunc(maps.Values(hosts), func(a, b *model.Host) int {
		return cmp.Or(cmp.Compare(btoi(a.ID != "local"), btoi(b.ID != "local")), cmp.Compare(a.ID, b.ID))
	})
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
