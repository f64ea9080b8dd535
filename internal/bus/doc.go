// Package bus serves a tree of objects on a godbus connection: Introspectable,
// Properties, ObjectManager and Peer, exact signature checks, bounded
// concurrency, and changes announced in order. It knows nothing of VMs.
//
// # Ordering
//
// Tree.Apply changes the tree and sends the signals of the change before it
// returns; changes of one Apply are announced in the order given, and two
// Applies never interleave. So a handler that applies a change and then
// returns has announced it before its reply, and an object is announced before
// anybody can hand out its path.
//
// # Backpressure
//
// Reads never wait for a send: the state has a lock of its own. A caller may
// have a limited number of calls under way; more are refused with
// LimitsExceeded. Handlers run concurrently, each in its own goroutine, with
// panics contained.
package bus
