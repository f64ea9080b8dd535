// Package virt talks to libvirt. It is the only package that does: it
// implements inventory.Hypervisor and inventory.Conn, and gives every error of
// libvirt a kind and a sentence.
//
// # Connections
//
// libvirtd serves five calls of one client connection at once and twenty in
// all, and a call into a frozen QEMU may stay for ever. So a Conn has several
// connections of libvirt's: one for events and reads, which never ask QEMU
// anything, and up to four for operations, opened when they are needed. Each
// carries at most four calls at once. Operations take turns:
//
//   - on one VM, one at a time; a second one waits, for as long as its context
//     lets it. Forced ones (PowerOff, AbortJob) do not wait for ordinary ones,
//     nor does JobProgress;
//   - over all VMs, twelve ordinary and four forced or watching ones.
//
// So libvirtd always has workers left for reads, for other programs and for
// switching off whatever hangs. The test driver gives each connection a
// picture of its own, so there one connection carries everything.
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
// A VM that is off takes five short calls, one that runs seven, none of which
// waits for QEMU. A list takes four calls for all VMs, plus one for the
// definition of each, two for those that run. Disk sizes and guest addresses
// are remembered and refreshed in the background, since asking for them may
// take long; a changed answer becomes an event like any other.
package virt
