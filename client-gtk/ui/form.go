package ui

import (
	_ "embed"
	"path/filepath"
	"strconv"

	"github.com/diamondburned/gotk4-adwaita/pkg/adw"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	"org.kvmmanager/client-gtk/i18n"
	"org.kvmmanager/client-gtk/store"
)

//go:embed form_choice.ui
var choiceUI string

// manyChoices is how many choices are searched rather than looked through.
const manyChoices = 12

// form is the fields of a store.Form as rows.
type form struct {
	group   *adw.PreferencesGroup
	fields  []store.Field
	rows    []gtk.Widgetter
	values  store.Values
	changed func()
}

// newForm fills a group with a form that says these values. changed is called
// when a person has said something else.
func newForm(group *adw.PreferencesGroup, f *store.Form, values store.Values, changed func()) *form {
	rows := &form{group: group, fields: f.Fields, values: store.Values{}, changed: changed}
	for i := range f.Fields {
		field := &f.Fields[i]
		value := values[field.Key]
		var row gtk.Widgetter
		switch field.Kind {
		case store.FieldChoice:
			row, value = rows.choice(field, value)
		case store.FieldText:
			row = rows.text(field, value)
		case store.FieldFile:
			row, value = rows.file(field), ""
		case store.FieldSwitch:
			row = rows.toggle(field, value)
		case store.FieldForwards:
			row = newForwards(field.Label, value, func(value string) { rows.say(field.Key, value) }).row
		case store.FieldSize:
			row = rows.size(field, value)
		default:
			row = rows.number(field, value)
		}
		rows.values[field.Key] = value
		rows.rows = append(rows.rows, row)
		group.Add(row)
	}
	rows.arrange()
	return rows
}

// clear takes the rows out of their group.
func (f *form) clear() {
	for _, row := range f.rows {
		f.group.Remove(row)
	}
	f.rows = nil
}

// enable says whether the fields can be used.
func (f *form) enable(on bool) {
	for _, row := range f.rows {
		gtk.BaseWidget(row).SetSensitive(on)
	}
}

// arrange shows the fields that matter.
func (f *form) arrange() {
	shown := false
	for i := range f.fields {
		show := f.fields[i].Shown(f.values)
		gtk.BaseWidget(f.rows[i]).SetVisible(show)
		shown = shown || show
	}
	f.group.SetVisible(shown)
}

func (f *form) say(key, value string) {
	if f.values[key] == value {
		return
	}
	f.values[key] = value
	f.arrange()
	f.changed()
}

// choice also says what is chosen when the value is not among the choices.
func (f *form) choice(field *store.Field, value string) (row *adw.ComboRow, chosen string) {
	at := field.Chosen(value)
	labels := make([]string, len(field.Choices))
	for i, c := range field.Choices {
		labels[i] = c.Label
	}
	row = object[*adw.ComboRow](build(choiceUI), "choice")
	row.SetTitle(field.Label)
	row.SetModel(gtk.NewStringList(labels))
	row.SetEnableSearch(len(labels) > manyChoices)
	if len(labels) == 0 {
		row.SetSubtitle(i18n.T("There is none"))
		row.SetSensitive(false)
		return row, ""
	}
	row.SetSelected(uint(at))
	row.NotifyProperty("selected", func() {
		if at := int(row.Selected()); at < len(field.Choices) {
			f.say(field.Key, field.Choices[at].Value)
		}
	})
	return row, field.Choices[at].Value
}

func (f *form) text(field *store.Field, value string) *adw.EntryRow {
	row := adw.NewEntryRow()
	row.SetUseMarkup(false)
	row.SetTitle(field.Label)
	row.SetText(value)
	row.SetActivatesDefault(true)
	row.ConnectChanged(func() { f.say(field.Key, row.Text()) })
	return row
}

func (f *form) toggle(field *store.Field, value string) *adw.SwitchRow {
	row := adw.NewSwitchRow()
	row.SetUseMarkup(false)
	row.SetTitle(field.Label)
	row.SetActive(value == "true")
	row.NotifyProperty("active", func() {
		if row.Active() {
			f.say(field.Key, "true")
		} else {
			f.say(field.Key, "")
		}
	})
	return row
}

func (f *form) number(field *store.Field, value string) *adw.SpinRow {
	least := float64(field.Least)
	row := newSpinRow(gtk.NewAdjustment(least, least, max(float64(field.Most), least), 1, 10, 0), 1, 0)
	row.SetTitle(field.Label)
	number, _ := strconv.ParseUint(value, 10, 64)
	row.SetValue(float64(number))
	row.NotifyProperty("value", func() { f.say(field.Key, strconv.FormatUint(uint64(row.Value()), 10)) })
	return row
}

func (f *form) size(field *store.Field, value string) *sizeRow {
	bytes, _ := strconv.ParseUint(value, 10, 64)
	row := newSizeRow(bytes, field.Least)
	row.NotifyProperty("value", func() { f.say(field.Key, strconv.FormatUint(row.bytes(), 10)) })
	return row
}

// file asks for a file. The client opens it: the service may not.
func (f *form) file(field *store.Field) *adw.ActionRow {
	row := adw.NewActionRow()
	row.SetUseMarkup(false)
	row.SetTitle(field.Label)
	row.SetSubtitle(i18n.T("None chosen"))
	button := gtk.NewButtonWithMnemonic(i18n.T("Choose _File…"))
	button.SetVAlign(gtk.AlignCenter)
	button.ConnectClicked(func() {
		chooseFile(row, func(path string) {
			row.SetSubtitle(filepath.Base(path))
			f.say(field.Key, path)
		})
	})
	row.AddSuffix(button)
	return row
}
