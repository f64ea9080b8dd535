// Package pictures keeps what the screens of VMs showed when snapshots were taken
// of them. libvirt has no place for that. Each picture is a file of its own in
// the service's state folder, which only the service can read; a picture that is
// lost is no loss.
package pictures

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"

	"org.kvmmanager/internal/durable"
	"org.kvmmanager/internal/model"
)

// MaxSize is what a picture may have, in bytes.
const MaxSize = 16 << 20

// Store is the pictures of one host: a folder for each VM.
type Store struct{ folder string }

// New is the pictures of a host in a folder, which is made when it is needed.
func New(folder, host string) *Store { return &Store{filepath.Join(folder, host)} }

// file is named after the snapshot and its time, so that one of the same name
// that another tool makes later does not get the picture.
func (s *Store) file(uuid string, of *model.Snapshot) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %s", of.CreatedAt.UnixMicro(), of.Name))
	return filepath.Join(s.folder, uuid, fmt.Sprintf("%x.png", sum[:16]))
}

// Put keeps the picture, a PNG, of a snapshot of a VM.
func (s *Store) Put(uuid string, of *model.Snapshot, png []byte) error {
	return durable.WriteFile(s.file(uuid, of), png)
}

// Open gives the picture of a snapshot. The caller closes it. The error is
// fs.ErrNotExist if there is none.
func (s *Store) Open(uuid string, of *model.Snapshot) (*os.File, error) {
	return os.Open(s.file(uuid, of))
}

// Sweep removes the pictures of snapshots that are not there any more. find gives
// the VM that a UUID is of, or nil.
func (s *Store) Sweep(find func(uuid string) *model.VM) error {
	folders, err := os.ReadDir(s.folder)
	if os.IsNotExist(err) {
		return nil
	}
	for _, folder := range folders {
		if of := s.sweep(folder.Name(), find(folder.Name())); err == nil {
			err = of
		}
	}
	return err
}

func (s *Store) sweep(uuid string, vm *model.VM) error {
	folder := filepath.Join(s.folder, uuid)
	if vm == nil {
		return os.RemoveAll(folder)
	}
	keep := map[string]bool{}
	for _, of := range vm.Snapshots {
		keep[filepath.Base(s.file(uuid, of))] = true
	}
	files, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, f := range files {
		if keep[f.Name()] {
			continue
		}
		if err := os.Remove(filepath.Join(folder, f.Name())); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	return nil
}
