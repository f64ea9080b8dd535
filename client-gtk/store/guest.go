package store

import (
	"fmt"
	"strings"

	"org.kvmmanager/internal/model"
)

// Fact is a thing and what it is.
type Fact struct{ Name, Value string }

// factList is facts in words.
type factList struct {
	words Words
	list  []Fact
}

func (w Words) facts() *factList { return &factList{words: w} }

// add adds what there is to say of a thing.
func (f *factList) add(name string, values ...string) {
	if values = nonEmpty(values); len(values) > 0 {
		f.list = append(f.list, Fact{f.words.text(name), strings.Join(values, " · ")})
	}
}

// Guest is what a guest says about itself, in rows. What it does not say has
// none.
func (w Words) Guest(info *model.GuestInfo) []Fact {
	facts := w.facts()
	facts.add(mark("Host Name"), info.Hostname)
	facts.add(mark("Operating System"), info.OSName)
	facts.add(mark("Kernel"), info.KernelRelease)
	facts.add(mark("Time Zone"), info.TimeZone)
	facts.add(mark("File Systems"), w.filesystems(info.Filesystems))
	names := make([]string, 0, len(info.Users))
	for _, u := range info.Users {
		name := u.Name
		if u.Domain != "" {
			name = u.Domain + `\` + name
		}
		names = append(names, name)
	}
	facts.add(mark("Users"), strings.Join(names, ", "))
	return facts.list
}

func (w Words) filesystems(list []model.GuestFilesystem) string {
	lines := make([]string, 0, len(list))
	for _, f := range list {
		line := f.MountPoint
		if f.Total > 0 {
			// TRANSLATORS: a folder, and how much of the space there is used.
			line = fmt.Sprintf(w.text("%s: %s of %s used"), f.MountPoint, w.Size(f.Used), w.Size(f.Total))
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// Fix is what a button calls the removal of what keeps a VM from starting; empty
// when a program can do nothing about it.
func (w Words) Fix(fix model.Fix) string { return lookUp(w, fixes, fix) }

var fixes = map[model.Fix]string{
	"": "", model.FixStartNetwork: mark("Start Network"), model.FixStartPool: mark("Start Storage Pool"),
	model.FixDiscardState: mark("Discard Saved State"), model.FixMoveDisk: mark("Copy Image to Storage Pool"),
}
