package domainxml

import "org.kvmmanager/internal/errs"

// Variables is the file of a definition with the UEFI variables, if it names one.
func Variables(doc string) (string, error) {
	dom, err := parse(doc, "domain")
	if err != nil {
		return "", err
	}
	return variables(dom), nil
}

func variables(domain *node) string {
	nvram := domain.find("os", "nvram")
	if path := nvram.find("source").attr("file"); path != "" {
		return path
	}
	return nvram.content()
}

// SnapshotVariables is the files with the UEFI variables that a VM can go back to.
func SnapshotVariables(doc string) ([]string, error) {
	n, err := parse(doc, "domainsnapshot")
	if err != nil {
		return nil, err
	}
	return []string{variables(n.find("domain")), variables(n.find("inactiveDomain"))}, nil
}

// SetVariables gives a definition another file for the UEFI variables.
func SetVariables(doc, path string) (string, error) {
	dom, err := parseRaw(doc, "domain")
	if err != nil {
		return "", err
	}
	nvram := dom.find("os", "nvram")
	switch source := nvram.find("source"); {
	case nvram == nil:
		return "", errs.New(errs.NotSupported, "The virtual machine has no UEFI variables.")
	case source != nil:
		source.set("file", path)
	default:
		nvram.text = path
	}
	return dom.document()
}
