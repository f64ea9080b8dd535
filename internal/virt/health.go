package virt

import (
	"context"
	"fmt"
	"slices"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

// lowSpace is how little free space of a pool is worth a warning, in bytes.
const lowSpace = 5 << 30

// CheckHealth looks at what people need to run VMs, and says what they can do
// about what is missing.
func (c *Conn) CheckHealth(ctx context.Context) ([]model.Check, error) {
	host, err := c.Host(ctx)
	if err != nil {
		return nil, err
	}
	caps, err := c.Capabilities(ctx)
	if err != nil {
		return nil, err
	}
	networks, err := c.Networks(ctx)
	if err != nil {
		return nil, err
	}
	pools, err := c.Pools(ctx)
	storage := checkPool(pools)
	if errs.Is(err, errs.Timeout) {
		_, message := errs.Of(err)
		storage = model.Check{ID: "storage", Status: model.CheckError, Message: message, Hint: "Check network mounts and removable disks of the host, then restart libvirt."}
	} else if err != nil {
		return nil, err
	}
	return append([]model.Check{
		{ID: "libvirt", Status: model.CheckOK, Message: fmt.Sprintf("libvirt %s answers.", host.LibvirtVersion)},
		checkKVM(caps), checkFirmware(caps), checkNetwork(networks), storage,
	}, slices.Concat(checkAnswers(pools), c.checkFolders(ctx, pools))...), nil
}

// checkAnswers names the pools that do not answer.
func checkAnswers(pools []*model.StoragePool) []model.Check {
	var checks []model.Check
	for _, p := range pools {
		if p.Active && p.State == model.PoolInaccessible {
			checks = append(checks, model.Check{
				ID: "storage-pool", Status: model.CheckError, Message: fmt.Sprintf("The storage pool “%s” does not answer.", p.Name),
				Hint: "Check the server or the device that it is on. Virtual machines with disks in it may hang.",
			})
		}
	}
	return checks
}

func checkKVM(caps model.Capabilities) model.Check {
	switch {
	case slices.Contains(caps.DomainTypes, "kvm"):
		return model.Check{ID: "kvm", Status: model.CheckOK, Message: "Virtual machines run at full speed with KVM."}
	case slices.Contains(caps.DomainTypes, "qemu"):
		return model.Check{
			ID: "kvm", Status: model.CheckWarning, Message: "KVM cannot be used, so virtual machines are emulated and slow.",
			Hint: "Turn on virtualization (Intel VT-x or AMD-V) in the firmware settings of the host and check that /dev/kvm exists.",
		}
	default:
		return model.Check{
			ID: "kvm", Status: model.CheckWarning, Message: "This hypervisor has no KVM.",
			Hint: "Use a host with QEMU and KVM to run virtual machines at full speed.",
		}
	}
}

func checkFirmware(caps model.Capabilities) model.Check {
	if slices.Contains(caps.Firmware, string(model.FirmwareUEFI)) {
		return model.Check{ID: "firmware", Status: model.CheckOK, Message: "Virtual machines can boot with UEFI."}
	}
	return model.Check{
		ID: "firmware", Status: model.CheckWarning, Message: "No UEFI firmware for virtual machines was found.",
		Hint: "Install OVMF (package ovmf or edk2-ovmf). Some systems, such as Windows 11, need it.",
	}
}

func checkNetwork(networks []*model.Network) model.Check {
	i := slices.IndexFunc(networks, func(n *model.Network) bool { return n.Name == "default" })
	switch {
	case i >= 0 && networks[i].Active && (networks[i].Autostart || !networks[i].Persistent):
		return model.Check{ID: "network", Status: model.CheckOK, Message: "The default network is up."}
	case i >= 0 && networks[i].Active:
		return model.Check{
			ID: "network", Status: model.CheckWarning, Message: "The default network is up, but does not start with the host.",
			Hint: "Turn on autostart for the network: virsh net-autostart default",
		}
	case i >= 0:
		return model.Check{
			ID: "network", Status: model.CheckError, Message: "The default network is not running.",
			Hint: "Start it: virsh net-start default",
		}
	case slices.ContainsFunc(networks, func(n *model.Network) bool { return n.Active }):
		return model.Check{ID: "network", Status: model.CheckOK, Message: "A network is up."}
	default:
		return model.Check{
			ID: "network", Status: model.CheckWarning, Message: "There is no virtual network.",
			Hint: "Install libvirt's default network (package libvirt-daemon-config-network) or create a network.",
		}
	}
}

func checkPool(pools []*model.StoragePool) model.Check {
	running := slices.DeleteFunc(slices.Clone(pools), func(p *model.StoragePool) bool { return p.State != model.PoolRunning })
	switch {
	case len(pools) == 0:
		return model.Check{
			ID: "storage", Status: model.CheckError, Message: "There is no storage pool.",
			Hint: "Create a storage pool to have a place for disks.",
		}
	case len(running) == 0:
		return model.Check{
			ID: "storage", Status: model.CheckError, Message: "No storage pool is running.",
			Hint: fmt.Sprintf("Start one: virsh pool-start %s", pools[0].Name),
		}
	case !slices.ContainsFunc(running, func(p *model.StoragePool) bool { return p.Available >= lowSpace }):
		return model.Check{
			ID: "storage", Status: model.CheckWarning, Message: "Less than 5 GiB is left in every storage pool.",
			Hint: "Remove disks that nobody needs, or add storage.",
		}
	default:
		return model.Check{ID: "storage", Status: model.CheckOK, Message: "There is room for disks."}
	}
}
