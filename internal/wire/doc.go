// Package wire turns the values of internal/model into D-Bus values and back,
// for the service and its clients alike.
//
// One rule set serves every type: a property has the name of its field (or of
// its wire tag), a record is a dictionary a{sv} whose keys are the wire tags
// and that leaves out zero values, model.Path is an object path with "/" for
// "none", time.Time is µs since the epoch as t with 0 for "unknown".
package wire
