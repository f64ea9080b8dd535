// Package busconn is a connection to a message bus for a program that only
// calls methods and follows signals.
//
// # Ordering
//
// One goroutine reads the socket. It hands over every signal and, to whoever
// asked with Go, every reply, one at a time and in the order in which the bus
// sent them: what a reply says can be related to the signals before and after
// it without any bookkeeping. These functions must be quick and must not wait
// for another reply. The bus buffers what is not read meanwhile.
//
// # Trust
//
// Anybody on the bus may send any valid message. godbus's own dispatcher ends
// the program at an array of descriptors, and never closes descriptors that
// nobody asked for; both are in reach of any user of the system bus. So the
// socket is read here, and a message that was not asked for costs nothing but
// its length.
package busconn
