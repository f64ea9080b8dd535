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
