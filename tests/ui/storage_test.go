//go:build display

package ui_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/testutil/fakehv"
	"org.kvmmanager/internal/testutil/polkittest"
	"org.kvmmanager/service/inventory"
)

// imagesPool is the pool of the reference system.
func imagesPool(t *testing.T, s *client.Client) *model.StoragePool {
	t.Helper()
	pools := s.Pools()
	at := slices.IndexFunc(pools, func(p *model.StoragePool) bool { return p.Host == localHost && p.Name == "default" })
	if at < 0 {
		t.Fatal("there is no pool")
	}
	return pools[at]
}

func TestAVolumeIsMadeAndDeleted(t *testing.T) {
	s := service(t)
	pool := imagesPool(t, s)
	const name = "ui & test.qcow2"
	volume := func() *model.StorageVolume {
		return s.Volume((&model.StorageVolume{Pool: pool.Path(), Name: name}).Path())
	}
	t.Cleanup(func() { _ = os.Remove(filepath.Join(pool.Target, name)) })
	app := open(t)
	app.await(t, "list item", "This Computer")
	app.do(t, "open", localHost)
	app.do(t, "show", "storage")
	app.await(t, "list item", "default")
	app.arrowTo(t, "Storage pools", "default")
	app.await(t, "list item", "tiny.qcow2")
	app.await(t, "button", "New Volume").act(t)
	create := app.await(t, "button", "Create")
	if create.is(sensitive) {
		t.Error("a volume without a name can be made")
	}
	app.haveNames(t, "the dialog for a volume", 5)
	app.await(t, "text box", "Name").write(t, name)
	awaitThat(t, "volume that can be made", func() bool { return create.is(sensitive) })
	create.act(t)
	app.await(t, "list item", name)
	if v := volume(); v == nil || v.Capacity != 20<<30 || v.Format != "qcow2" {
		t.Fatalf("made was %+v", v)
	}
	app.arrowTo(t, "Volumes", name)
	app.press(t, "Return")
	app.await(t, "button", "Resize…")
	app.haveNames(t, "the dialog of a volume", 8)
	app.await(t, "button", "Delete…").act(t)
	app.await(t, "label", "Delete “"+name+"”?")
	app.await(t, "button", "Delete").act(t)
	awaitThat(t, "volume that was deleted", func() bool { return volume() == nil })
}

func TestTheDiskOfAVMIsNotDeleted(t *testing.T) {
	service(t)
	app := open(t)
	app.await(t, "list item", "This Computer")
	app.do(t, "open", localHost)
	app.do(t, "show", "storage")
	app.await(t, "list item", "default")
	app.arrowTo(t, "Storage pools", "default")
	app.await(t, "list item", "tiny.qcow2")
	app.arrowTo(t, "Volumes", "tiny.qcow2")
	app.press(t, "Return")
	remove := app.await(t, "button", "Delete…")
	if remove.is(sensitive) || remove.text("Description") != "“A tiny guest” uses this volume" {
		t.Errorf("it can be deleted: %q", remove.text("Description"))
	}
}

func TestAPoolIsMadeAndRemoved(t *testing.T) {
	_, _, app := fake(t, 1)
	app.do(t, "open", localHost)
	app.do(t, "show", "storage")
	app.await(t, "label", "No Storage Pools")
	app.await(t, "button", "New Storage Pool…").act(t)
	create := app.await(t, "button", "Create")
	app.haveNames(t, "the dialog for a storage pool", 6)
	app.await(t, "text box", "Name").write(t, "backups")
	awaitThat(t, "pool that can be made", func() bool { return create.is(sensitive) })
	create.act(t)
	app.await(t, "list item", "backups")
	app.await(t, "button", "Remove").act(t)
	app.await(t, "label", "Remove “backups”?")
	app.last(t, "button", "Remove").act(t)
	app.await(t, "label", "No Storage Pools")
}

func TestTenThousandVolumesAreSearched(t *testing.T) {
	const many = 10_000
	world, _, app := fake(t, 1)
	pool := fakehv.UUID(2)
	for i := range many {
		world.HV.PutVolume(pool, inventory.VolumeInfo{Name: fmt.Sprintf("disk-%d.qcow2", i), Capacity: uint64(i) << 30, Format: "qcow2"}, nil)
	}
	world.HV.PutPool(&model.StoragePool{UUID: pool, Name: "images", Kind: "dir", State: model.PoolRunning, Active: true, Persistent: true})
	app.do(t, "open", localHost)
	app.do(t, "show", "storage")
	app.await(t, "list item", "disk-0.qcow2")
	app.await(t, "search box", "Search volumes").write(t, "7777 QCOW")
	app.await(t, "list item", "disk-7777.qcow2")
	app.arrowTo(t, "Volumes", "disk-7777.qcow2")
	app.press(t, "Return")
	app.await(t, "dialog", "disk-7777.qcow2")
	app.press(t, "Escape")
	app.await(t, "search box", "Search volumes").write(t, "")
	app.await(t, "list item", "disk-1.qcow2")
	world.HV.DropPool(pool)
	app.await(t, "label", "No Storage Pools")
}

func TestAFileIsUploaded(t *testing.T) {
	isUploaded(t, "ui & upload.raw", func(app application, file string) {
		app.click(t, "Upload a File")
		app.chooseFile(t, "Upload a File", file)
	})
}

func TestAFileThatIsDroppedOntoThePageIsUploaded(t *testing.T) {
	isUploaded(t, "ui & drop.raw", func(app application, file string) { app.drop(t, file) })
}

// isUploaded wants a file with this name to be uploaded when a person has picked
// it.
func isUploaded(t *testing.T, name string, pick func(app application, file string)) {
	t.Helper()
	s := service(t)
	pool := imagesPool(t, s)
	made := (&model.StorageVolume{Pool: pool.Path(), Name: name}).Path()
	t.Cleanup(func() { _, _ = s.DeleteVolume(context.Background(), made, client.Wait()) }) // which fails if there is none
	content := bytes.Repeat([]byte("KVM Manager\n"), 100_000)
	file := aFile(t, name, content)
	app := open(t)
	app.await(t, "list item", "This Computer")
	app.do(t, "open", localHost)
	app.do(t, "show", "storage")
	app.await(t, "list item", "default")
	app.arrowTo(t, "Storage pools", "default")
	app.await(t, "list item", "tiny.qcow2")
	pick(app, file)
	app.await(t, "label", "Upload to “default”")
	app.click(t, "Upload")
	app.await(t, "label", "“"+name+"” was uploaded")
	app.await(t, "list item", name)
	awaitThat(t, "volume with the content of the file", func() bool {
		got, err := os.ReadFile(filepath.Join(pool.Target, name))
		return err == nil && bytes.Equal(got, content)
	})
	if v := s.Volume(made); v == nil || v.Capacity != uint64(len(content)) {
		t.Errorf("uploaded was %+v", v)
	}
}

func TestAFileIsNotDroppedWhereNothingMayBeMade(t *testing.T) {
	world, _, app := fake(t, 1)
	pool := &model.StoragePool{UUID: fakehv.UUID(2), Name: "images", Kind: "dir", State: model.PoolRunning, Active: true, Persistent: true}
	world.HV.PutPool(pool)
	world.HV.PutVolume(pool.UUID, inventory.VolumeInfo{Name: "a.qcow2", Capacity: 1 << 30, Format: "qcow2"}, nil)
	world.Polkit.Add(polkittest.Rule{Action: "org.kvmmanager.storage.manage", Answer: polkittest.No})
	world.Polkit.EmitChanged()
	app.do(t, "open", localHost)
	app.do(t, "show", "storage")
	app.await(t, "list item", "a.qcow2")
	upload := app.await(t, "button", "Upload a File")
	awaitThat(t, "button that cannot be pressed", func() bool { return !upload.is(sensitive) })
	app.drop(t, aFile(t, "b.qcow2", nil))
	app.await(t, "label", upload.text("Description"))
	if _, asked := app.find("label", "Upload to “images”"); asked {
		t.Error("it is asked for a name")
	}
}

// aFile makes a file that a person could pick.
func aFile(t *testing.T, name string, content []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// drop drags a file from a window of another program onto the list of volumes.
func (a application) drop(t *testing.T, file string) {
	t.Helper()
	toX, toY := a.await(t, "list", "Volumes").middle(t)
	files := begin(t, a.env, "./drag.py", file)
	hear(t, files, "shown")
	// It is on top, so it goes where nothing is needed of the client.
	a.xdotool(t, "search", "--sync", "--onlyvisible", "--name", "^Files$", "windowmove", "--sync", "1120", "780")
	const fromX, fromY, steps = 1150, 800, 10
	a.xdotool(t, "mousemove", fmt.Sprint(fromX), fmt.Sprint(fromY), "mousedown", "1")
	for i := 1; i <= steps; i++ {
		a.xdotool(t, "mousemove", "--sync", fmt.Sprint(fromX+(toX-fromX)*i/steps), fmt.Sprint(fromY+(toY-fromY)*i/steps))
	}
	accepted := make(chan struct{})
	go func() {
		defer close(accepted)
		hear(t, files, "accepted")
	}()
	// GTK takes moves of one frame together, and looks at where a drag is only
	// when it moves on after it has begun.
	for i := 0; ; i++ {
		select {
		case <-accepted:
			a.xdotool(t, "mouseup", "1")
			return
		case <-time.After(100 * time.Millisecond):
			a.xdotool(t, "mousemove", fmt.Sprint(toX+i%3), fmt.Sprint(toY))
		}
	}
}

// hear waits for a line of a program of begin.
func hear(t *testing.T, from *bufio.Reader, line string) {
	t.Helper()
	if said, err := from.ReadString('\n'); err != nil || said != line+"\n" {
		t.Errorf("%q is said instead of %q: %v", said, line, err)
	}
}

// chooseFile writes a file's path into GTK's own dialog with this title.
func (a application) chooseFile(t *testing.T, title, file string) {
	t.Helper()
	chooser := a.await(t, "dialog", title)
	a.xdotool(t, "search", "--sync", "--onlyvisible", "--name", "^"+title+"$", "windowfocus", "--sync", "key", "ctrl+l")
	chooser.await(t, "text box", "").write(t, file)
	chooser.await(t, "button", "Open").act(t)
}

func TestADownloadOutlivesTheWindow(t *testing.T) {
	world, _, app := fake(t, 1)
	pool := &model.StoragePool{UUID: fakehv.UUID(2), Name: "images", Kind: "dir", State: model.PoolRunning, Active: true, Persistent: true}
	world.HV.PutPool(pool)
	content := []byte("what is in the volume")
	world.HV.PutVolume(pool.UUID, inventory.VolumeInfo{Name: "a.raw", Capacity: uint64(len(content)), Format: "raw"}, content)
	begun, goOn := make(chan struct{}), make(chan struct{})
	world.HV.Hook("download-volume", func(ctx context.Context, _ string) error {
		close(begun)
		select {
		case <-goOn:
		case <-ctx.Done():
		}
		return ctx.Err()
	})
	folder := t.TempDir()
	file := filepath.Join(folder, "copy.raw")
	app.do(t, "open", localHost)
	app.do(t, "show", "storage")
	app.arrowTo(t, "Volumes", "a.raw")
	app.press(t, "Return")
	app.click(t, "Download…")
	chooser := app.await(t, "dialog", "Download “a.raw”")
	chooser.await(t, "text box", "Name:").write(t, file)
	chooser.await(t, "button", "Save").act(t)
	<-begun
	app.inWindow(t, "close") // the dialog
	awaitThat(t, "page without the dialog", func() bool {
		_, open := app.find("button", "Resize…")
		return !open
	})
	app.inWindow(t, "close")
	awaitThat(t, "program without a window", func() bool {
		_, shown := app.find("window", "Virtual Machines")
		return !shown
	})
	close(goOn)
	app.awaitEnd(t)
	if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, content) {
		t.Errorf("downloaded was %q, %v", got, err)
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) != 1 {
		t.Errorf("in the folder are %v, %v", left, err)
	}
}
