package virt

import (
	"os"
	"path/filepath"
	"slices"

	"org.kvmmanager/internal/domainxml/build"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

// programFolders is where libvirt's daemon looks for programs.
var programFolders = []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}

// installed says whether a program is in one of the folders. libvirt tells that
// it knows passt, also where that is not.
func installed(program string, folders []string) bool {
	return slices.ContainsFunc(folders, func(folder string) bool {
		info, err := os.Stat(filepath.Join(folder, program))
		return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
	})
}

// needPasst refuses ports to be forwarded where nothing can forward them: the VM
// would not start. A hypervisor that tells nothing is believed to be able to.
func (e *editing) needPasst(list []model.PortForward) error {
	if len(list) == 0 {
		return nil
	}
	caps, err := e.over.capabilities(e.conn)
	switch {
	case err != nil:
		return err
	case caps.InterfaceBackends == nil, slices.Contains(caps.InterfaceBackends, build.Passt):
		return nil
	default:
		return errs.New(errs.NotSupported, "This host cannot forward ports to its guests. Install passt.")
	}
}
