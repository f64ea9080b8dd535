package store_test

import (
	"testing"

	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/model"
)

func TestWhatCanBeDoneWithAPoolDependsOnStateAndRights(t *testing.T) {
	t.Parallel()
	denied := map[string]client.Permission{"org.kvmmanager.storage.manage": client.Denied}
	on, off := &model.StoragePool{Active: true, Persistent: true}, &model.StoragePool{Persistent: true}
	for _, test := range []struct {
		what        string
		action      store.PoolAction
		pool        *model.StoragePool
		permissions map[string]client.Permission
		can         bool
	}{
		{"an inactive one starts", store.StartPool, off, nil, true},
		{"an active one does not start", store.StartPool, on, nil, false},
		{"an active one stops", store.StopPool, on, nil, true},
		{"an inactive one is not looked into", store.RefreshPool, off, nil, false},
		{"an inactive one gets no volumes", store.MakeVolume, off, nil, false},
		{"an active one gets volumes", store.MakeVolume, on, nil, true},
		{"an active one is removed", store.DeletePool, on, nil, true},
		{"one that is not stored does not start by itself", store.AutostartPool, &model.StoragePool{Active: true}, nil, false},
		{"without the right nothing", store.StartPool, off, denied, false},
	} {
		if why := english.WhyNotPool(test.action, test.pool, here, test.permissions); (why == "") != test.can {
			t.Errorf("%s: %q", test.what, why)
		}
	}
	if english.WhyNoNewPool(nil, nil) == "" || english.WhyNoNewPool(here, nil) != "" {
		t.Error("pools are not made where there is a host")
	}
}

func TestAPoolInWords(t *testing.T) {
	t.Parallel()
	p := &model.StoragePool{
		Kind: "dir", State: model.PoolRunning, Active: true, Target: "/srv/vms", Capacity: 100 << 30, Allocation: 10 << 30, Available: 25 << 30,
	}
	if got := english.PoolSummary(p); got != "25 GiB of 100 GiB free" {
		t.Errorf("in one line: %s", got)
	}
	if got := english.PoolFacts(p); got != "Active · Folder · /srv/vms" {
		t.Errorf("below its name: %s", got)
	}
	if got := store.PoolFill(p); got != 0.75 {
		t.Errorf("it is full to %v", got)
	}
	if got := english.PoolSummary(&model.StoragePool{Kind: "gluster", State: model.PoolInactive}); got != "Inactive · gluster" {
		t.Errorf("an inactive one: %s", got)
	}
	if got := store.PoolFill(&model.StoragePool{}); got != 0 {
		t.Errorf("an inactive one is full to %v", got)
	}
}
