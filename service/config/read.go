package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxSize bounds how much of a file is believed to be configuration.
const maxSize = 1 << 20

// errNoFile says that something is there which is no file that can be read to
// its end.
var errNoFile = errors.New("it is not a regular file")

// readFile reads a whole file. A device is empty: /dev/null, as systemd has
// it, is how a file of the distribution is masked.
func readFile(name string) (string, error) {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return "", err
	case info.Mode()&fs.ModeDevice != 0:
		return "", nil
	case !info.Mode().IsRegular():
		return "", errNoFile
	case info.Size() > maxSize:
		return "", fmt.Errorf("it is larger than %d bytes", maxSize)
	}
	data, err := os.ReadFile(name)
	return string(data), err
}

// mainFile is the first main file that exists, or empty.
func (p Paths) mainFile() string {
	for _, name := range p.Main {
		if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) {
			return name
		}
	}
	return ""
}

// dropIns are the files to read after the main one, in their order.
func (p Paths) dropIns(problem func(file string, err error)) []string {
	byName := map[string]string{}
	for _, folder := range p.DropIns {
		entries, err := os.ReadDir(folder)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			problem(folder, err)
		}
		for _, entry := range entries {
			name := entry.Name()
			if filepath.Ext(name) != ".conf" || strings.HasPrefix(name, ".") {
				continue
			}
			if _, masked := byName[name]; !masked {
				byName[name] = filepath.Join(folder, name)
			}
		}
	}
	files := make([]string, 0, len(byName))
	for _, file := range byName {
		files = append(files, file)
	}
	slices.SortFunc(files, func(a, b string) int {
		return strings.Compare(filepath.Base(a), filepath.Base(b))
	})
	return files
}
