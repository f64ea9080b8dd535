package journal

import (
	"bytes"
	"errors"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"testing/slogtest"

	sd "github.com/coreos/go-systemd/v22/journal"
)

// recorder keeps the entries that a logger sends.
type recorder struct{ entries []entry }

func (r *recorder) logger(level slog.Leveler) *slog.Logger {
	return slog.New(&handler{level: level, send: func(e entry) error {
		r.entries = append(r.entries, e)
		return nil
	}})
}

// one gives the only entry, without the fields that name the source's line.
func (r *recorder) one(t *testing.T) entry {
	t.Helper()
	if len(r.entries) != 1 {
		t.Fatalf("%d entries, want one", len(r.entries))
	}
	e := r.entries[0]
	e.Fields = maps.Clone(e.Fields)
	maps.DeleteFunc(e.Fields, func(name, _ string) bool { return strings.HasPrefix(name, "CODE_") })
	return e
}

// password is a value that must not be logged as it is.
type password string

func (password) LogValue() slog.Value { return slog.StringValue("hidden") }

func TestAnEntryHasAFieldForEachAttribute(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		log     func(*slog.Logger)
		message string
		fields  map[string]string
	}{
		"nothing": {
			func(l *slog.Logger) { l.Info("hello") },
			"hello",
			map[string]string{},
		},
		"an attribute": {
			func(l *slog.Logger) { l.Info("hello", "host", "local") },
			"hello host=local",
			map[string]string{"KVMMANAGER_HOST": "local"},
		},
		"one with a dash": {
			func(l *slog.Logger) { l.Info("hello", "ö-key", 3) },
			"hello ö-key=3",
			map[string]string{"KVMMANAGER___KEY": "3"},
		},
		"VMs have fields that others use too": {
			func(l *slog.Logger) { l.Info("crash", "vm_name", "web", "vm_uuid", "u") },
			"crash vm_name=web vm_uuid=u",
			map[string]string{"VM_NAME": "web", "VM_UUID": "u"},
		},
		"the logger's own attributes come first": {
			func(l *slog.Logger) { l.With("host", "local").Info("hello", "n", 1) },
			"hello host=local n=1",
			map[string]string{"KVMMANAGER_HOST": "local", "KVMMANAGER_N": "1"},
		},
		"groups are joined": {
			func(l *slog.Logger) {
				l.WithGroup("job").With("n", 1).Info("hello", slog.Group("result", "size", 2))
			},
			"hello job.n=1 job.result.size=2",
			map[string]string{"KVMMANAGER_JOB_N": "1", "KVMMANAGER_JOB_RESULT_SIZE": "2"},
		},
		"the message id is not in the text, and in no group": {
			func(l *slog.Logger) { l.WithGroup("g").Info("crash", MessageID(VMCrashed)) },
			"crash",
			map[string]string{"MESSAGE_ID": string(VMCrashed)},
		},
		"an error": {
			func(l *slog.Logger) { l.Info("failed", "error", errors.New("no such file")) },
			`failed error="no such file"`,
			map[string]string{"KVMMANAGER_ERROR": "no such file"},
		},
		"a stack is in its field only": {
			func(l *slog.Logger) { l.Info("panic", "stack", "a\nb") },
			"panic",
			map[string]string{"KVMMANAGER_STACK": "a\nb"},
		},
		"a name cannot pretend to be more": {
			func(l *slog.Logger) { l.Info("start", "vm_name", "a uid=0") },
			`start vm_name="a uid=0"`,
			map[string]string{"VM_NAME": "a uid=0"},
		},
		"a name cannot steer a terminal": {
			func(l *slog.Logger) { l.Info("start", "vm_name", "a\x1b[2J\xff") },
			`start vm_name="a\x1b[2J\xff"`,
			map[string]string{"VM_NAME": "a\x1b[2J\xff"},
		},
		"an empty value is seen": {
			func(l *slog.Logger) { l.Info("start", "vm_name", "") },
			`start vm_name=""`,
			map[string]string{"VM_NAME": ""},
		},
		"a value may hide itself": {
			func(l *slog.Logger) { l.Info("login", "password", password("secret")) },
			"login password=hidden",
			map[string]string{"KVMMANAGER_PASSWORD": "hidden"},
		},
		"a field's name has the length that the journal takes": {
			func(l *slog.Logger) { l.Info("long", strings.Repeat("k", 100), "v") },
			"long " + strings.Repeat("k", 100) + "=v",
			map[string]string{fieldPrefix + strings.Repeat("K", maxFieldName-len(fieldPrefix)): "v"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var r recorder
			test.log(r.logger(slog.LevelInfo))
			e := r.one(t)
			if e.Message != test.message || !maps.Equal(e.Fields, test.fields) {
				t.Errorf("got %q %q\nwant %q %q", e.Message, e.Fields, test.message, test.fields)
			}
		})
	}
}

func TestAnEntrySaysWhichLineLogged(t *testing.T) {
	t.Parallel()
	var r recorder
	r.logger(slog.LevelInfo).Info("hello")
	f := r.entries[0].Fields
	if !strings.HasSuffix(f["CODE_FILE"], "handler_test.go") || f["CODE_LINE"] == "" ||
		!strings.HasSuffix(f["CODE_FUNC"], "TestAnEntrySaysWhichLineLogged") {
		t.Errorf("got %q", f)
	}
}

func TestLevelsArePriorities(t *testing.T) {
	t.Parallel()
	tests := map[slog.Level]sd.Priority{
		slog.LevelDebug: sd.PriDebug, slog.LevelInfo: sd.PriInfo, LevelAudit: sd.PriNotice,
		slog.LevelWarn: sd.PriWarning, slog.LevelError: sd.PriErr, slog.LevelError + 4: sd.PriCrit,
	}
	for level, want := range tests {
		if got := priority(level); got != want {
			t.Errorf("%v is priority %d, want %d", level, got, want)
		}
		if priorityNames[want] == "" {
			t.Errorf("priority %d has no name", want)
		}
	}
}

func TestTheLevelCanChangeWhileLogging(t *testing.T) {
	t.Parallel()
	var (
		r     recorder
		level slog.LevelVar
	)
	logger := r.logger(&level)
	logger.Debug("hidden")
	level.Set(slog.LevelDebug)
	logger.Debug("shown")
	if e := r.one(t); e.Message != "shown" {
		t.Errorf("got %q", e.Message)
	}
}

func TestWithoutAJournalALineIsWritten(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	slog.New(&handler{level: slog.LevelInfo, send: writeText(&out)}).Warn("no connection", "host", "local")
	if got, want := out.String(), "warning: no connection host=local\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// The conventions of every slog.Handler, seen in the entries' texts.
func TestHandlerFollowsTheRules(t *testing.T) {
	t.Parallel()
	var r recorder
	err := slogtest.TestHandler(r.logger(slog.LevelInfo).Handler(), func() []map[string]any {
		results := make([]map[string]any, len(r.entries))
		for i, e := range r.entries {
			results[i] = parse(e)
		}
		return results
	})
	if err == nil {
		return
	}
	for _, err := range err.(interface{ Unwrap() []error }).Unwrap() {
		// The journal notes the time itself.
		if !strings.Contains(err.Error(), `missing key "time"`) {
			t.Error(err)
		}
	}
}

// parse turns a text back into nested groups.
func parse(e entry) map[string]any {
	words := strings.Fields(e.Message)
	result := map[string]any{slog.LevelKey: e.Priority, slog.MessageKey: words[0]}
	for _, word := range words[1:] {
		name, value, _ := strings.Cut(word, "=")
		path := strings.Split(name, ".")
		group := result
		for _, key := range path[:len(path)-1] {
			if group[key] == nil {
				group[key] = map[string]any{}
			}
			group = group[key].(map[string]any)
		}
		group[path[len(path)-1]] = value
	}
	return result
}
