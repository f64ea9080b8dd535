// Package ui is the client's windows: what they look like is in the .ui files,
// what they do is beside them. It knows no D-Bus and starts no goroutine: it
// asks a Service, whose answers come back on GTK's main loop, and takes in the
// batches that it is given.
//
// Everything here belongs to the main loop's thread. Callbacks that live as
// long as a widget hold its owner in Go, and no widget of another one.
package ui
