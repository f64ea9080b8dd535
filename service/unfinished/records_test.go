package unfinished

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"org.kvmmanager/internal/errs"
)

const (
	pool = "33333333-0000-4000-8000-000000000000"
	vm   = "44444444-0000-4000-8000-000000000000"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// items is what is left, which stays left.
func items(r *Records) []Item {
	var list []Item
	for _, note := range r.Left() {
		list = append(list, note.Item())
		note.Keep()
	}
	return list
}

func TestWhatAProcessWasInTheMidstOfTheNextOneKnows(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "unfinished")
	first := Open(folder, quiet())
	a, err := first.OnHost("local").Volume(pool, `a & "b" <c>.qcow2`)
	if err != nil {
		t.Fatal(err)
	}
	b, err := first.OnHost("local").Volume(pool, "b.qcow2")
	if err != nil {
		t.Fatal(err)
	}
	if first.Waiting() {
		t.Error("what a job is about is left")
	}
	b.Done()
	_ = a // the process is killed

	second := Open(folder, quiet())
	want := Item{Host: "local", Pool: pool, Volume: `a & "b" <c>.qcow2`, Made: true}
	if got := items(second); len(got) != 1 || got[0] != want {
		t.Fatalf("the next process knows %v", got)
	}
	for _, note := range second.Left() {
		if _, err := second.Begin(want); !errs.Is(err, errs.Busy) {
			t.Errorf("while it is cleared up, a job begins: %v", err)
		}
		note.Done()
	}
	if files, _ := os.ReadDir(folder); len(files) != 0 {
		t.Errorf("in the end there are %v", files)
	}
	if got := items(Open(folder, quiet())); len(got) != 0 {
		t.Errorf("in the end %v is left", got)
	}
}

func TestVMsGoBeforeTheirVolumesAndAJobTakesOver(t *testing.T) {
	t.Parallel()
	r := Open(t.TempDir(), quiet())
	on := r.OnHost("local")
	volume, err := on.Volume(pool, "a")
	if err != nil {
		t.Fatal(err)
	}
	machine, err := on.VM(vm)
	if err != nil {
		t.Fatal(err)
	}
	volume.Leave()
	machine.Leave()
	select {
	case <-r.Wake():
	default:
		t.Error("nobody is told")
	}
	if got := items(r); len(got) != 2 || got[0].VM != vm {
		t.Errorf("the order is %v", got)
	}
	if _, err := on.Volume(pool, "a"); err != nil {
		t.Fatal(err)
	}
	if got := items(r); len(got) != 1 {
		t.Errorf("a job is about the volume again, and it is left: %v", got)
	}
	if _, err := on.Volume(pool, "a"); !errs.Is(err, errs.Busy) {
		t.Errorf("two jobs are about one volume: %v", err)
	}
}

func TestAnOriginalIsRememberedWithItsCopy(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	first := Open(folder, quiet())
	plain, err := first.OnHost("local").Volume(pool, "a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := first.OnHost("local").Original(pool, "a", "/p/a"); !errs.Is(err, errs.Busy) {
		t.Errorf("two jobs are about one volume: %v", err)
	}
	plain.Leave()
	if _, err := first.OnHost("local").Original(pool, "a", "/p/a"); err != nil {
		t.Fatal(err)
	}
	if first.Waiting() {
		t.Error("what a job is about is left")
	}
	want := Item{Host: "local", Pool: pool, Volume: "a", Copy: "/p/a"}
	if got := items(Open(folder, quiet())); len(got) != 1 || got[0] != want {
		t.Errorf("the next process knows %v", got)
	}
}

// TestOfTwoRecordsTheLaterHolds when the process was killed between the two.
func TestOfTwoRecordsTheLaterHolds(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for name, text := range map[string]string{"a.json": `,"copy":"/p/a"`, "b.json": `,"made":true`} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(`{"host":"local","pool":"`+pool+`","volume":"a"`+text+`}`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	before := time.Now().Add(-time.Minute)
	if err := os.Chtimes(filepath.Join(folder, "b.json"), before, before); err != nil {
		t.Fatal(err)
	}
	r := Open(folder, quiet())
	if got := items(r); len(got) != 1 || got[0].Copy != "/p/a" {
		t.Errorf("the next process knows %v", got)
	}
	for _, note := range r.Left() {
		note.Done()
	}
	if files, _ := os.ReadDir(folder); len(files) != 0 {
		t.Errorf("in the end there are %v", files)
	}
}

// TestARecordLeadsNowhereElse has files that nobody of ours has written.
func TestARecordLeadsNowhereElse(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for name, text := range map[string]string{
		"up.json":    `{"host":"local","pool":"` + pool + `","volume":"../a"}`,
		"dots.json":  `{"host":"local","pool":"` + pool + `","volume":".."}`,
		"pool.json":  `{"host":"local","pool":"default","volume":"a"}`,
		"both.json":  `{"host":"local","pool":"` + pool + `","volume":"a","vm":"` + vm + `"}`,
		"host.json":  `{"pool":"` + pool + `","volume":"a"}`,
		"text.json":  `nothing`,
		"empty.json": ``,
		"new-123":    `{"host":"local","pool":"` + pool + `","volume":"a"}`,
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := items(Open(folder, quiet())); len(got) != 0 {
		t.Errorf("it believes %v", got)
	}
	if _, err := Open(folder, quiet()).OnHost("local").Volume(pool, "a/b"); !errs.Is(err, errs.Internal) {
		t.Errorf("a path is noted: %v", err)
	}
}

func TestWithoutAStateFolderAProcessRemembersForItself(t *testing.T) {
	t.Parallel()
	r := Open("", quiet())
	note, err := r.OnHost("local").Volume(pool, "a")
	if err != nil {
		t.Fatal(err)
	}
	note.Leave()
	if got := items(r); len(got) != 1 {
		t.Errorf("it knows %v", got)
	}
}

func TestAFolderThatCannotBeWrittenIsSaid(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file, quiet()).OnHost("local").Volume(pool, "a"); !errs.Is(err, errs.Internal) {
		t.Errorf("got %v", err)
	}
}
