// Package journal writes the service's log to systemd's journal, with a field
// for each attribute, and to standard error where there is no journal.
//
// An attribute becomes a field of its own: host is KVMMANAGER_HOST, and groups
// are joined with _. What the journal's users know under a name of its own
// keeps it: VM_NAME, VM_UUID, MESSAGE_ID. Because most people read only the
// message, attributes of one line are in its text as well.
package journal

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"strconv"

	sd "github.com/coreos/go-systemd/v22/journal"
)

// NewHandler makes the handler for this process's log: the journal if
// standard error is connected to it, else standard error.
func NewHandler(level slog.Leveler) slog.Handler {
	send := writeText(os.Stderr)
	// An error means a malformed JOURNAL_STREAM, which is none.
	if is, err := sd.StderrIsJournalStream(); err == nil && is {
		send = sendOr(send)
	}
	return &handler{level: level, send: send}
}

// sender writes one entry. It may be called concurrently.
type sender func(e entry) error

// entry is what one record becomes.
type entry struct {
	Message  string
	Priority sd.Priority
	Fields   map[string]string
}

// sendOr writes to the journal, and to otherwise when that fails.
func sendOr(otherwise sender) sender {
	return func(e entry) error {
		if err := sd.Send(e.Message, e.Priority, e.Fields); err != nil {
			return otherwise(e)
		}
		return nil
	}
}

// writeText writes lines for a person. One call of Write per line keeps
// concurrent ones apart.
func writeText(w io.Writer) sender {
	return func(e entry) error {
		_, err := fmt.Fprintf(w, "%s: %s\n", priorityNames[e.Priority], e.Message)
		return err
	}
}

// handler is a slog.Handler. It is never changed.
type handler struct {
	level  slog.Leveler
	send   sender
	fields []field // of WithAttrs
	group  string  // with a dot at its end, or empty
}

// Enabled implements slog.Handler.
func (h *handler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.level.Level() || level == LevelAudit
}

// Handle implements slog.Handler.
func (h *handler) Handle(_ context.Context, record slog.Record) error {
	fields := slices.Clone(h.fields)
	record.Attrs(func(attr slog.Attr) bool {
		fields = appendFields(fields, h.group, attr)
		return true
	})
	e := entry{
		Message:  message(record.Message, fields),
		Priority: priority(record.Level),
		Fields:   make(map[string]string, len(fields)+3),
	}
	for _, f := range fields {
		e.Fields[f.journalName()] = f.value
	}
	if record.PC != 0 {
		frame, _ := runtime.CallersFrames([]uintptr{record.PC}).Next()
		e.Fields["CODE_FILE"], e.Fields["CODE_FUNC"] = frame.File, frame.Function
		e.Fields["CODE_LINE"] = strconv.Itoa(frame.Line)
	}
	return h.send(e)
}

// WithAttrs implements slog.Handler.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := *h
	with.fields = slices.Clone(h.fields)
	for _, attr := range attrs {
		with.fields = appendFields(with.fields, h.group, attr)
	}
	return &with
}

// WithGroup implements slog.Handler.
func (h *handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	with := *h
	with.group += name + "."
	return &with
}

var priorityNames = map[sd.Priority]string{
	sd.PriCrit: "critical", sd.PriErr: "error", sd.PriWarning: "warning",
	sd.PriNotice: "notice", sd.PriInfo: "info", sd.PriDebug: "debug",
}

func priority(level slog.Level) sd.Priority {
	switch {
	case level > slog.LevelError:
		return sd.PriCrit
	case level >= slog.LevelError:
		return sd.PriErr
	case level >= slog.LevelWarn:
		return sd.PriWarning
	case level > slog.LevelInfo:
		return sd.PriNotice
	case level >= slog.LevelInfo:
		return sd.PriInfo
	default:
		return sd.PriDebug
	}
}
