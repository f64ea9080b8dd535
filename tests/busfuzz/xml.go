package busfuzz

import (
	"encoding/xml"
	"fmt"
	"strings"
)

// inner goes into an otherwise fine definition.
var inner = []string{
	"", "", "", "",
	"<title>&amp;lt;b&gt;</title>", "<description>\n\t]]&gt;</description>",
	"<metadata><a xmlns='urn:a'>" + strings.Repeat("b", 5000) + "</a></metadata>",
	"<metadata><org:tags xmlns:org='https://org.kvmmanager/1.0'><org:tag>\u202e</org:tag></org:tags></metadata>",
	"<devices><disk type='file' device='disk'><source file='/etc/shadow'/><target dev='vda' bus='virtio'/></disk></devices>",
	"<devices><disk type='file' device='disk'><source file='../../etc/shadow'/><target dev='../a'/></disk></devices>",
	"<devices><emulator>/bin/sh</emulator></devices>",
	"<devices><interface type='network'><source network='nowhere'/><mac address='zz'/></interface></devices>",
	"<devices><interface type='network'><source network='default'/></interface><console type='pty'/></devices>",
	"<devices><graphics type='vnc' port='-99999999999' passwd='secret'/></devices>",
	"<devices><serial type='file'><source path='/etc/passwd' append='on'/></serial></devices>",
	"<devices>" + strings.Repeat("<input type='tablet' bus='usb'/>", 300) + "</devices>",
	"<on_crash>\u202e</on_crash>", "<cpu mode='host-passthrough'/>", "<memoryBacking><source type='memfd'/></memoryBacking>",
	"<qemu:commandline xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><qemu:arg value='-S'/></qemu:commandline>",
	"<name>again</name>", "<uuid>again</uuid>", "<unknown/>", "<os><type>hvm</type></os>", "&nbsp;", "&#x0;", "&#1;", "&#xd800;",
}

// documents are no definitions.
var documents = []string{
	"", "<", "<a/>", "<domain/>", "<domain", "<domain></domian>", "text", "<?xml version='1.0'?>", "<?xml version='1.1' encoding='UTF-16'?><domain/>",
	"<?php echo 1 ?><domain/>", "<domain/><domain/>", "<!-- -- --><domain/>", "<domain type='test'><name/></domain>", "\ufeff<domain/>",
	"<network><name>n</name></network>", "<domain xmlns='urn:x'/>", "<domain type='test' type='test'/>", "<x:domain/>",
	"<!DOCTYPE domain [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><domain type='test'><name>&e;</name></domain>",
	"<!DOCTYPE domain SYSTEM 'http://127.0.0.1:1/x.dtd'><domain/>", "<!DOCTYPE domain PUBLIC 'a' 'file:///dev/zero'><domain/>",
	"<domain xmlns:xi='http://www.w3.org/2001/XInclude'><xi:include href='file:///etc/passwd' parse='text'/></domain>",
	"<!DOCTYPE d [<!ENTITY % p SYSTEM 'file:///etc/passwd'>%p;]><domain/>", laughs(),
	strings.Repeat("<a>", 100_000), strings.Repeat("<a>", 10_000) + strings.Repeat("</a>", 10_000),
	"<domain " + strings.Repeat("a='' ", 20_000) + "/>", "<domain><![CDATA[" + strings.Repeat("x", 1<<19) + "]]></domain>",
	"<domain type='" + strings.Repeat("t", 1<<16) + "'/>",
}

// laughs is a document that grows to gigabytes when its entities are expanded.
func laughs() string {
	var b strings.Builder
	b.WriteString("<!DOCTYPE domain [<!ENTITY l0 'ha'>")
	for i := range 30 {
		fmt.Fprintf(&b, "<!ENTITY l%d '%s'>", i+1, strings.Repeat(fmt.Sprintf("&l%d;", i), 10))
	}
	b.WriteString("]><domain type='test'><name>&l30;</name></domain>")
	return b.String()
}

// xml is a definition that may well be accepted, one with something wrong in
// it, or something else altogether.
func (g *Generator) xml() string {
	if g.chance(30) {
		return pick(g, documents)
	}
	name := fmt.Sprintf("vm-%d", g.rand.IntN(12))
	if g.chance(20) {
		name = pick(g, words)
	}
	uuid := ""
	if g.chance(50) {
		uuid = fmt.Sprintf("<uuid>%s</uuid>", escape(g.uuid()))
	}
	doc := fmt.Sprintf("<domain type='test'><name>%s</name>%s<memory>%d</memory><vcpu>%d</vcpu><os><type>hvm</type></os>%s</domain>",
		escape(name), uuid, pick(g, []uint64{0, 1, 65536, 65536, 65536, 1 << 40, 1 << 63}), pick(g, []int{0, 1, 1, 2, 2, 99999, -1}), pick(g, inner))
	if g.chance(10) && len(doc) > 0 {
		doc = strings.ToValidUTF8(doc[:g.rand.IntN(len(doc))], "")
	}
	return doc
}

// plainXML is a definition that is fine unless there is such a VM already.
func (g *Generator) plainXML() string {
	return fmt.Sprintf("<domain type='test'><name>vm-%d</name><memory>65536</memory><vcpu>2</vcpu><os><type>hvm</type></os>"+
		"<devices><graphics type='vnc'/><serial type='pty'/></devices></domain>", g.rand.IntN(40))
}

func (g *Generator) uuid() string {
	if len(g.words.Words) > 0 && g.chance(50) {
		return pick(g, g.words.Words)
	}
	return fmt.Sprintf("00000000-0000-4000-8000-%012d", g.rand.IntN(12))
}

func escape(s string) string {
	var b strings.Builder
	if xml.EscapeText(&b, []byte(s)) != nil {
		return ""
	}
	return b.String()
}
