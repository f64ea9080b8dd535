package domainxml

import (
	"encoding/xml"
	"fmt"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

// libosinfoNamespace is where virt-manager, GNOME Boxes and Cockpit say which
// operating system a VM has.
const libosinfoNamespace = "http://libosinfo.org/xmlns/libvirt/domain/1.0"

// templateElement marks a VM that is cloned and not started.
const templateElement = "template"

// TemplateXML is the content for a domain's metadata element with
// TemplateNamespace and TemplatePrefix. It is empty for a VM that is no template.
func TemplateXML(on bool) string {
	if !on {
		return ""
	}
	return "<" + templateElement + "/>"
}

// setMetadata fills the operating system, the tags and whether it is a template.
func setMetadata(vm *model.VM, metadata *node) {
	if metadata == nil {
		return
	}
	for _, c := range metadata.children {
		switch {
		case c.space == libosinfoNamespace && c.name == "libosinfo":
			vm.OSID = osID(c)
		case c.space == Namespace && c.name == "tags":
			vm.Tags = tags(c)
		case c.space == TemplateNamespace && c.name == templateElement:
			vm.Template = true
		}
	}
	vm.OSName, vm.OSShortID = osName(vm.OSID), osShortID(vm.OSID)
}

func osID(libosinfo *node) string {
	for _, c := range libosinfo.children {
		if c.name == "os" {
			return c.attr("id")
		}
	}
	return ""
}

// tags takes what another program may have written there with care: the first
// ones that are valid, and no more than the service itself would write.
// libvirt gives the namespace to the outermost element only, so that of a tag
// says nothing.
func tags(n *node) []string {
	var list []string
	for _, c := range n.children {
		if c.name != "tag" {
			continue
		}
		if longer := append(list, c.content()); model.ValidateTags(longer) == nil {
			list = longer
		}
	}
	return list
}

// tagsElement is how tags are kept in a domain's metadata.
type tagsElement struct {
	XMLName xml.Name `xml:"tags"`
	Tags    []string `xml:"tag"`
}

// TagsXML is the content for a domain's metadata element with Namespace and
// NamespacePrefix. It is empty without tags, which asks libvirt to remove the
// element.
func TagsXML(list []string) (string, error) {
	if err := model.ValidateTags(list); err != nil {
		return "", errs.New(errs.InvalidArgument, "%s", err.Error())
	}
	if len(list) == 0 {
		return "", nil
	}
	out, err := xml.Marshal(tagsElement{Tags: list})
	if err != nil {
		return "", fmt.Errorf("cannot write tags: %w", err)
	}
	return string(out), nil
}
