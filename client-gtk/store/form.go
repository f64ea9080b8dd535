package store

import (
	"fmt"
	"slices"
	"strconv"
)

// FieldKind is how a person says something.
type FieldKind int

// The kinds of fields.
const (
	FieldChoice FieldKind = iota // one of Choices
	FieldText
	FieldSwitch   // "true" or empty
	FieldNumber   // decimal; "0" says nothing
	FieldForwards // ports of the host that lead to the guest; see Forwards
	FieldSize     // bytes; the row says in which unit it is shown
	FieldFile     // the path of a file of the person's
)

// Choice is a value that can be chosen.
type Choice struct{ Value, Label string }

// Field is one thing that a person can say. Whatever its kind is, what it says
// is a text.
type Field struct {
	Key     string // of the dictionary that the service gets
	Label   string
	Kind    FieldKind
	Choices []Choice
	Least   uint64 // of numbers and sizes
	Most    uint64
	Usual   string            // at first
	When    map[string]string // matters only while other fields say this
	Needed  bool              // it cannot stay empty
	as      fieldType         // of the value that the service gets
	private bool              // it only decides about other fields
}

type fieldType int

const (
	typeText   fieldType = iota
	typeU                // uint32
	typeT                // uint64
	typeBool             // of a choice: "true" or "false"
	typeVolume           // two keys, pool and volume
)

// Values is what the fields of a form say, by their keys.
type Values map[string]string

// Form is what a person is asked, in words of the user's language.
type Form struct {
	Title  string
	Hint   string // what to know before
	Fields []Field
}

// Shown says whether a field matters, as the others are.
func (f *Field) Shown(v Values) bool {
	for key, value := range f.When {
		if v[key] != value {
			return false
		}
	}
	return true
}

// Start is what the fields say at first.
func (f *Form) Start() Values {
	v := Values{}
	for i := range f.Fields {
		v[f.Fields[i].Key] = f.Fields[i].Usual
	}
	return v
}

// Missing is the label of a field that has to be filled in; empty when nothing
// is missing.
func (f *Form) Missing(v Values) string {
	for i := range f.Fields {
		if field := &f.Fields[i]; field.Needed && field.Shown(v) && v[field.Key] == "" {
			return field.Label
		}
	}
	return ""
}

// Record is what the fields say as the service takes it. Fields that say nothing
// are left out.
func (f *Form) Record(v Values) map[string]any {
	record := map[string]any{}
	for i := range f.Fields {
		if field := &f.Fields[i]; field.Shown(v) && v[field.Key] != "" {
			field.put(record, v[field.Key])
		}
	}
	return record
}

// Changed is what is said otherwise than it was, or was not asked for before. A
// text that is empty now is said as such.
func (f *Form) Changed(before, now Values) map[string]any {
	record := map[string]any{}
	for i := range f.Fields {
		if field := &f.Fields[i]; field.Shown(now) && (now[field.Key] != before[field.Key] || !field.Shown(before)) {
			field.put(record, now[field.Key])
		}
	}
	return record
}

func (f *Field) put(record map[string]any, value string) {
	number, _ := strconv.ParseUint(value, 10, 64)
	switch {
	case f.private, f.Kind == FieldNumber && number == 0:
	case f.Kind == FieldSwitch, f.as == typeBool:
		record[f.Key] = value == "true"
	case f.Kind == FieldForwards:
		record[f.Key] = Forwards(value)
	case f.as == typeU:
		record[f.Key] = uint32(number)
	case f.as == typeT:
		record[f.Key] = number
	case f.as == typeVolume && value == "": // an empty drive
		record["source"] = ""
	case f.as == typeVolume:
		pool, volume := splitVolume(value)
		record["pool"], record["volume"] = pool, volume
	default:
		record[f.Key] = value
	}
}

// Chosen is the place of a value among the choices of a field. One that is not
// there is added, since the VM has it.
func (f *Field) Chosen(value string) int {
	i := slices.IndexFunc(f.Choices, func(c Choice) bool { return c.Value == value })
	if i < 0 && value != "" {
		f.Choices = append(f.Choices, Choice{value, fmt.Sprint(value)})
		i = len(f.Choices) - 1
	}
	return max(i, 0)
}
