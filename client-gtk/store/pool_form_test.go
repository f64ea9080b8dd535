package store_test

import (
	"reflect"
	"slices"
	"testing"

	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/model"
)

func TestAPoolIsAskedForAsWritten(t *testing.T) {
	t.Parallel()
	yes, no := true, false
	all := store.PoolForm{
		Name: "pool", Server: "nas", Path: "/export", Device: "/dev/sdb", Source: "source", Target: "/srv/pool", Build: true, Autostart: true,
	}
	for kind, want := range map[string]model.PoolSpec{
		"dir":     {Target: "/srv/pool"},
		"fs":      {Target: "/srv/pool", SourceDevices: []string{"/dev/sdb"}, Build: true, SourceFormat: "ext4"},
		"netfs":   {Target: "/srv/pool", SourceHosts: []string{"nas"}, SourcePath: "/export"},
		"logical": {SourceDevices: []string{"/dev/sdb"}, SourceName: "source", Build: true},
		"disk":    {SourceDevices: []string{"/dev/sdb"}, Build: true},
		"iscsi":   {SourceHosts: []string{"nas"}, SourceName: "source"},
		"rbd":     {SourceHosts: []string{"nas"}, SourceName: "source"},
		"zfs":     {SourceDevices: []string{"/dev/sdb"}, SourceName: "source", Build: true},
	} {
		form := all
		form.Kind = kind
		want.Name, want.Kind, want.Autostart = "pool", kind, &yes
		got, err := form.Spec()
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n%+v, not\n%+v: %v", kind, got, want, err)
		}
	}
	if spec, err := (store.PoolForm{Name: "p", Kind: "dir", Build: true}).Spec(); err != nil || spec.Build || !reflect.DeepEqual(spec.Autostart, &no) {
		t.Errorf("the simplest pool is %+v: %v", spec, err)
	}
	if _, err := (store.PoolForm{Name: "p", Kind: "netfs"}).Spec(); err == nil {
		t.Error("a server's folder needs no server")
	}
	if _, err := (store.PoolForm{Name: "a/b", Kind: "dir"}).Spec(); err == nil {
		t.Error("a name can be a path")
	}
}

func TestOnlyKindsOfPoolsAreOfferedThatTheHostCanDo(t *testing.T) {
	t.Parallel()
	if got := store.PoolKindsOf([]string{"zfs", "dir", "gluster", "logical"}); !slices.Equal(got, []string{"dir", "logical", "zfs"}) {
		t.Errorf("offered are %v", got)
	}
	if got := store.PoolKindsOf(nil); !slices.Equal(got, []string{"dir"}) {
		t.Errorf("of a host that tells nothing %v", got)
	}
}
