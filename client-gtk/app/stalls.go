package app

import (
	"context"
	"fmt"
	"os"
	"time"

	coreglib "github.com/diamondburned/gotk4/pkg/core/glib"
)

// stallsVariable names a file that the program tells in how long its main loop
// was busy at once. ./dev bench reads it.
const stallsVariable = "KVM_MANAGER_STALLS"

// watchStalls asks the main loop all the time whether it listens, and adds a
// line to the file each tenth of a second: when, and the longest wait since the
// line before, both in µs.
func watchStalls(ctx context.Context, file string) {
	out, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return
	}
	defer out.Close()
	written, worst := time.Now(), time.Duration(0)
	for ctx.Err() == nil {
		asked, listens := time.Now(), make(chan struct{})
		coreglib.IdleAddPriority(coreglib.PriorityHigh, func() { close(listens) })
		<-listens
		worst = max(worst, time.Since(asked))
		if time.Since(written) > 100*time.Millisecond {
			written = time.Now()
			fmt.Fprintln(out, written.UnixMicro(), worst.Microseconds())
			worst = 0
		}
		time.Sleep(2 * time.Millisecond)
	}
}
