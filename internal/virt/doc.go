// Package virt talks to libvirt. It is the only package that does: it
// implements inventory.Hypervisor and inventory.Conn, and gives every error of
// libvirt a kind and a sentence.
//
// # Connections
//
// libvirtd serves five calls of one client connection at once and twenty in
// all, and a call into a frozen QEMU may stay for ever. So a Conn has several
// connections of libvirt's, with at most four calls at once on each:
//
//   - one for events and for what libvirt answers by itself;
//   - one for definitions, which libvirt keeps back for up to half a minute
//     while a command to the VM's QEMU is under way (see definitions.go);
//   - up to five for operations.
//
// All but the first are opened when they are needed and closed when they are
// not: libvirtd wakes up for each every five seconds.
//
// Operations take turns. On one VM they go one at a time; a second one waits
// for as long as its context lets it. Forced ones (PowerOff, AbortSave,
// AbortSnapshot) do not wait for ordinary ones, nor do JobProgress and
// Statistics. What a guest's agent is asked, and may never answer, holds up
// nothing else, and neither does what moves the content of volumes, for hours or
// into a pipe that nobody reads. Over all VMs there are so few of each kind at once
// (see turns.go) that libvirtd has workers left for reads, for other programs and
// for switching off whatever hangs. The test driver gives each connection a picture
// of its own, so there one connection carries everything.
//
// # Contexts
//
// C calls know no contexts. Each runs in a goroutine of its own; when the
// context ends first, the caller goes on, and the turn and the handle that the
// call uses are given back when it has really ended.
//
// # Events
//
// libvirt's event loop runs in one goroutine for as long as the process lives.
// Callbacks copy a UUID into a queue and return. What libvirt does not
// announce (autostart, most edits of stored definitions, DHCP leases) is taken
// from changes of its files where they can be watched (see watch.go), and
// else found by a slow sweep.
//
// # Images that are opened as root
//
// What is in an image is written by its guest, and libvirtd, QEMU and qemu-img
// follow it: to a layer below, to a file with the data, through a link. So each
// call that has one of them open an image has a look before it, which refuses what
// the caller may not use. A test holds this table to the code.
//
//	call                     in                              look
//	AttachDeviceFlags        editing.add                     prepare
//	BlockResize              resizeLive                      (QEMU has the image open)
//	CreateSnapshotXML        Conn.CreateSnapshot             lookBeforeSnapshot
//	CreateSnapshotXML        Conn.SetSnapshotDescription     (opens none)
//	CreateWithFlags          Conn.Start                      lookBeforeStart
//	DomainDefineXML          redefine                        (opens none)
//	DomainDefineXMLFlags     Conn.defineXML                  (opens none; InspectImage before it)
//	DomainDefineXMLFlags     copying.run                     (opens none)
//	Download                 Conn.DownloadVolume             (bytes of one file, for who manages storage)
//	Download                 peek                            (bytes of one file)
//	GetBlockInfo             measureAll                      (the header, for the size)
//	GetBlockInfo             resizeLive                      (QEMU has the image open)
//	GetBlockInfo             startFacts.look                 (the header, for the size)
//	Refresh                  Conn.ScanPool                   (headers, for sizes and names)
//	Refresh                  awaitFormat                     (headers, for sizes and names)
//	Refresh                  uses.refresh                    (headers, for sizes and names)
//	Resize                   resizeVolume                    volume
//	RevertToSnapshot         Conn.RevertSnapshot             lookBeforeSnapshot
//	Snapshot.Delete          Conn.DeleteSnapshot             lookBeforeSnapshot
//	StoragePoolCreateXML     Conn.withImage                  isKernels
//	StorageVolCreateXML      Conn.CreateVolume               place
//	StorageVolCreateXML      Conn.MakeVolume                 (has no base image)
//	StorageVolCreateXML      copying.copyDisk                look
//	StorageVolCreateXMLFrom  copyImage                       look
//	UpdateDeviceFlags        editing.update                  resolveImage
//	UpdateDeviceFlags        movingDisk.use                  (a copy that copyImage has made)
//	Upload                   send                            (bytes of one file, for who manages storage)
//	Upload                   fill                            (into a volume that was made just now)
//	Wipe                     Conn.WipeVolume                 onUses
//
// libvirt starts VMs with the host, and other programs start them, without this
// service. What they open then is what the definition names: that of the service
// names all layers and their end. A data file that a header names in spite of that,
// QEMU itself opens, as its own user.
//
// # What a read costs
//
// A VM that is off takes four short calls, one that runs four, too. A list
// takes six calls for all VMs and one for each network that runs, plus one for
// the definition of each VM, two for those that run. The sizes of disks and
// the addresses of guests are remembered and refreshed in the background,
// since asking for them may take long; a changed answer becomes an event like
// any other. Sizes are asked for again when a VM stops, when its devices
// change and when a block job ends; libvirt says nothing of a resized disk.
package virt
