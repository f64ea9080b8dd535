package domainxml

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"org.kvmmanager/internal/model"
)

// snapshotStates maps libvirt's words for how a VM was when its snapshot was
// made. One of the disks of a running VM alone ("disk-snapshot") has no memory:
// going back to it leaves the VM off, as every word that is not here.
var snapshotStates = map[string]model.VMState{
	"running": model.VMRunning, "blocked": model.VMRunning,
	"paused": model.VMPaused, "pmsuspended": model.VMPaused,
}

// ParseSnapshot makes a snapshot of libvirt's XML, and gives the name of its
// parent, if it has one. VM, Parent, Children and Current are the caller's.
func ParseSnapshot(doc string) (s *model.Snapshot, parent string, err error) {
	n, err := parse(doc, "domainsnapshot")
	if err != nil {
		return nil, "", err
	}
	s = &model.Snapshot{
		Name:        n.find("name").verbatim(),
		Description: n.find("description").verbatim(),
		VMState:     model.VMShutOff,
		Kind:        model.SnapshotInternal,
	}
	if seconds, err := strconv.ParseInt(n.find("creationTime").content(), 10, 64); err == nil {
		s.CreatedAt = time.Unix(seconds, 0)
	}
	if state, ok := snapshotStates[n.find("state").content()]; ok {
		s.VMState = state
	}
	if isExternal(n) {
		s.Kind = model.SnapshotExternal
	}
	return s, n.find("parent", "name").verbatim(), nil
}

// isExternal says whether any part of a snapshot is outside of the VM's images.
func isExternal(snapshot *node) bool {
	if snapshot.find("memory").attr("snapshot") == "external" {
		return true
	}
	for disk := range snapshot.find("disks").all("disk") {
		if disk.attr("snapshot") == "external" {
			return true
		}
	}
	return false
}

// DescribeSnapshot gives a snapshot's XML another description. Everything else
// stays as libvirt wrote it, byte for byte: it compares what it gets with what
// it has. An empty description is none.
func DescribeSnapshot(doc, description string) (string, error) {
	start, end, err := descriptionOf(doc)
	if err != nil {
		return "", fmt.Errorf("cannot read <domainsnapshot>: %w", err)
	}
	var element bytes.Buffer
	if description != "" {
		if err := xml.NewEncoder(&element).EncodeElement(description, xml.StartElement{Name: xml.Name{Local: "description"}}); err != nil {
			return "", fmt.Errorf("cannot write a description: %w", err)
		}
	}
	return doc[:start] + element.String() + doc[end:], nil
}

// descriptionOf finds the description's element, or where one belongs: behind
// the name.
func descriptionOf(doc string) (start, end int, err error) {
	d := xml.NewDecoder(strings.NewReader(doc))
	inside, depth, began := "", 0, int64(0)
	for {
		before := d.InputOffset()
		token, err := d.RawToken()
		switch {
		case errors.Is(err, io.EOF) && end > 0:
			return start, end, nil
		case errors.Is(err, io.EOF):
			return 0, 0, errors.New("it has no name")
		case err != nil:
			return 0, 0, err
		}
		switch t := token.(type) {
		case xml.StartElement:
			if depth++; depth == 2 {
				inside, began = t.Name.Local, before
			}
		case xml.EndElement:
			if depth--; depth != 1 {
				continue
			}
			switch inside {
			case "description":
				return int(began), int(d.InputOffset()), nil
			case "name":
				start, end = int(d.InputOffset()), int(d.InputOffset())
			}
		}
	}
}
