package config

import (
	"fmt"
	"os"
	"path/filepath"
)

// writeFile replaces a file so that, whatever happens meanwhile, either the
// old or the new text is there. Its folder is made if need be.
func writeFile(name, text string) error {
	folder := filepath.Dir(name)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	// CreateTemp makes it readable for the owner only.
	temp, err := os.CreateTemp(folder, "."+filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	err = fill(temp, text)
	if err == nil {
		err = os.Rename(temp.Name(), name)
	}
	if err != nil {
		_ = os.Remove(temp.Name())
		return fmt.Errorf("cannot replace %s: %w", name, err)
	}
	return syncFolder(folder)
}

// fill writes the text, to the disk, and closes the file.
func fill(file *os.File, text string) error {
	_, err := file.WriteString(text)
	if err == nil {
		err = file.Sync()
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	return err
}

// syncFolder makes a new name in a folder survive a power failure.
func syncFolder(name string) error {
	folder, err := os.Open(name)
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Sync()
}
