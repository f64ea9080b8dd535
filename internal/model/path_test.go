package model

import (
	"strings"
	"testing"
)

func TestAVolumesPathHasItsNameExactly(t *testing.T) {
	t.Parallel()
	const pool = "00000000-0000-4000-8000-000000000001"
	for _, name := range []string{
		"", "a", "1", "_", "../../etc/passwd", "a/b", "web.qcow2", "<&>\"'", "a\nb", "🐧 ünï", "مرحبا", "\xff\x00", "/volumes/",
		strings.Repeat("é", 127),
	} {
		path := VolumePath(pool, name)
		owner, got, ok := SplitVolumePath(path)
		if !ok || owner != PoolPath(pool) || got != name {
			t.Errorf("%q became %s, %q, %v", name, owner, got, ok)
		}
		if element := strings.TrimPrefix(string(path), string(PoolPath(pool))+"/volumes/"); strings.ContainsAny(element, "/.") {
			t.Errorf("%q leads elsewhere: %s", name, path)
		}
		v := &StorageVolume{Name: name, Pool: PoolPath(pool)}
		if v.Path() != path {
			t.Errorf("%q is at %s", name, v.Path())
		}
	}
}

func TestWhatNoNameBecomesIsNoVolumesPath(t *testing.T) {
	t.Parallel()
	for _, element := range []string{"", "a_", "a_6", "a_zz", "_61", "a_2F", "1", "a.b", "a/b"} {
		if _, name, ok := SplitVolumePath(PoolPath("x") + "/volumes/" + Path(element)); ok {
			t.Errorf("%q was taken for %q", element, name)
		}
	}
	if _, _, ok := SplitVolumePath(PoolPath("x")); ok {
		t.Error("a pool was taken for a volume")
	}
}
