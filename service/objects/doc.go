// Package objects puts the service on the bus: one file per D-Bus interface,
// always in the same order: method table, methods alphabetically, helpers.
//
// A call passes the same stages whatever it is for: its signature (package
// bus), its options, its object, its permission, and only then its method. A
// method that is not in the table has no permission and is refused.
package objects
