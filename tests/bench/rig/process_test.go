package rig

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"
)

func TestThisProcessIsSeenFromOutside(t *testing.T) {
	t.Parallel()
	me := Process(os.Getpid())
	before, err := me.CPU()
	if err != nil {
		t.Fatal(err)
	}
	for start := time.Now(); time.Since(start) < 5*time.Millisecond; {
	}
	after, err := me.CPU()
	if err != nil || after <= before {
		t.Errorf("the CPU time went from %v to %v, %v", before, after, err)
	}
	pss, anonymous, err := me.Memory()
	if err != nil || pss < 1<<20 || anonymous == 0 || anonymous > pss {
		t.Errorf("the memory is %d, %d of it anonymous, %v", pss, anonymous, err)
	}
	if n, err := me.Descriptors(); err != nil || n < 3 {
		t.Errorf("%d descriptors, %v", n, err)
	}
	if started, err := me.Started(); err != nil || started == "" || started == "0" {
		t.Errorf("started at %q, %v", started, err)
	}
}

func TestTheEndOfAProcessIsSeen(t *testing.T) {
	t.Parallel()
	command := exec.Command("sleep", "1000")
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	p := Process(command.Process.Pid)
	if err := p.Kill(9); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	// Nobody has waited for it: it is a zombie.
	if err := p.AwaitEnd(ctx); err != nil {
		t.Error(err)
	}
	_ = command.Wait()
	if err := p.AwaitEnd(ctx); err != nil {
		t.Error(err)
	}
}

func TestMemoryIsReadFromTheRightLine(t *testing.T) {
	t.Parallel()
	text := []byte("00400000-7ff [rollup]\nRss:  100 kB\nPss:   40 kB\nPss_Dirty: 9 kB\nPss_Anon:  30 kB\n")
	if pss, anonymous := kilobytes(text, "Pss:"), kilobytes(text, "Pss_Anon:"); pss != 40<<10 || anonymous != 30<<10 {
		t.Errorf("read %d and %d", pss, anonymous)
	}
	if n := kilobytes(text, "Swap:"); n != 0 {
		t.Errorf("a line that is not there says %d", n)
	}
}
