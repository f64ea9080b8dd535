package journal

import (
	"context"
	"log/slog"
)

// LevelAudit is the level of audit records, a notice to the journal. They are
// written whatever the log's level is.
const LevelAudit = slog.LevelInfo + 2

// Outcomes of a change beside the kinds of errors.
const (
	Done = "done"
	// InteractionRequired is the D-Bus error's name: polkit wants a password
	// that the caller did not let it ask for.
	InteractionRequired = "InteractiveAuthorizationRequired"
)

// AuditRecord says who changed what.
type AuditRecord struct {
	Action  string // polkit action that allowed it, or did not
	Object  string // object path
	Method  string // interface and method
	UID     uint32 // of the caller
	PID     uint32
	Job     string // object path of the job that did it, if there was one
	Outcome string // Done, InteractionRequired, or the kind of the error
	// Refused says that the caller did not get the right to it, whatever the
	// reason: a no, or a dialog that nobody answered.
	Refused bool
}

// Audit writes one entry for a change, or for one that was refused.
func Audit(logger *slog.Logger, r AuditRecord) {
	text, id := "a change was asked for", AuthorizedChange
	switch {
	case r.Refused:
		text, id = "a change was refused", ChangeRefused
	case r.Outcome == Done:
		text = "a change was made"
	}
	attrs := []slog.Attr{
		MessageID(id),
		slog.String("method", r.Method),
		slog.String("object", r.Object),
		slog.String("action", r.Action),
		slog.Uint64("uid", uint64(r.UID)),
		slog.Uint64("pid", uint64(r.PID)),
		slog.String("outcome", r.Outcome),
	}
	if r.Job != "" {
		attrs = append(attrs, slog.String("job", r.Job))
	}
	logger.LogAttrs(context.Background(), LevelAudit, text, attrs...)
}
