package journal

import (
	"log/slog"
	"strconv"
	"strings"
	"unicode"

	"org.kvmmanager/internal/model"
)

const (
	fieldPrefix = "KVMMANAGER_"
	// maxFieldName is the journal's limit; it drops fields with longer names.
	maxFieldName = 64
)

// knownFields are the attributes whose fields carry no prefix.
var knownFields = map[string]bool{messageIDKey: true, "VM_NAME": true, "VM_UUID": true}

// field is one attribute with its groups joined by dots.
type field struct{ name, value string }

// appendFields adds an attribute, or the members of a group.
func appendFields(fields []field, group string, attr slog.Attr) []field {
	value := attr.Value.Resolve()
	switch {
	case attr.Key == messageIDKey:
		return append(fields, field{attr.Key, value.String()}) // belongs to the entry, not to a group
	case value.Kind() == slog.KindGroup:
		if attr.Key != "" {
			group += attr.Key + "."
		}
		for _, member := range value.Group() {
			fields = appendFields(fields, group, member)
		}
		return fields
	case attr.Equal(slog.Attr{}):
		return fields
	default:
		return append(fields, field{group + attr.Key, value.String()})
	}
}

// journalName is the name of the attribute's field: capital letters, digits
// and underscores only.
func (f field) journalName() string {
	name := strings.Map(func(c rune) rune {
		switch {
		case c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
			return c
		case c >= 'a' && c <= 'z':
			return c - 'a' + 'A'
		default:
			return '_'
		}
	}, f.name)
	if !knownFields[name] {
		name = fieldPrefix + name
	}
	return name[:min(len(name), maxFieldName)]
}

// message is the text of an entry: what happened, and to what. Values of more
// than one line, such as a stack, are in their fields only.
func message(text string, fields []field) string {
	var b strings.Builder
	b.WriteString(text)
	for _, f := range fields {
		if f.name == messageIDKey || strings.Contains(f.value, "\n") {
			continue
		}
		b.WriteString(" " + f.name + "=" + quoted(f.value))
	}
	return b.String()
}

// quoted makes a value that names of VMs, which anybody may choose, cannot
// make look like two.
func quoted(value string) string {
	plain := value != "" && !strings.ContainsFunc(value, func(c rune) bool {
		return c == '"' || c == '=' || c == unicode.ReplacementChar || unicode.IsSpace(c) || !unicode.IsPrint(c)
	})
	if plain && model.Clean(value) == value {
		return value
	}
	return model.Clean(strconv.Quote(value)) // which escapes most of what cannot be shown
}
