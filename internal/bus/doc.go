// Package bus serves a tree of objects on a message bus: Introspectable,
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
// An answer to a read is composed at the moment at which it is written. It is
// never older than the signals that were written before it, so a client that
// reads the state and then follows the signals misses nothing and never falls
// back: what it reads twice is the same.
//
// # Backpressure
//
// The state has a lock of its own that is never held while something is sent.
// A user may have a limited number of calls in the handler; more are refused
// with LimitsExceeded. Handlers run concurrently, each in its own goroutine,
// with panics contained. Reads are not refused; when too many are under way,
// the next is read from the socket later.
//
// # Trust
//
// Any user of the bus can send any valid message. A call's types are compared
// with the declaration before its arguments are decoded, its length is
// limited, its descriptors are closed unless a handler takes them, and a
// message that cannot be decoded costs its sender an error, not the service
// its connection. See link for why godbus does not read the socket itself.
package bus
