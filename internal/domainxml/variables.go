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
