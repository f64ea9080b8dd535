// Package api is the D-Bus API of KVM Manager: its names, and the introspection
// XML that defines and documents each interface. The XML is the reference of
// record; the tests hold the rest of the program to it.
package api

import "embed"

// BusName is the well-known name of the service.
const BusName = "org.kvmmanager"

// RootPath is the path of the object with Manager and ObjectManager.
const RootPath = "/org/kvmmanager"

// Version is Manager.ApiVersion. It grows with each addition to the XML.
const Version uint32 = 21

// The interfaces of the service.
const (
	ManagerInterface     = "org.kvmmanager.Manager"
	HostInterface        = "org.kvmmanager.Host"
	VMInterface          = "org.kvmmanager.VM"
	GuestInterface       = "org.kvmmanager.VM.Guest"
	SnapshotInterface    = "org.kvmmanager.Snapshot"
	JobInterface         = "org.kvmmanager.Job"
	NetworkInterface     = "org.kvmmanager.Network"
	StoragePoolInterface = "org.kvmmanager.StoragePool"

	StorageVolumeInterface = "org.kvmmanager.StorageVolume"
)

//go:embed org.kvmmanager.*.xml
var files embed.FS

// Interfaces is the name of every interface, in the order of the reference.
func Interfaces() []string {
	return []string{
		ManagerInterface, HostInterface, VMInterface, GuestInterface, SnapshotInterface,
		JobInterface, NetworkInterface, StoragePoolInterface, StorageVolumeInterface,
	}
}

// XML is the introspection document of each interface, documentation included,
// in the order of Interfaces.
func XML() [][]byte {
	docs := make([][]byte, 0, len(Interfaces()))
	for _, name := range Interfaces() {
		doc, err := files.ReadFile(name + ".xml")
		if err != nil {
			panic(err) // the file is part of the program
		}
		docs = append(docs, doc)
	}
	return docs
}
