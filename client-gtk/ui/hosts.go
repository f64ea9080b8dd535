package ui

import (
	"cmp"
	"maps"
	"slices"

	"org.kvmmanager/internal/model"
)

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
