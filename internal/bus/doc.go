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
// # Shares
//
// All users of the bus share one socket, so reading never waits for anything
// but the socket. A call is looked at by its header first: what is refused,
// because the object, the method, the types or the length are wrong, or because
// its user has too many calls already, is read over and never in memory as a
// whole. The others wait for their turn: users take turns, and so do the
// connections of one user. A user may have a limited number of bytes waiting or
// under way, a limited number of calls served at the same time, and a limited
// number in the handler; more are refused with LimitsExceeded. See shares.
//
// The state has a lock of its own that is never held while something is sent.
// Handlers run concurrently, each in its own goroutine, with panics contained.
//
// # Trust
//
// Any user of the bus can send any valid message. A call's types and length are
// compared with the declaration, and its values are counted, before its
// arguments are decoded; its descriptors are closed unless a handler takes
// them; and a message that cannot be decoded costs its sender an error, not the
// service its connection. Signals are read only if they come from the bus or
// from a connection that has answered a call of ours, answers only if they answer
// one. See link for why godbus does not read the socket itself.
package bus
