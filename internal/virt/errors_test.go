package virt

import (
	"context"
	"strings"
	"testing"
	"unicode/utf8"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/errs"
)

func TestErrorsOfLibvirtGetAKindAndASentence(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		code    libvirt.ErrorNumber
		message string
		kind    errs.Kind
		want    string
	}{
		{libvirt.ERR_NO_DOMAIN, "Domain not found: no domain", errs.NotFound, "This virtual machine does not exist."},
		{libvirt.ERR_OPERATION_INVALID, "Requested operation is not valid: domain is not running", errs.InvalidState, "Domain is not running."},
		{libvirt.ERR_OPERATION_FAILED, "operation failed: domain 'a' already exists with uuid b", errs.AlreadyExists, "A virtual machine with this name or UUID exists already."},
		{libvirt.ERR_OPERATION_INVALID, "Requested operation is not valid: domain with name 'a' already exists", errs.AlreadyExists, "Domain with name 'a' already exists."},
		{libvirt.ERR_INTERNAL_ERROR, "internal error: process exited: No space left on device", errs.NoSpace, "Process exited: No space left on device."},
		{libvirt.ERR_INTERNAL_ERROR, "internal error: Could not open 'x': Permission denied", errs.PermissionDenied, "Could not open 'x': Permission denied."},
		{libvirt.ERR_INTERNAL_ERROR, "internal error: who knows?", errs.LibvirtFailed, "Who knows?"},
		{libvirt.ERR_OPERATION_TIMEOUT, "Timed out during operation: cannot acquire state change lock", errs.Busy, "Another operation on this virtual machine is still running, or it does not answer."},
		{libvirt.ERR_OPERATION_TIMEOUT, "Timed out during operation: vcpu unplug request timed out. Unplug result must be manually inspected in the domain", errs.Timeout, "The guest did not give the processors back. Try again when it has started, or change their number for the next boot."},
		{libvirt.ERR_OPERATION_FAILED, "operation failed: Active console session exists for this domain", errs.Busy, "Somebody else uses this console."},
		{libvirt.ERR_OPERATION_INVALID, "Requested operation is not valid: no such screen ID", errs.NotFound, "The virtual machine has no such screen."},
		{libvirt.ERR_OPERATION_INVALID, "Requested operation is not valid: no screens to take screenshot from", errs.NotSupported, "The virtual machine has no display."},
		{libvirt.ERR_INTERNAL_ERROR, "internal error: End of file from qemu monitor", errs.InvalidState, "The virtual machine ended meanwhile."},
		{libvirt.ERR_SYSTEM_ERROR, "Unable to read from monitor: Connection reset by peer", errs.InvalidState, "The virtual machine ended meanwhile."},
		{libvirt.ERR_SYSTEM_ERROR, "Cannot access storage file '/x' (as uid:1, gid:1): No such file or directory", errs.NotFound, "Cannot access storage file '/x' (as uid:1, gid:1): No such file or directory."},
		{libvirt.ERR_SYSTEM_ERROR, "Cannot access storage file '/x' (as uid:1, gid:1): Permission denied", errs.PermissionDenied, "Cannot access storage file '/x' (as uid:1, gid:1): Permission denied."},
		{libvirt.ERR_INTERNAL_ERROR, "internal error: process exited while connecting to monitor: cannot set up guest memory 'pc.ram': Cannot allocate memory", errs.NoSpace, "The host has too little memory for this virtual machine."},
		{libvirt.ERR_OPERATION_ABORTED, "operation aborted: job", errs.Cancelled, "The operation was cancelled."},
		{libvirt.ERR_AGENT_UNRESPONSIVE, "Guest agent is not responding", errs.GuestAgentUnavailable, "The guest agent does not answer."},
		{libvirt.ERR_XML_INVALID_SCHEMA, "XML document failed to validate against schema: Unable to validate doc against /usr/share/libvirt/schemas/domain.rng\nExtra element a\nElement b\n", errs.InvalidArgument, "The XML is not what libvirt expects: Extra element a; Element b."},
		{libvirt.ERR_INTERNAL_ERROR, "internal error: no VM 'a\u009b\x1bb'", errs.LibvirtFailed, "No VM 'a b'."},
		{libvirt.ERR_NO_MEMORY, "", errs.LibvirtFailed, "libvirt failed without saying why."},
	} {
		kind, text := errs.Of(translate(libvirt.Error{Code: tt.code, Message: tt.message}, true))
		if kind != tt.kind || text != tt.want {
			t.Errorf("%q: %s %q", tt.message, kind, text)
		}
	}
}

func TestEveryErrorOfALostConnectionIsDisconnected(t *testing.T) {
	t.Parallel()
	for code := range verdicts {
		if err := translate(libvirt.Error{Code: code}, false); !errs.Is(err, errs.Disconnected) {
			t.Errorf("%d: %v", code, err)
		}
	}
}

func TestErrorsOfOthersPass(t *testing.T) {
	t.Parallel()
	ours := errs.New(errs.NotFound, "Ours.")
	about := errs.Wrap(errs.NotSupported, libvirt.Error{Code: libvirt.ERR_NO_STORAGE_VOL}, "Ours, too.")
	for _, err := range []error{nil, ours, about, context.Canceled} {
		if got := translate(err, true); got != err {
			t.Errorf("%v became %v", err, got)
		}
	}
}

func FuzzSentenceIsOneShortLine(f *testing.F) {
	f.Add("internal error: x\ny")
	f.Add(strings.Repeat("ä", 1000))
	f.Add("\xff")
	f.Fuzz(func(t *testing.T, message string) {
		s := sentence(message)
		if s == "" || len(s) > maxSentence+10 || !utf8.ValidString(s) || strings.ContainsAny(s, "\r\n") {
			t.Errorf("%q became %q", message, s)
		}
	})
}

// TestErrorsOfQEMUShowNoSecret: an error names the argument that it is about, and
// everybody may read the error of a job.
func TestErrorsOfQEMUShowNoSecret(t *testing.T) {
	t.Parallel()
	const start = "internal error: QEMU unexpectedly closed the monitor (vm='a'): 2026-01-01T00:00:00Z qemu-system-x86_64: "
	for message, kept := range map[string]string{
		start + "-fw_cfg name=opt/a,string=SECRET: Could not open":                      "-fw_cfg: Could not open.",
		start + "-smbios type=11,value=a: SECRET,b: SECRET: bad":                        "-smbios: bad.",
		start + "-append SECRET":                                                        "-append: .",
		start + "--append SECRET: bad":                                                  "--append: bad.",
		start + "-device a: warning\n2026 qemu-kvm: -global SECRET=1: no such property": "-global: no such property.",
		start + "-device virtio-blk,id=a: Device 'b' not found":                         "-device virtio-blk,id=a: Device 'b' not found.",
	} {
		got := sentence(message)
		if strings.Contains(got, "SECRET") || !strings.HasSuffix(got, kept) {
			t.Errorf("%q becomes %q, want …%q", message, got, kept)
		}
	}
}
