// Package model holds what the service knows about hosts, VMs, networks,
// storage and jobs as plain values.
//
// A value is never changed after it was handed to another goroutine: whoever
// learns something new makes a new value. Field names are the names of the
// D-Bus properties; the wire tag gives the dictionary key of a record, and
// wire:"-" keeps a field off the bus. The package imports the standard library
// only, so that service and client share it.
package model
