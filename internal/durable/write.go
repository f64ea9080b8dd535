// Package durable writes files that are there as a whole or not at all, and
// removes them for good, also after a crash or a power failure.
package durable

import (
	"fmt"
	"os"
	"path/filepath"
)

// WriteFile replaces a file, or makes it, so that, whatever happens meanwhile,
// either the old or the new content is there. Only its owner can read it. Its
// folder is made if need be.
func WriteFile(name string, content []byte) error {
	folder := filepath.Dir(name)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	// CreateTemp makes it readable for the owner only.
	temp, err := os.CreateTemp(folder, "."+filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	err = fill(temp, content)
	if err == nil {
		err = os.Rename(temp.Name(), name)
	}
	if err != nil {
		_ = os.Remove(temp.Name())
		return fmt.Errorf("cannot replace %s: %w", name, err)
	}
	return syncFolder(folder)
}

// Remove removes a file, for good when it returns.
func Remove(name string) error {
	if err := os.Remove(name); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(name))
}

// fill writes the content, to the disk, and closes the file.
func fill(file *os.File, content []byte) error {
	_, err := file.Write(content)
	if err == nil {
		err = file.Sync()
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	return err
}

// syncFolder makes what a folder has, and has no more, survive a power failure.
func syncFolder(name string) error {
	folder, err := os.Open(name)
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Sync()
}
