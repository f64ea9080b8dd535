package store

import (
	"fmt"

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

// Plan is what will be made, in rows.
func (w Words) Plan(p client.Plan) []Fact {
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
	firmware := "BIOS"
	if s.Firmware == model.FirmwareUEFI {
		firmware = "UEFI"
	}
	facts.add(mark("Firmware"), firmware)
	return facts.list
}
