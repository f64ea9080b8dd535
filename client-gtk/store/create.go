package store

import (
	"fmt"
	"strings"

	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/model"
)

// Source is something that a new VM can start from.
type Source struct {
	Kind model.SourceKind
	File bool // a file that the person chooses
}

// Sources is what the dialog for a new VM offers, in its order.
var Sources = []Source{
	{model.SourceISO, true}, {model.SourceImage, true}, {model.SourceCloud, true}, {model.SourcePXE, false}, {model.SourceNone, false}, {model.SourceURL, false},
}

// Plan is what will be made on a host with these networks, in rows.
func (w Words) Plan(p client.Plan, networks []*model.Network) []Fact {
	facts := w.facts()
	s := p.Spec
	facts.add(mark("Name"), s.Name)
	facts.add(mark("Operating System"), p.OSName)
	facts.add(mark("Medium"), s.Source.URL)
	facts.add(mark("Processors"), fmt.Sprint(s.VCPUs))
	facts.add(mark("Memory"), w.Size(s.Memory))
	for _, d := range s.Disks {
		if d.Size > 0 {
			facts.add(mark("New Disk"), w.Size(d.Size))
		}
	}
	if p.Copies > 0 {
		facts.add(mark("Copied First"), w.Size(p.Copies))
	}
	facts.add(mark("Network"), w.planned(s.Networks, networks))
	firmware := "BIOS"
	if s.Firmware == model.FirmwareUEFI {
		firmware = "UEFI"
	}
	facts.add(mark("Firmware"), firmware)
	return facts.list
}

// planned is the names of the networks that a new VM will be in.
func (w Words) planned(interfaces []model.NetworkSpec, networks []*model.Network) string {
	if len(interfaces) == 0 {
		return w.text("None")
	}
	var names []string
	for _, i := range interfaces {
		for _, n := range networks {
			if n.Path() == i.Network {
				names = append(names, n.Name)
			}
		}
	}
	return strings.Join(names, ", ")
}
