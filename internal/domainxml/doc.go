// Package domainxml turns libvirt's XML into the values of package model, and
// checks XML that comes from a caller before libvirt sees it.
//
// Reading is tolerant on purpose. A VM must not vanish from the service since
// a newer libvirt writes an attribute that this package cannot read, so a
// document becomes a tree of elements (node.go), and each device has a small
// converter that takes what it understands from its element; what it does not
// understand is left out. Only a document that is not XML at all, or is
// something else than it should be, is an error. (libvirtxml, which has a type
// for every element, is for writing XML: it fails on the first attribute that is
// not what it expects, drops what it does not know, and takes 1.7 times as long.)
//
// Values are live ones when there is a live document. Two things are taken
// from the stored one even then, because the live document no longer has them:
// the CPU mode that libvirt expanded at start, and what will change at the next
// boot (pending.go).
package domainxml

// Namespace and NamespacePrefix are where the service keeps data of its own in
// the metadata of a domain.
const (
	Namespace       = "https://kvmmanager.org/xmlns/1"
	NamespacePrefix = "kvmmanager"

	// A domain's metadata has one element of a namespace.
	TemplateNamespace = "https://kvmmanager.org/xmlns/template/1"
	TemplatePrefix    = "kvmtemplate"
)
