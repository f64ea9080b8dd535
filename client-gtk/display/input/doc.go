// Package input turns what a person does with keyboard and pointer into what
// VNC and SPICE send to a guest. It is plain Go: no widget, no connection.
package input
