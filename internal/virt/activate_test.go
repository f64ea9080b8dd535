package virt

import (
	"testing"

	"org.kvmmanager/internal/errs"
)

func TestANetworkAndAPoolAreStarted(t *testing.T) {
	t.Parallel()
	c := connect(t, node(t, 0))
	networks, err := c.Networks(t.Context())
	if err != nil || len(networks) != 1 {
		t.Fatal(networks, err)
	}
	pools, err := c.Pools(t.Context())
	if err != nil || len(pools) != 1 {
		t.Fatal(pools, err)
	}
	n, err := c.main.conn.LookupNetworkByName(networks[0].Name)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Free()
	p, err := c.main.conn.LookupStoragePoolByName(pools[0].Name)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Free()
	if err := n.Destroy(); err != nil {
		t.Fatal(err)
	}
	if err := p.Destroy(); err != nil {
		t.Fatal(err)
	}
	if err := c.StartNetwork(t.Context(), networks[0].UUID); err != nil {
		t.Error(err)
	}
	if err := c.StartPool(t.Context(), pools[0].UUID); err != nil {
		t.Error(err)
	}
	if now, err := c.Network(t.Context(), networks[0].UUID); err != nil || !now.Active {
		t.Errorf("the network is %+v, %v", now, err)
	}
	if now, err := c.Pool(t.Context(), pools[0].UUID); err != nil || !now.Active {
		t.Errorf("the pool is %+v, %v", now, err)
	}
	if err := c.StartPool(t.Context(), "33333333-0000-4000-8000-000000000000"); !errs.Is(err, errs.NotFound) {
		t.Errorf("a pool that is not there: %v", err)
	}
}
