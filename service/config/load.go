package config

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"

	"org.kvmmanager/internal/errs"
)

const (
	serviceSection = "Service"
	hostSection    = "Host"
)

// Load reads everything there is. It always gives a configuration: at the
// least, the local host.
func Load(paths Paths) (Config, []Problem) {
	l := load(paths)
	return l.config(), l.problems
}

// loader collects what the files say.
type loader struct {
	level    slog.Level
	hosts    map[string]*hostDraft
	problems []Problem
	failed   bool // something could not be read
}

// hostDraft is a host while more files may change it.
type hostDraft struct {
	uri      string
	disabled bool
	added    bool   // over D-Bus
	file     string // where it was first named, with the line; empty if built in
	line     int
}

func load(paths Paths) *loader {
	local := &hostDraft{}
	l := &loader{hosts: map[string]*hostDraft{LocalID: local}}
	switch main := paths.mainFile(); {
	case main != "":
		l.read(main)
	case paths.MustExist:
		l.fail(paths.Main[0], fs.ErrNotExist)
	}
	for _, file := range paths.dropIns(l.fail) {
		l.read(file)
	}
	if local.uri == "" {
		local.uri = paths.LocalURI
	}
	l.needURIs()
	l.readState(paths.State)
	return l
}

func (l *loader) config() Config {
	c := Config{LogLevel: l.level, Incomplete: l.failed}
	for id, draft := range l.hosts {
		if draft.uri != "" && !draft.disabled {
			c.Hosts = append(c.Hosts, Host{ID: id, URI: draft.uri, Removable: draft.added})
		}
	}
	slices.SortFunc(c.Hosts, func(a, b Host) int {
		switch {
		case a.ID == LocalID:
			return -1
		case b.ID == LocalID:
			return 1
		default:
			return strings.Compare(a.ID, b.ID)
		}
	})
	return c
}

// fail notes that a file or folder cannot be read.
func (l *loader) fail(file string, err error) {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err // the file's name is said already
	}
	if !errors.Is(err, fs.ErrNotExist) {
		l.failed = true
	}
	l.problems = append(l.problems, Problem{File: file, Message: fmt.Sprintf("cannot read it: %v", err)})
}

// reporter notes problems of one file.
func (l *loader) reporter(file string) report {
	return func(line int, format string, args ...any) {
		l.problems = append(l.problems, Problem{file, line, fmt.Sprintf(format, args...)})
	}
}

// read takes over one file of the administrator's.
func (l *loader) read(file string) {
	text, err := readFile(file)
	if err != nil {
		l.fail(file, err)
		return
	}
	problem := l.reporter(file)
	for _, s := range parse(text, problem) {
		if s.kind == serviceSection {
			l.service(s, problem)
		} else {
			l.host(file, s, problem)
		}
	}
}

func (l *loader) service(s section, problem report) {
	for _, set := range s.settings {
		if set.key != "LogLevel" {
			problem(set.line, "unknown key %q in %s", set.key, s.title())
			continue
		}
		level, ok := logLevels[set.value]
		if !ok {
			problem(set.line, "LogLevel is %q, not debug, info, warning or error", set.value)
			continue
		}
		l.level = level
	}
}

var logLevels = map[string]slog.Level{
	"": slog.LevelInfo, "debug": slog.LevelDebug, "info": slog.LevelInfo,
	"warning": slog.LevelWarn, "error": slog.LevelError,
}

func (l *loader) host(file string, s section, problem report) {
	if err := ValidateID(s.name); err != nil {
		problem(s.line, "%s; the settings of %q are ignored", sentence(err), s.title())
		return
	}
	draft := l.hosts[s.name]
	if draft == nil {
		draft = &hostDraft{}
		l.hosts[s.name] = draft
	}
	if draft.file == "" {
		draft.file, draft.line = file, s.line
	}
	for _, set := range s.settings {
		draft.set(set, s.title(), problem)
	}
}

func (d *hostDraft) set(set setting, title string, problem report) {
	switch set.key {
	case "URI":
		if set.value != "" {
			if err := ValidateURI(set.value, false); err != nil {
				problem(set.line, "%s; the setting is ignored", sentence(err))
				return
			}
		}
		d.uri = set.value
	case "Enabled":
		enabled, ok := parseBool(set.value)
		if !ok {
			problem(set.line, "Enabled is %q, not yes or no", set.value)
			return
		}
		d.disabled = !enabled
	default:
		problem(set.line, "unknown key %q in %s", set.key, title)
	}
}

// parseBool knows systemd's words. A value taken back is yes.
func parseBool(value string) (yes, ok bool) {
	switch strings.ToLower(value) {
	case "", "yes", "y", "true", "t", "on", "1":
		return true, true
	case "no", "n", "false", "f", "off", "0":
		return false, true
	default:
		return false, false
	}
}

// needURIs notes the hosts that have no URI after all files were read.
func (l *loader) needURIs() {
	for _, id := range sortedKeys(l.hosts) {
		if d := l.hosts[id]; d.uri == "" && !d.disabled {
			l.reporter(d.file)(d.line, "[Host %s] has no URI; the host is left out", id)
		}
	}
}

// sentence is an error's sentence as a part of a longer one.
func sentence(err error) string {
	_, message := errs.Of(err)
	return strings.TrimSuffix(message, ".")
}
