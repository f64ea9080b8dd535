package virt

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func TestTwoPathsToOneImageAreRecognized(t *testing.T) {
	t.Parallel()
	on := func(path string, inode uint64) imageID {
		return imageID{path: path, sight: seen, file: fileKey{device: 1, inode: inode}}
	}
	block := func(path string, number uint64, under ...uint64) imageID {
		id := imageID{path: path, sight: seen, file: fileKey{block: true, device: number}}
		for _, n := range under {
			id.under = append(id.under, fileKey{block: true, device: n})
		}
		return id
	}
	hidden := func(path string) imageID { return imageID{path: path} }
	gone := func(path string) imageID { return imageID{path: path, sight: missing} }
	for what, row := range map[string]struct {
		a, b imageID
		want likeness
	}{
		"one file":                         {on("/a/x", 7), on("/b/y", 7), same},
		"two files":                        {on("/a/x", 7), on("/b/x", 8), different},
		"one file system's inode and more": {on("/a/x", 7), block("/dev/x", 1), different},
		"one device":                       {block("/dev/mapper/vg-lv", 9), block("/dev/dm-0", 9), same},
		"a partition and its disk":         {block("/dev/sda1", 9, 8), block("/dev/sda", 8), perhaps},
		"a disk and what is on it":         {block("/dev/sda", 8), block("/dev/dm-0", 10, 9, 8), perhaps},
		"two volumes on one disk":          {block("/dev/vg/a", 10, 8), block("/dev/vg/b", 11, 8), different},
		"one hidden path":                  {hidden("/home/a/x"), hidden("/home/a/x"), same},
		"a pool's hidden volumes":          {hidden("/home/a/x"), hidden("/home/a/y"), different},
		"one name in two hidden folders":   {hidden("/home/a/x"), hidden("/home/b/x"), perhaps},
		"one name, one hidden":             {on("/a/x", 7), hidden("/home/b/x"), perhaps},
		"nothing in common, one hidden":    {on("/a/x", 7), hidden("/home/b/y"), different},
		"one path to nothing":              {gone("/a/x"), gone("/a/x"), same},
		"nothing, and something":           {gone("/a/x"), on("/b/x", 7), different},
		"nothing, and hidden":              {gone("/a/x"), hidden("/home/b/x"), perhaps},
		"hidden devices of one group":      {hidden("/dev/vg/a"), hidden("/dev/vg/b"), different},
		"hidden devices":                   {hidden("/dev/vg/a"), hidden("/dev/mapper/vg-a"), perhaps},
		"a device by two of its names":     {hidden("/dev/disk/by-id/a"), hidden("/dev/disk/by-id/b"), perhaps},
		"device mapper's own name":         {hidden("/dev/dm-0"), hidden("/dev/sda"), perhaps},
		"two disks":                        {hidden("/dev/sda"), hidden("/dev/sdb"), different},
		"a hidden device, and one seen":    {hidden("/dev/disk/by-id/a"), block("/dev/sda", 8), perhaps},
		"a hidden device, and a file":      {hidden("/dev/disk/by-id/a"), on("/a/x", 7), different},
		"a medium on the web":              {hidden("https://example.org/x"), hidden("/a/y"), different},
		"nothing":                          {imageID{}, imageID{}, different},
	} {
		if got := row.a.like(&row.b); got != row.want {
			t.Errorf("%s: %d, not %d", what, got, row.want)
		}
		if got := row.b.like(&row.a); got != row.want {
			t.Errorf("%s, the other way round: %d, not %d", what, got, row.want)
		}
	}
}

func TestSpellingsOfAPathAreOneImage(t *testing.T) {
	t.Parallel()
	dir := realTemp(t)
	in := func(name string) string { return filepath.Join(dir, name) }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.MkdirAll(in("big/images"), 0o700))
	must(os.WriteFile(in("big/images/a"), nil, 0o600))
	must(os.WriteFile(in("big/images/b"), nil, 0o600))
	must(os.Symlink(in("big"), in("link")))
	must(os.Symlink("images/a", in("big/short")))
	must(os.Link(in("big/images/a"), in("big/hard")))
	e := &eyes{files: newProber(nil), sys: dir, udev: dir}
	real, other := e.identify(in("big/images/a")), e.identify(in("big/images/b"))
	for _, path := range []string{
		"link/images/a", "link//images/a", "link/./images/a", "link/images/../images/a", "big/short", "link/short", "big/hard", "/big/images/./a",
	} {
		id := e.identify(dir + "/" + path)
		if id.like(&real) != same {
			t.Errorf("%s is taken for another image: %+v", path, id)
		}
		if id.like(&other) != different {
			t.Errorf("%s is taken for the image beside it: %+v", path, id)
		}
	}
	blind := &eyes{}
	for path, want := range map[string]likeness{"/a//b/x": same, "/a/./b/x": same, "/c/x": perhaps, "/a/b/y": different} {
		id, there := blind.identify(path), blind.identify("/a/b/x")
		if got := id.like(&there); got != want {
			t.Errorf("on another machine %s is %d, not %d", path, got, want)
		}
	}
}

// blockDevice adds a block device to what the kernel tells of.
func blockDevice(t *testing.T, sys, name, number string, files map[string]string) {
	t.Helper()
	folder := filepath.Join(sys, "devices", name)
	files["dev"] = number
	for file, text := range files {
		path := filepath.Join(folder, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, link := range []string{"class/block/" + filepath.Base(name), "dev/block/" + number} {
		path := filepath.Join(sys, link)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(folder, path); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNamesOfABlockDeviceAreOneImage(t *testing.T) {
	t.Parallel()
	sys, udev := realTemp(t), realTemp(t)
	blockDevice(t, sys, "xda", "251:0", map[string]string{})
	blockDevice(t, sys, "xda/xda1", "251:1", map[string]string{"partition": "1"})
	blockDevice(t, sys, "cciss!c0d0", "104:0", map[string]string{})
	blockDevice(t, sys, "dm-0", "253:0", map[string]string{"dm/name": "my--vg-my--lv", "slaves/xda1/dev": "251:1"})
	blockDevice(t, sys, "dm-1", "253:1", map[string]string{"dm/name": "my--vg-other", "slaves/xda1/dev": "251:1"})
	links := "S:disk/by-id/ata-X\nS:disk/by-uuid/1-2\nE:ID_X=1\n"
	if err := os.WriteFile(filepath.Join(udev, "b251:0"), []byte(links), 0o600); err != nil {
		t.Fatal(err)
	}
	e := &eyes{files: newProber(nil), sys: sys, udev: udev}
	lv := fileKey{block: true, device: unix.Mkdev(253, 0)}
	for path, want := range map[string]fileKey{
		"/dev/dm-0": lv, "/dev/mapper/my--vg-my--lv": lv, "/dev/my-vg/my-lv": lv,
		"/dev/disk/by-id/ata-X":  {block: true, device: unix.Mkdev(251, 0)},
		"/dev/disk/by-uuid/1-2":  {block: true, device: unix.Mkdev(251, 0)},
		"/dev/cciss/c0d0":        {block: true, device: unix.Mkdev(104, 0)},
		"/dev/no-such-group/lv2": {},
	} {
		if got := e.identify(path); got.file != want || (got.sight == seen) != (want != fileKey{}) {
			t.Errorf("%s is %+v, not %+v", path, got, want)
		}
	}
	disk, part, volume, other := e.identify("/dev/xda"), e.identify("/dev/xda1"), e.identify("/dev/dm-0"), e.identify("/dev/dm-1")
	for _, on := range []imageID{part, volume, other} {
		if disk.like(&on) != perhaps {
			t.Errorf("writing to the disk leaves %s alone", on.path)
		}
	}
	if volume.like(&other) != different {
		t.Error("two volumes of one group are taken for one")
	}
}

// TestDevicesThatTheHostUses: a pool may have them beside those for VMs, as the
// volume group does that the host itself is on.
func TestDevicesThatTheHostUses(t *testing.T) {
	t.Parallel()
	sys, udev, mounts := realTemp(t), realTemp(t), filepath.Join(realTemp(t), "mountinfo")
	blockDevice(t, sys, "xda", "251:0", map[string]string{"xda1/partition": "1"})
	blockDevice(t, sys, "xda/xda1", "251:1", map[string]string{"partition": "1", "holders/dm-0/x": ""})
	blockDevice(t, sys, "xdb", "251:16", map[string]string{})
	blockDevice(t, sys, "xdb/xdb1", "251:17", map[string]string{"partition": "1"})
	for n, name := range []string{"root", "free", "many", "swap"} {
		blockDevice(t, sys, fmt.Sprintf("dm-%d", n), fmt.Sprintf("253:%d", n), map[string]string{"dm/name": "vg-" + name})
	}
	blockDevice(t, sys, "xdc", "251:32", map[string]string{})
	list := "22 1 253:0 / / rw,relatime shared:1 - ext4 /dev/mapper/vg-root rw\n" +
		"23 22 0:40 /home /home rw shared:2 - btrfs /dev/mapper/vg-many rw\n" +
		"24 22 251:17 / /boot rw shared:3 - vfat /dev/xdb1 rw\n"
	if err := os.WriteFile(mounts, []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
	e := &eyes{files: newProber(nil), sys: sys, udev: udev, mount: mounts}
	for path, want := range map[string]bool{
		"/dev/vg/root": true, "/dev/mapper/vg-root": true, "/dev/vg/many": true, "/dev/vg/free": false,
		"/dev/xda": true, "/dev/xda1": true, "/dev/xdb": true, "/dev/xdb1": true, "/dev/xdc": false, "/dev/no/such": false, udev: false,
	} {
		id := e.identify(path)
		if got := e.hostHas(&id); got != want {
			t.Errorf("the host uses %s: %v, want %v", path, got, want)
		}
	}
}
