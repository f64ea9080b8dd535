package virt

import (
	"crypto/rand"
	"log/slog"
	"path/filepath"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/domainxml"
	"org.kvmmanager/internal/errs"
)

// newFirmware completes a definition that has just been stored with another
// firmware. libvirt names the file with UEFI's variables after the VM, and takes
// one that is there already, such as that of the firmware before. So they begin in
// a file of another name, whoever starts the VM.
func (e *editing) newFirmware() error {
	if err := beginVariables(e.conn, e.dom); err != nil {
		return e.takeBack(err)
	}
	if old, err := domainxml.Variables(e.stored); err == nil && old != "" {
		if err := e.dropVariables(old); err != nil {
			slog.Warn("the old UEFI variables are left behind", "file", old, "error", err)
		}
	}
	return nil
}

// ownVariables has a new VM begin with variables of its own where libvirt has named
// a file that is there: another VM's, which was called so, or one left behind.
func (c *Conn) ownVariables(conn *libvirt.Connect, dom *libvirt.Domain, asked string) error {
	path, err := domainxml.Variables(asked)
	if err != nil || path != "" {
		return err
	}
	doc, err := dom.GetXMLDesc(libvirt.DOMAIN_XML_INACTIVE)
	if err != nil {
		return err
	}
	if path, err = domainxml.Variables(doc); err != nil || path == "" {
		return err
	}
	if taken, err := c.variablesNeeded(conn, path, uuidOf(dom)); err == nil && !taken {
		err = c.withImage(conn, c.scratch, "file", path, func(*libvirt.StorageVol) error { return nil })
		if errs.Is(err, errs.NotFound) {
			return nil
		}
	} // of what nobody knows, it is taken
	return beginVariables(conn, dom)
}

// beginVariables gives a VM a file that is not there.
func beginVariables(conn *libvirt.Connect, dom *libvirt.Domain) error {
	doc, err := dom.GetXMLDesc(libvirt.DOMAIN_XML_INACTIVE | libvirt.DOMAIN_XML_SECURE)
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
	return redefine(conn, doc)
}

// dropVariables removes a file with UEFI variables unless a VM needs it, the one
// that runs with it, too.
func (e *editing) dropVariables(path string) error {
	if needed, err := e.over.variablesNeeded(e.conn, path, ""); err != nil || needed {
		return err
	}
	return e.over.withImage(e.conn, e.over.scratch, "file", path, func(v *libvirt.StorageVol) error {
		return v.Delete(libvirt.STORAGE_VOL_DELETE_NORMAL)
	})
}

// variablesNeeded reports whether a VM, but for one, needs a file: now, at its next
// boot, or to revert to a snapshot.
func (c *Conn) variablesNeeded(conn *libvirt.Connect, path, without string) (bool, error) {
	u, err := c.users(conn, without)
	if err != nil {
		return false, err
	}
	id := u.identify(path)
	return u.of(&id, nil) != nil, nil
}
