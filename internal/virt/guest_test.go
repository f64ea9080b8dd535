package virt

import (
	"bytes"
	"errors"
	"testing"

	"org.kvmmanager/internal/errs"
)

func TestAScreenshotIsWritten(t *testing.T) {
	t.Parallel()
	c := connect(t, node(t, 1))
	uuid := only(t, c).UUID
	var image bytes.Buffer
	mime, err := c.Screenshot(t.Context(), uuid, 0, &image)
	if errs.Is(err, errs.LibvirtFailed) {
		t.Skip("this libvirt's test driver lacks its picture:", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if mime != "image/png" || !bytes.HasPrefix(image.Bytes(), []byte("\x89PNG\r\n\x1a\n")) || !bytes.Contains(image.Bytes(), []byte("IEND")) {
		t.Errorf("%d bytes of %s", image.Len(), mime)
	}
}

// failing is a writer that fails.
type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestAScreenshotThatCannotBeWrittenFails(t *testing.T) {
	t.Parallel()
	c := connect(t, node(t, 1))
	uuid := only(t, c).UUID
	full := errors.New("full")
	for range 20 { // aborted streams leave nothing behind
		_, err := c.Screenshot(t.Context(), uuid, 0, failing{full})
		if err == nil {
			t.Fatal("it succeeded")
		}
		if errs.Is(err, errs.LibvirtFailed) {
			t.Skip("this libvirt's test driver lacks its picture:", err)
		}
		if !errors.Is(err, full) {
			t.Fatal(err)
		}
	}
}

func TestASenselessKeyIsRefused(t *testing.T) {
	t.Parallel()
	c := connect(t, node(t, 1))
	uuid := only(t, c).UUID
	for _, codes := range [][]uint32{nil, make([]uint32, 17), {0}, {1 << 31}} {
		if err := c.SendKeys(t.Context(), uuid, codes); !errs.Is(err, errs.InvalidArgument) {
			t.Errorf("%v: %v", codes, err)
		}
	}
	if err := c.SendKeys(t.Context(), uuid, []uint32{29, 56, 111}); err != nil && !errs.Is(err, errs.NotSupported) {
		t.Errorf("Ctrl+Alt+Delete: %v", err)
	}
}

func TestStatisticsCoverTheVMsThatRun(t *testing.T) {
	t.Parallel()
	c := connect(t, node(t, 3))
	vms, err := c.VMs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	counters, _, err := c.Statistics(t.Context())
	if errs.Is(err, errs.NotSupported) {
		t.Skip("this libvirt's test driver has no statistics")
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, vm := range vms {
		if n, ok := counters[vm.UUID]; !ok || n.VCPUs != vm.VCPUs {
			t.Errorf("%s: %+v", vm.Name, n)
		}
	}
}
