package osinfo

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"
)

// Database is a folder of libosinfo's.
type Database struct{ files fs.FS }

// Default is where the database is installed.
const Default = "/usr/share/osinfo"

// Open gives the database in a folder, which need not exist.
func Open(folder string) *Database { return &Database{files: os.DirFS(folder)} }

// maxFile is how large a file of the database may be.
const maxFile = 4 << 20

// record is a system's element, as far as it is used.
type record struct {
	ID        string     `xml:"id,attr"`
	ShortIDs  []string   `xml:"short-id"`
	Names     []text     `xml:"name"`
	Family    string     `xml:"family"`
	Derives   []ref      `xml:"derives-from"`
	Clones    []ref      `xml:"clones"`
	Firmware  []firmware `xml:"firmware"`
	Devices   []ref      `xml:"devices>device"`
	Resources []resource `xml:"resources"`
	Media     []medium   `xml:"media"`
}

type text struct {
	Lang  string `xml:"http://www.w3.org/XML/1998/namespace lang,attr"`
	Value string `xml:",chardata"`
}

type ref struct {
	ID string `xml:"id,attr"`
}

type firmware struct {
	Arch      string `xml:"arch,attr"`
	Type      string `xml:"type,attr"`
	Supported string `xml:"supported,attr"`
}

type resource struct {
	Arch        string  `xml:"arch,attr"`
	Inherit     string  `xml:"inherit,attr"`
	Minimum     amounts `xml:"minimum"`
	Recommended amounts `xml:"recommended"`
}

// amounts are in bytes, but for the number of CPUs.
type amounts struct {
	CPUs    uint32 `xml:"n-cpus"`
	Memory  uint64 `xml:"ram"`
	Storage uint64 `xml:"storage"`
}

type medium struct {
	Arch string   `xml:"arch,attr"`
	Live string   `xml:"live,attr"`
	URL  string   `xml:"url"`
	ISO  isoMatch `xml:"iso"`
}

type isoMatch struct {
	Volume      string `xml:"volume-id"`
	System      string `xml:"system-id"`
	Publisher   string `xml:"publisher-id"`
	Application string `xml:"application-id"`
}

// record reads the system with this id; nil when the database has none. The
// database's rule for names of files is that of its format: the id's host, and
// its path with dashes.
func (d *Database) record(id string) *record {
	u, err := url.Parse(id)
	if err != nil || u.Host == "" || u.Path == "" {
		return nil
	}
	file := path.Join("os", u.Host, strings.ReplaceAll(strings.Trim(u.Path, "/"), "/", "-")+".xml")
	if !fs.ValidPath(file) || strings.Count(file, "/") != 2 {
		return nil
	}
	records, err := d.read(file)
	if err != nil {
		return nil
	}
	for i := range records {
		if records[i].ID == id {
			return &records[i]
		}
	}
	return nil
}

func (d *Database) read(file string) ([]record, error) {
	data, err := d.load(file, nil)
	if err != nil {
		return nil, err
	}
	return parse(data)
}

func parse(data []byte) ([]record, error) {
	var doc struct {
		OS []record `xml:"os"`
	}
	if err := xml.Unmarshal(data, &doc); err != nil {
		return nil, err
	}
	return doc.OS, nil
}

// load reads a file, into buffer if that is large enough.
func (d *Database) load(file string, buffer []byte) ([]byte, error) {
	f, err := d.files.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular() || info.Size() > maxFile:
		return nil, errors.New("it is no file of the database")
	}
	data := slices.Grow(buffer[:0], int(info.Size()))[:info.Size()]
	_, err = io.ReadFull(f, data)
	return data, err
}

// search parses the files that may be meant, and stops when found says so. A
// file that cannot be read is none.
func (d *Database) search(ctx context.Context, may func([]byte) bool, found func(*record) bool) error {
	files, err := fs.Glob(d.files, "os/*/*.xml")
	if err != nil {
		return err
	}
	var buffer []byte
	for _, file := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		data, err := d.load(file, buffer)
		if err != nil {
			continue
		}
		if buffer = data; !may(data) {
			continue
		}
		records, err := parse(data)
		if err != nil {
			continue
		}
		for i := range records {
			if found(&records[i]) {
				return nil
			}
		}
	}
	return nil
}

// name is the name without a language.
func (r *record) name() string {
	for _, n := range r.Names {
		if n.Lang == "" {
			return n.Value
		}
	}
	return ""
}
