package descriptor

import (
	"context"
	"os"
	"time"

	"org.kvmmanager/internal/errs"
)

const (
	// Patience is how long a file may take for one piece of work.
	Patience = time.Minute
	// maxStuck is how many files that do not answer are waited for, in a thread
	// each, also after nobody wants them any more.
	maxStuck = 64
)

// turns is the work on files that is under way.
var turns = make(chan struct{}, maxStuck)

// Do does work on a caller's file and returns what it does, or gives up: with
// ctx's error, or with Timeout after Patience. The work then goes on by itself
// until the file answers, so it must not touch what its caller uses again.
func Do[T any](ctx context.Context, work func() (T, error)) (T, error) {
	return do(ctx, Patience, work)
}

func do[T any](ctx context.Context, patience time.Duration, work func() (T, error)) (T, error) {
	type outcome struct {
		value T
		err   error
	}
	var none T
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case turns <- struct{}{}:
	case <-ctx.Done():
		return none, ctx.Err()
	case <-timer.C:
		return none, errs.New(errs.Busy, "Too many files do not answer. Try again later.")
	}
	done := make(chan outcome, 1)
	go func() {
		defer func() { <-turns }()
		value, err := work()
		done <- outcome{value, err}
	}()
	select {
	case o := <-done:
		return o.value, o.err
	case <-ctx.Done():
		return none, ctx.Err()
	case <-timer.C:
		return none, errs.New(errs.Timeout, "The file did not answer within %d seconds.", int(patience.Seconds()))
	}
}

// ReadAt returns up to length bytes of a file from an offset; fewer at its end.
func ReadAt(ctx context.Context, f *os.File, offset int64, length int) ([]byte, error) {
	return Do(ctx, func() ([]byte, error) {
		b := make([]byte, length)
		n, err := f.ReadAt(b, offset)
		if n > 0 {
			err = nil
		}
		return b[:n], err
	})
}
