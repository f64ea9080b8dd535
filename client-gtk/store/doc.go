// Package store is what the windows show, without windows: the list of VMs
// with its filters and orders, the history behind the graphs, the summary of
// the work under way, and values in words. It knows no GTK and no D-Bus.
//
// Everything takes in the batches of a client.Subscription and the samples of
// a client.Statistics, in order, and says what changed in it. Nothing locks:
// one goroutine, the user interface's, owns it all.
package store
