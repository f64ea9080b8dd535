package virt

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/domainxml"
	"org.kvmmanager/internal/domainxml/build"
	"org.kvmmanager/internal/model"
)

// missingOnHost returns the needs of a definition that the host surely does not
// meet. What cannot be seen from here counts as there.
func (c *Conn) missingOnHost(ctx context.Context, conn *libvirt.Connect, needs []domainxml.HostNeed) []domainxml.HostNeed {
	interfaces, known := map[string]bool(nil), false
	var missing []domainxml.HostNeed
	for _, n := range needs {
		gone := false
		switch n.Kind {
		case domainxml.NeedInterface:
			if interfaces == nil {
				interfaces, known = c.hostInterfaces(conn)
			}
			gone = known && !interfaces[n.Name]
		case domainxml.NeedFile:
			gone = c.fileMissing(ctx, n.Name)
		case domainxml.NeedPCI:
			gone = noDeviceOfHost(conn, "pci_"+strings.NewReplacer(":", "_", ".", "_").Replace(n.Name))
		case domainxml.NeedUSB:
			gone = noneLike(conn, libvirt.CONNECT_LIST_NODE_DEVICES_CAP_USB_DEV, func(xml string) bool { return domainxml.IsUSBDevice(xml, n.Name) })
		case domainxml.NeedMdev:
			name := "mdev_" + strings.ReplaceAll(n.Name, "-", "_")
			gone = noneLike(conn, libvirt.CONNECT_LIST_NODE_DEVICES_CAP_MDEV, func(xml string) bool { return strings.Contains(xml, "<name>"+name) })
		case domainxml.NeedRender:
			gone = noneLike(conn, libvirt.CONNECT_LIST_NODE_DEVICES_CAP_DRM, func(xml string) bool { return strings.Contains(xml, cmp.Or(n.Name, "/renderD")) })
		case domainxml.NeedFilter:
			filter, err := conn.LookupNWFilterByName(n.Name)
			gone = lacks(filter, err, (*libvirt.NWFilter).Free, libvirt.ERR_NO_NWFILTER)
		case domainxml.NeedNetwork:
			network, err := conn.LookupNetworkByName(n.Name)
			gone = lacks(network, err, (*libvirt.Network).Free, libvirt.ERR_NO_NETWORK)
		case domainxml.NeedSecret:
			secret, err := lookupSecret(conn, n)
			gone = lacks(secret, err, (*libvirt.Secret).Free, libvirt.ERR_NO_SECRET)
		}
		if gone {
			missing = append(missing, n)
		}
	}
	return missing
}

// fileMissing reports whether there is surely no file of the host at a path.
func (c *Conn) fileMissing(ctx context.Context, path string) bool {
	if c.places.config == "" {
		return false
	}
	found, err := c.files.probe(ctx, path)
	return err == nil && found.kind == fileMissing
}

// lacks reports whether a look-up failed because there is no such object.
func lacks[T any](object *T, err error, free func(*T) error, code libvirt.ErrorNumber) bool {
	if err == nil {
		_ = free(object)
	}
	return hasCode(err, code)
}

func noDeviceOfHost(conn *libvirt.Connect, name string) bool {
	device, err := conn.LookupDeviceByName(name)
	return lacks(device, err, (*libvirt.NodeDevice).Free, libvirt.ERR_NO_NODE_DEVICE)
}

// noneLike reports whether the host has devices of a kind to list, and none is like
// this.
func noneLike(conn *libvirt.Connect, kind libvirt.ConnectListAllNodeDeviceFlags, like func(xml string) bool) bool {
	list, err := conn.ListAllNodeDevices(kind)
	if err != nil {
		return false
	}
	defer freeRest(list, (*libvirt.NodeDevice).Free)
	return !slices.ContainsFunc(list, func(d libvirt.NodeDevice) bool {
		xml, err := d.GetXMLDesc(0)
		return err != nil || like(xml)
	})
}

// usages is what libvirt calls the purposes of secrets.
var usages = map[string]libvirt.SecretUsageType{
	"volume": libvirt.SECRET_USAGE_TYPE_VOLUME, "ceph": libvirt.SECRET_USAGE_TYPE_CEPH, "iscsi": libvirt.SECRET_USAGE_TYPE_ISCSI,
	"tls": libvirt.SECRET_USAGE_TYPE_TLS, "vtpm": libvirt.SECRET_USAGE_TYPE_VTPM,
}

func lookupSecret(conn *libvirt.Connect, n domainxml.HostNeed) (*libvirt.Secret, error) {
	if n.Type == "" {
		return conn.LookupSecretByUUIDString(n.Name)
	}
	return conn.LookupSecretByUsage(usages[n.Type], n.Name)
}

// references are the checks of what a definition refers to, and of what in it
// excludes each other.
func (f *startFacts) references() []model.StartCheck {
	var checks []model.StartCheck
	failed := func(id, hint, format string, args ...any) {
		checks = append(checks, model.StartCheck{ID: id, Status: model.CheckError, Message: fmt.Sprintf(format, args...), Hint: hint})
	}
	for _, n := range f.missing {
		switch n.Kind {
		case domainxml.NeedInterface:
			failed("network", "Create it in the host's network settings, or choose another network.", "The host has no network interface “%s”, which “%s” uses.", n.Name, n.For)
		case domainxml.NeedFile:
			failed("file", "Put the file back, or remove what refers to it.", "“%s”, which “%s” uses, is not there.", n.Name, n.For)
		case domainxml.NeedFilter:
			failed("network-filter", "Define the network filter, or change the XML definition.", "There is no network filter called “%s”, which “%s” uses.", n.Name, n.For)
		case domainxml.NeedNetwork:
			failed("network", "Create the network, or change the XML definition.", "There is no network called “%s”, which “%s” listens on.", n.Name, n.For)
		case domainxml.NeedSecret:
			failed("secret", "Define the secret with its value, or change the XML definition.", "There is no secret “%s”, which “%s” uses.", n.Name, n.For)
		case domainxml.NeedRender:
			failed("display", "Remove 3D acceleration and the display with OpenGL.", "The host has no graphics card that renders for the display “%s”.", n.For)
		default:
			failed("host-device", "Plug the device in, or remove it from the virtual machine.", "The host has no device %s, which “%s” uses.", n.Name, n.For)
		}
	}
	n, caps := &f.needs, &f.caps
	if n.TPM != "" && len(caps.TPMBackends) > 0 && !slices.Contains(caps.TPMBackends, n.TPM) {
		failed("tpm", "Install swtpm and swtpm-tools, or remove the TPM.", "The virtual machine has a TPM (%s), which the host cannot provide.", n.TPM)
	}
	if n.Passt && caps.InterfaceBackends != nil && !slices.Contains(caps.InterfaceBackends, build.Passt) {
		failed("network", "Install passt, or choose another network.", "An interface of the virtual machine uses passt, which the host does not have.")
	}
	for _, c := range n.Conflicts {
		check := model.StartCheck{ID: c.ID, Status: model.CheckError, Message: c.Message, Hint: c.Hint}
		if c.Starts {
			check.Status = model.CheckWarning
		}
		checks = append(checks, check)
	}
	return checks
}
