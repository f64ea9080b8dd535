package objects_test

import (
	"testing"

	"org.kvmmanager/dbus"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/testutil/fakehv"
)

func TestANetworkAndAPoolAreActiveWhenTheReplyComes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	network := &model.Network{UUID: fakehv.UUID(100), Name: "lan", Persistent: true}
	pool := &model.StoragePool{UUID: fakehv.UUID(200), Name: "tank", State: model.PoolInactive, Persistent: true}
	w.hv.PutNetwork(network)
	w.hv.PutPool(pool)
	w.withHost()
	if err := w.call(network.Path(), "Network.Start", none()).Err; err != nil {
		t.Fatal(err)
	}
	if w.property(network.Path(), api.NetworkInterface, "Active") != true {
		t.Error("the network is not active")
	}
	if err := w.call(pool.Path(), "StoragePool.Start", opts("wait", true)).Err; err != nil {
		t.Fatal(err)
	}
	if w.property(pool.Path(), api.StoragePoolInterface, "State") != "running" {
		t.Error("the pool does not run")
	}
	for path, method := range map[model.Path]string{network.Path(): "Network.Start", pool.Path(): "StoragePool.Start"} {
		if got := errorName(w.call(path, method, none()).Err); got != errs.InvalidState.DBusName() {
			t.Errorf("%s once more: %s", method, got)
		}
	}
}
