package store

import (
	"fmt"
	"strings"

	"org.kvmmanager/internal/model"
)

// HostCounts is how many things there are on a host.
type HostCounts struct{ VMs, Running, Networks, Pools int }

// HostFacts is what to know of a host, in rows.
func (w Words) HostFacts(h *model.Host, n HostCounts) []Fact {
	facts := w.facts()
	facts.add(mark("Address"), h.URI)
	if h.State != model.Connected {
		return facts.list
	}
	libvirt := ""
	if h.LibvirtVersion != "" {
		libvirt = "libvirt " + h.LibvirtVersion
	}
	facts.add(mark("Hypervisor"), strings.TrimSpace(h.HypervisorName+" "+h.HypervisorVersion), libvirt)
	facts.add(mark("Execution"), w.execution(h))
	facts.add(mark("Processors"), w.processors(h), h.CPUModel, h.Architecture)
	facts.add(mark("Memory"), w.Size(h.MemoryTotal))
	// TRANSLATORS: how many virtual machines there are, and how many of them run.
	facts.add(mark("Virtual machines"), fmt.Sprintf(w.text("%d, %d running"), n.VMs, n.Running))
	facts.add(mark("Networks"), fmt.Sprint(n.Networks))
	facts.add(mark("Storage pools"), fmt.Sprint(n.Pools))
	return facts.list
}

// execution is how guests run. A hypervisor that is not QEMU has its own ways.
func (w Words) execution(h *model.Host) string {
	switch {
	case !strings.EqualFold(h.HypervisorName, "QEMU"):
		return ""
	case h.HardwareVirtualization:
		return w.text(mark("At full speed with KVM"))
	default:
		return w.text(mark("Emulated (TCG), which is slow"))
	}
}

func (w Words) processors(h *model.Host) string {
	if h.CPUSockets == 0 || h.CPUCores == 0 || h.CPUThreads == 0 {
		return fmt.Sprint(h.CPUs)
	}
	// TRANSLATORS: logical processors, and how they are made up: sockets, cores
	// in each of them, and threads in each core.
	return fmt.Sprintf(w.text("%d (%d × %d × %d)"), h.CPUs, h.CPUSockets, h.CPUCores, h.CPUThreads)
}

// Join puts facts that are known on one line.
func Join(parts ...string) string { return strings.Join(nonEmpty(parts), " · ") }

func nonEmpty(values []string) []string {
	var there []string
	for _, v := range values {
		if v != "" {
			there = append(there, v)
		}
	}
	return there
}

// HealthFix is what can be done with a click about what a health check found.
type HealthFix struct {
	Label   string // for the button; empty if there is nothing
	Network *model.Network
	Pool    *model.StoragePool
	Do      string // start, autostart or create
}

// HealthFix finds what helps.
func (w Words) HealthFix(check model.Check, networks []*model.Network, pools []*model.StoragePool) HealthFix {
	if check.Status == model.CheckOK {
		return HealthFix{}
	}
	switch check.ID {
	case "network":
		return w.networkFix(networks)
	case "storage":
		return w.poolFix(pools)
	default:
		return HealthFix{}
	}
}

func (w Words) networkFix(networks []*model.Network) HealthFix {
	for _, n := range networks {
		switch {
		case n.Name != "default":
		case !n.Active:
			return HealthFix{Label: w.text(mark("Start")), Network: n, Do: "start"}
		case !n.Autostart && n.Persistent:
			return HealthFix{Label: w.text(mark("Start With Host")), Network: n, Do: "autostart"}
		default:
			return HealthFix{}
		}
	}
	return HealthFix{Label: w.text(mark("Create…")), Do: "create"}
}

func (w Words) poolFix(pools []*model.StoragePool) HealthFix {
	for _, p := range pools {
		if !p.Active {
			return HealthFix{Label: w.text(mark("Start")), Pool: p, Do: "start"}
		}
	}
	if len(pools) == 0 {
		return HealthFix{Label: w.text(mark("Create…")), Do: "create"}
	}
	return HealthFix{}
}
