package virt

import (
	"crypto/rand"
	"log/slog"
	"path/filepath"
	"slices"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/domainxml"
)

// defineFirmware stores a definition with another firmware. libvirt names the file
// with UEFI's variables after the VM, and takes one that is there already, such as
// that of the firmware before. So they begin anew in a file of another name,
// whoever starts the VM.
func (e *editing) defineFirmware(doc string) error {
	if err := e.define(doc); err != nil {
		return err
	}
	if err := e.beginVariables(); err != nil {
		if undo := e.define(e.stored); undo != nil {
			slog.Warn("a definition did not become what it was", "error", undo)
		}
		return err
	}
	if old, err := domainxml.Variables(e.stored); err == nil && old != "" {
		if err := e.dropVariables(old); err != nil {
			slog.Warn("the old UEFI variables are left behind", "file", old, "error", err)
		}
	}
	return nil
}

func (e *editing) beginVariables() error {
	doc, err := e.dom.GetXMLDesc(libvirt.DOMAIN_XML_INACTIVE | libvirt.DOMAIN_XML_SECURE)
	if err != nil {
		return err
	}
	path, err := domainxml.Variables(doc)
	if err != nil || path == "" {
		return err
	}
	own := filepath.Join(filepath.Dir(path), rand.Text()+"_VARS"+filepath.Ext(path))
	if doc, err = domainxml.SetVariables(doc, own); err != nil {
		return err
	}
	return e.define(doc)
}

// dropVariables removes a file with UEFI variables unless a VM needs it, now, at
// its next boot, or to go back: the one that runs with it, too.
func (e *editing) dropVariables(path string) error {
	doms, err := e.conn.ListAllDomains(0)
	if err != nil {
		return err
	}
	defer freeRest(doms, (*libvirt.Domain).Free)
	for i := range doms {
		if needed, err := needsVariables(&doms[i], path); err != nil || needed {
			return err
		}
	}
	return withImage(e.conn, e.over.scratch, "file", path, func(v *libvirt.StorageVol) error {
		return v.Delete(libvirt.STORAGE_VOL_DELETE_NORMAL)
	})
}

func needsVariables(dom *libvirt.Domain, path string) (bool, error) {
	for _, flags := range []libvirt.DomainXMLFlags{0, libvirt.DOMAIN_XML_INACTIVE} {
		xml, err := dom.GetXMLDesc(flags)
		if err != nil {
			return false, err
		}
		if file, err := domainxml.Variables(xml); err != nil || file == path {
			return true, err
		}
	}
	// What the saved state goes on with is in its own definition.
	if saved, err := optional(dom.HasManagedSaveImage(0)); err != nil || saved {
		return true, err
	}
	found, err := dom.ListAllSnapshots(0)
	if unsupported(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer freeRest(found, (*libvirt.DomainSnapshot).Free)
	for i := range found {
		xml, err := found[i].GetXMLDesc(0)
		if err != nil {
			return false, err
		}
		files, err := domainxml.SnapshotVariables(xml)
		if err != nil {
			return false, err
		}
		if slices.Contains(files, path) {
			return true, nil
		}
	}
	return false, nil
}
