package pictures_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/pictures"
)

const vm = "11111111-1111-4111-8111-111111111111"

func snapshot(name string, at int64) *model.Snapshot {
	return &model.Snapshot{Name: name, CreatedAt: time.Unix(at, 0)}
}

// shown is the picture of a snapshot; empty if there is none.
func shown(t *testing.T, s *pictures.Store, of *model.Snapshot) string {
	t.Helper()
	file, err := s.Open(vm, of)
	if errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	content, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestAPictureBelongsToOneSnapshot(t *testing.T) {
	t.Parallel()
	s := pictures.New(t.TempDir(), "local")
	hostile := snapshot("../../"+string(make([]byte, 200)), 1)
	for of, content := range map[*model.Snapshot]string{snapshot("a", 1): "one", hostile: "hostile"} {
		if err := s.Put(vm, of, []byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if got := shown(t, s, snapshot("a", 1)); got != "one" {
		t.Errorf("got %q", got)
	}
	if got := shown(t, s, hostile); got != "hostile" {
		t.Errorf("of a name that leads elsewhere: %q", got)
	}
	if got := shown(t, s, snapshot("a", 2)); got != "" {
		t.Errorf("a later one of the same name has %q", got)
	}
}

func TestPicturesGoWithTheirSnapshotsAndVMs(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	s := pictures.New(folder, "local")
	if err := s.Sweep(func(string) *model.VM { return nil }); err != nil {
		t.Errorf("without any picture: %v", err)
	}
	kept, gone := snapshot("kept", 1), snapshot("gone", 2)
	for _, of := range []*model.Snapshot{kept, gone} {
		if err := s.Put(vm, of, []byte(of.Name)); err != nil {
			t.Fatal(err)
		}
	}
	there := &model.VM{UUID: vm, Snapshots: []*model.Snapshot{kept}}
	if err := s.Sweep(func(string) *model.VM { return there }); err != nil {
		t.Fatal(err)
	}
	if shown(t, s, kept) != "kept" || shown(t, s, gone) != "" {
		t.Errorf("there are %q and %q", shown(t, s, kept), shown(t, s, gone))
	}
	if err := s.Sweep(func(string) *model.VM { return nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(folder, "local", vm)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder of a VM that is gone: %v", err)
	}
}

func TestNobodyElseCanReadPictures(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	s := pictures.New(folder, "local")
	if err := s.Put(vm, snapshot("a", 1), []byte("one")); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(filepath.Join(folder, "local"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
