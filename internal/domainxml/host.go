package domainxml

import "org.kvmmanager/internal/model"

// ParseHost fills what a host's capabilities say about it: Architecture,
// CPUModel, CPUs and their topology, IOMMU and HardwareVirtualization.
func ParseHost(capabilitiesXML string) (model.Host, error) {
	caps, err := parse(capabilitiesXML, "capabilities")
	if err != nil {
		return model.Host{}, err
	}
	host := caps.find("host")
	cpu := host.find("cpu")
	h := model.Host{
		Architecture: cpu.find("arch").content(),
		CPUModel:     cpu.find("model").content(),
		CPUSockets:   number(cpu.find("topology").attr("sockets")),
		CPUCores:     number(cpu.find("topology").attr("cores")),
		CPUThreads:   number(cpu.find("topology").attr("threads")),
		IOMMU:        host.find("iommu").yes("support"),
	}
	countCPUs(&h, host.find("topology", "cells"))
	for d := range domains(caps, h.Architecture) {
		if d.attr("type") == "kvm" {
			h.HardwareVirtualization = true
		}
	}
	return h, nil
}

// countCPUs counts over all NUMA nodes, because libvirt counts sockets per node.
func countCPUs(h *model.Host, cells *node) {
	sockets := map[string]bool{}
	for cell := range cells.all("cell") {
		for cpu := range cell.find("cpus").all("cpu") {
			h.CPUs++
			if id := cpu.attr("socket_id"); id != "" {
				sockets[id] = true
			}
		}
	}
	if len(sockets) > 0 {
		h.CPUSockets = uint32(len(sockets))
	}
}
