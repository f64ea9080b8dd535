package virt

import (
	"errors"
	"log/slog"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/errs"
)

// verdict is what an error of libvirt means to people. Without a sentence,
// libvirt's own is used.
type verdict struct {
	kind     errs.Kind
	sentence string
}

// verdicts is the one table from libvirt's codes to our kinds. A code that is
// not in it is LibvirtFailed with libvirt's own sentence.
var verdicts = map[libvirt.ErrorNumber]verdict{
	libvirt.ERR_NO_DOMAIN:            {errs.NotFound, "This virtual machine does not exist."},
	libvirt.ERR_NO_NETWORK:           {errs.NotFound, "This network does not exist."},
	libvirt.ERR_NO_STORAGE_POOL:      {errs.NotFound, "This storage pool does not exist."},
	libvirt.ERR_NO_STORAGE_VOL:       {errs.NotFound, "This storage volume does not exist."},
	libvirt.ERR_NO_DOMAIN_SNAPSHOT:   {errs.NotFound, "This snapshot does not exist."},
	libvirt.ERR_NO_DOMAIN_CHECKPOINT: {errs.NotFound, "This checkpoint does not exist."},
	libvirt.ERR_NO_NODE_DEVICE:       {errs.NotFound, "The host has no such device."},
	libvirt.ERR_NO_INTERFACE:         {errs.NotFound, "The host has no such network interface."},
	libvirt.ERR_NO_SECRET:            {errs.NotFound, "This secret does not exist."},
	libvirt.ERR_NO_NWFILTER:          {errs.NotFound, "This network filter does not exist."},
	libvirt.ERR_DEVICE_MISSING:       {errs.NotFound, "The virtual machine has no such device."},

	libvirt.ERR_DOM_EXIST:          {errs.AlreadyExists, "A virtual machine with this name or UUID exists already."},
	libvirt.ERR_NETWORK_EXIST:      {errs.AlreadyExists, "A network with this name or UUID exists already."},
	libvirt.ERR_STORAGE_VOL_EXIST:  {errs.AlreadyExists, "A storage volume with this name exists already."},
	libvirt.ERR_STORAGE_POOL_BUILT: {errs.AlreadyExists, "The storage pool was built already."},

	libvirt.ERR_INVALID_ARG:        {errs.InvalidArgument, ""},
	libvirt.ERR_INVALID_MAC:        {errs.InvalidArgument, ""},
	libvirt.ERR_XML_ERROR:          {errs.InvalidArgument, ""},
	libvirt.ERR_XML_DETAIL:         {errs.InvalidArgument, ""},
	libvirt.ERR_XML_INVALID_SCHEMA: {errs.InvalidArgument, ""},
	libvirt.ERR_OS_TYPE:            {errs.InvalidArgument, ""},
	libvirt.ERR_NO_KERNEL:          {errs.InvalidArgument, ""},
	libvirt.ERR_NO_ROOT:            {errs.InvalidArgument, ""},
	libvirt.ERR_NO_SOURCE:          {errs.InvalidArgument, ""},
	libvirt.ERR_NO_TARGET:          {errs.InvalidArgument, ""},
	libvirt.ERR_NO_NAME:            {errs.InvalidArgument, ""},
	libvirt.ERR_NO_OS:              {errs.InvalidArgument, ""},
	libvirt.ERR_NO_DEVICE:          {errs.InvalidArgument, ""},
	libvirt.ERR_OVERFLOW:           {errs.InvalidArgument, ""},

	libvirt.ERR_OPERATION_INVALID: {errs.InvalidState, ""},

	libvirt.ERR_OPERATION_TIMEOUT: {errs.Busy, "Another operation on this virtual machine is still running, or it does not answer."},
	libvirt.ERR_BLOCK_COPY_ACTIVE: {errs.Busy, "A disk of this virtual machine is being copied."},
	libvirt.ERR_RESOURCE_BUSY:     {errs.DeviceInUse, ""},

	libvirt.ERR_NO_SUPPORT:            {errs.NotSupported, "The hypervisor of this host cannot do this."},
	libvirt.ERR_CONFIG_UNSUPPORTED:    {errs.NotSupported, ""},
	libvirt.ERR_ARGUMENT_UNSUPPORTED:  {errs.NotSupported, ""},
	libvirt.ERR_OPERATION_UNSUPPORTED: {errs.NotSupported, ""},
	libvirt.ERR_CPU_INCOMPATIBLE:      {errs.NotSupported, ""},
	libvirt.ERR_SNAPSHOT_REVERT_RISKY: {errs.NotSupported, ""},

	libvirt.ERR_OPERATION_DENIED: {errs.PermissionDenied, "libvirt does not let the service do this."},
	libvirt.ERR_ACCESS_DENIED:    {errs.PermissionDenied, "libvirt does not let the service do this."},
	libvirt.ERR_AUTH_FAILED:      {errs.PermissionDenied, ""},
	libvirt.ERR_AUTH_CANCELLED:   {errs.PermissionDenied, ""},
	libvirt.ERR_AUTH_UNAVAILABLE: {errs.PermissionDenied, ""},

	libvirt.ERR_NO_CONNECT:   {errs.Disconnected, ""},
	libvirt.ERR_INVALID_CONN: {errs.Disconnected, ""},
	libvirt.ERR_UNKNOWN_HOST: {errs.Disconnected, ""},
	libvirt.ERR_NO_SERVER:    {errs.Disconnected, ""},
	libvirt.ERR_NO_CLIENT:    {errs.Disconnected, ""},
	libvirt.ERR_SSH:          {errs.Disconnected, ""},
	libvirt.ERR_LIBSSH:       {errs.Disconnected, ""},
	libvirt.ERR_GNUTLS_ERROR: {errs.Disconnected, ""},

	libvirt.ERR_OPERATION_ABORTED: {errs.Cancelled, "The operation was cancelled."},

	libvirt.ERR_AGENT_UNRESPONSIVE:    {errs.GuestAgentUnavailable, "The guest agent does not answer."},
	libvirt.ERR_AGENT_UNSYNCED:        {errs.GuestAgentUnavailable, "The guest agent does not answer."},
	libvirt.ERR_AGENT_COMMAND_TIMEOUT: {errs.GuestAgentUnavailable, "The guest agent did not answer in time."},
	libvirt.ERR_AGENT_COMMAND_FAILED:  {errs.GuestAgentUnavailable, ""},
}

// telling is the part of a message that says more than its code does, since
// libvirt reports these under catch-all codes and passes on no errno.
var telling = []struct {
	text string
	verdict
}{
	{"No space left on device", verdict{errs.NoSpace, ""}},
	{"Disk quota exceeded", verdict{errs.NoSpace, ""}},
	{"already exists with uuid", verdict{errs.AlreadyExists, "A virtual machine with this name or UUID exists already."}},
	{"is already defined with uuid", verdict{errs.AlreadyExists, "A virtual machine with this name or UUID exists already."}},
	{"already exists", verdict{errs.AlreadyExists, ""}},
	{"Active console session exists", verdict{errs.Busy, "Somebody else uses this console."}},
	{"cannot find character device", verdict{errs.NotFound, "The virtual machine has no such console."}},
	{"cannot find console device", verdict{errs.NotFound, "The virtual machine has no such console."}},
	{"no such screen ID", verdict{errs.NotFound, "The virtual machine has no such screen."}},
	{"no screens to take screenshot from", verdict{errs.NotSupported, "The virtual machine has no display."}},
	{"cannot acquire state change lock", verdict{errs.Busy, "Another operation on this virtual machine is still running, or it does not answer."}},
	{"vcpu unplug request timed out", verdict{errs.Timeout, "The guest did not give the processors back. Try again when it has started, or change their number for the next boot."}},
	{"Failed to get \"write\" lock", verdict{errs.DeviceInUse, "Another virtual machine or program uses one of the disks."}},
	{"Failed to get shared \"write\" lock", verdict{errs.DeviceInUse, "Another virtual machine or program uses one of the disks."}},
	{"Unable to read from monitor", verdict{errs.InvalidState, "The virtual machine ended meanwhile."}},
	{"Unable to write to monitor", verdict{errs.InvalidState, "The virtual machine ended meanwhile."}},
	{"End of file from qemu monitor", verdict{errs.InvalidState, "The virtual machine ended meanwhile."}},
	{"is already running", verdict{errs.InvalidState, ""}},
	{"not running", verdict{errs.InvalidState, ""}},
	{"not paused", verdict{errs.InvalidState, ""}},
	{"unsupported flags", verdict{errs.NotSupported, "The hypervisor of this host cannot do this."}},
	{"Permission denied", verdict{errs.PermissionDenied, ""}},
	// After the line before. Other files that are not there are no NotFound:
	// whoever reads a VM would take that for the VM.
	{"Cannot access storage file", verdict{errs.NotFound, ""}},
	{"Cannot allocate memory", verdict{errs.NoSpace, "The host has too little memory for this virtual machine."}},
}

// catchAll holds the codes for which the text decides.
var catchAll = map[libvirt.ErrorNumber]bool{
	libvirt.ERR_INTERNAL_ERROR: true, libvirt.ERR_OPERATION_FAILED: true, libvirt.ERR_SYSTEM_ERROR: true,
	libvirt.ERR_OPEN_FAILED: true, libvirt.ERR_READ_FAILED: true, libvirt.ERR_WRITE_FAILED: true,
	libvirt.ERR_OPERATION_INVALID: true, libvirt.ERR_RPC: true, libvirt.ERR_INVALID_ARG: true,
	libvirt.ERR_OPERATION_TIMEOUT: true,
}

// translate gives an error a kind and a sentence. An error with a kind, whatever
// caused it, and the end of a context pass unchanged. alive tells whether the
// connection still stands: once it does not, whatever libvirt says is Disconnected.
func translate(err error, alive bool) error {
	var virt libvirt.Error
	var ours *errs.Error
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &virt):
		return err
	case !alive:
		return errs.Wrap(errs.Disconnected, err, "The connection to libvirt was lost.")
	case errors.As(err, &ours):
		return err
	}
	v := judge(virt)
	text := v.sentence
	if text == "" {
		text = sentence(virt.Message)
	}
	if v.kind == errs.LibvirtFailed {
		slog.Warn("libvirt failed", "code", int(virt.Code), "domain", int(virt.Domain), "message", virt.Message)
	}
	return errs.Wrap(v.kind, err, "%s", text)
}

// said is libvirt's sentence about an error.
func said(err error) string {
	_, text := errs.Of(translate(err, true))
	return text
}

// judge finds the verdict on an error.
func judge(e libvirt.Error) verdict {
	if catchAll[e.Code] {
		for _, t := range telling {
			if strings.Contains(e.Message, t.text) {
				return t.verdict
			}
		}
	}
	if v, ok := verdicts[e.Code]; ok {
		return v
	}
	return verdict{kind: errs.LibvirtFailed}
}

// prefixes is how libvirt's messages start by code. They mean nothing to
// people.
var prefixes = []string{
	"internal error: ", "Requested operation is not valid: ", "XML error: ", "unsupported configuration: ",
	"invalid argument: ", "operation failed: ", "Operation not supported: ", "authentication failed: ",
	"argument unsupported: ", "operation aborted: ", "XML document failed to validate against schema: ",
	"this function is not supported by the connection driver: ",
}

// schemaFile is how libvirt goes on when a document does not fit a schema: the
// rest of the line is the path of a file of its own.
const schemaFile = "Unable to validate doc"

// unprintable says what does not belong into a line of text.
func unprintable(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }

// qemuArgument matches how QEMU says which of its arguments an error is about: the
// option, its value, and then the error after a colon.
var qemuArgument = regexp.MustCompile(`qemu[\w.-]*: -+([\w-]+) `)

// plainOptions are options of QEMU whose values libvirt makes of what everybody may
// see of a VM. Others may hold what domainxml.Redact leaves out of a definition,
// and the error of a job is there for everybody.
var plainOptions = map[string]bool{
	"accel": true, "audiodev": true, "blockdev": true, "chardev": true, "cpu": true, "device": true, "display": true,
	"drive": true, "machine": true, "m": true, "netdev": true, "numa": true, "smp": true, "spice": true, "vnc": true,
}

// withoutArguments leaves out of a message the value of an option of QEMU that may
// be a secret.
func withoutArguments(message string) string {
	for _, at := range qemuArgument.FindAllStringSubmatchIndex(message, -1) {
		if option := message[at[2]:at[3]]; !plainOptions[option] {
			// A value may have colons of its own.
			reason := afterLast(message[at[1]:], ": ")
			return message[:at[3]] + ": " + reason
		}
	}
	return message
}

// afterLast returns what follows the last separator; nothing if there is none.
func afterLast(s, separator string) string {
	i := strings.LastIndex(s, separator)
	if i < 0 {
		return ""
	}
	return s[i+len(separator):]
}

// maxSentence bounds a sentence in bytes; QEMU's last words can be long.
const maxSentence = 400

// sentence makes one line that starts with a capital and ends with a full stop
// out of a message of libvirt's.
func sentence(message string) string {
	message = strings.ToValidUTF8(message, "�")
	for _, p := range prefixes {
		message = strings.TrimPrefix(message, p)
	}
	if _, reasons, found := strings.Cut(message, "\n"); found && strings.HasPrefix(message, schemaFile) {
		message = "The XML is not what libvirt expects: " + strings.ReplaceAll(strings.TrimSpace(reasons), "\n", "; ")
	}
	message = withoutArguments(strings.Join(strings.FieldsFunc(message, unprintable), " "))
	if len(message) > maxSentence {
		cut := maxSentence
		for !utf8.RuneStart(message[cut]) {
			cut--
		}
		message = message[:cut] + "…"
	}
	if message == "" {
		return "libvirt failed without saying why."
	}
	first, size := utf8.DecodeRuneInString(message)
	if !strings.HasPrefix(message, "libvirt") {
		message = string(unicode.ToUpper(first)) + message[size:]
	}
	if !strings.ContainsRune(".!?…", rune(message[len(message)-1])) && !strings.HasSuffix(message, "…") {
		message += "."
	}
	return message
}

// asLibvirt finds libvirt's own error in err.
func asLibvirt(err error, virt *libvirt.Error) bool { return errors.As(err, virt) }

// hasCode says whether libvirt failed with this code.
func hasCode(err error, codes ...libvirt.ErrorNumber) bool {
	for _, code := range codes {
		if errors.Is(err, code) {
			return true
		}
	}
	return false
}

// unsupported says whether a driver lacks a function or a flag of it.
func unsupported(err error) bool {
	return hasCode(err, libvirt.ERR_NO_SUPPORT, libvirt.ERR_OPERATION_UNSUPPORTED,
		libvirt.ERR_ARGUMENT_UNSUPPORTED, libvirt.ERR_INVALID_ARG, libvirt.ERR_CONFIG_UNSUPPORTED)
}
