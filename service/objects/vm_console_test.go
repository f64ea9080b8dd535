package objects

import (
	"bytes"
	"testing"

	"org.kvmmanager/internal/errs"
)

func TestAPictureThatIsTooLargeIsRefused(t *testing.T) {
	t.Parallel()
	var taken bytes.Buffer
	b := &bounded{&taken, 4}
	for _, part := range []string{"ab", "cd"} {
		if _, err := b.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Write([]byte("e")); !errs.Is(err, errs.NotSupported) || taken.String() != "abcd" {
		t.Errorf("got %v, and %q", err, taken.String())
	}
}
