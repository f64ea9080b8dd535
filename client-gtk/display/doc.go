// Package display shows a guest's screen and its serial console.
//
// A Screen takes the socket that OpenDisplay gave and speaks VNC or SPICE on
// it; a Terminal takes OpenConsole's. Both are widgets, live on GTK's main
// thread and call back there. Everything that is C is in package native,
// everything about keys and pointers in package input; this package joins them
// and has the types of gotk4 in its signatures.
//
// # Lifetimes
//
// While it is open, a Screen or Terminal stays alive by itself. Whoever opened
// it closes it before dropping it; once closed, nothing refers to the functions
// in Events any more, so these may refer to the page that the widget is on.
//
// # Keyboard
//
// A Screen or Terminal with the keyboard focus hands all keys to the guest. It
// cannot keep the window's own accelerators from acting first: a window that has
// some suspends them while the focus is there.
package display
