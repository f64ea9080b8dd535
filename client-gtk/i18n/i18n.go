// Package i18n gives texts in the user's language, by gettext. Texts are marked
// by being arguments of T, N, Count, F and Mark: xgettext finds them by these names.
package i18n

/*
#include <libintl.h>
#include <locale.h>
#include <stdlib.h>
*/
import "C"

import (
	"fmt"
	"unsafe"
)

// Domain is the gettext domain of the whole project.
const Domain = "kvm-manager"

var domain = C.CString(Domain)

// Init chooses the user's language. localeDir is where the catalogs are; empty
// means where the system has them.
func Init(localeDir string) {
	empty := C.CString("")
	defer C.free(unsafe.Pointer(empty))
	C.setlocale(C.LC_ALL, empty)
	if localeDir != "" {
		dir := C.CString(localeDir)
		defer C.free(unsafe.Pointer(dir))
		C.bindtextdomain(domain, dir)
	}
	codeset := C.CString("UTF-8")
	defer C.free(unsafe.Pointer(codeset))
	C.bind_textdomain_codeset(domain, codeset)
	C.textdomain(domain)
}

// T is a text in the user's language. The empty text stays empty, which gettext
// takes for its header.
func T(text string) string {
	if text == "" {
		return ""
	}
	id := C.CString(text)
	defer C.free(unsafe.Pointer(id))
	return C.GoString(C.dgettext(domain, id))
}

// N is the text for a number of things.
func N(one, many string, n int) string {
	id, ids := C.CString(one), C.CString(many)
	defer C.free(unsafe.Pointer(id))
	defer C.free(unsafe.Pointer(ids))
	return C.GoString(C.dngettext(domain, id, ids, C.ulong(n)))
}

// Count is a format for a number of things with the number put in.
func Count(one, many string, n int) string { return fmt.Sprintf(N(one, many, n), n) }

// F is a format in the user's language with its arguments put in.
func F(format string, args ...any) string { return fmt.Sprintf(T(format), args...) }

// Mark marks a text that is translated later, by T.
func Mark(text string) string { return text }
