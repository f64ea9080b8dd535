package main

import (
	"fmt"
	"strings"

	"org.kvmmanager/dbus/apidoc"
)

const preamble = `# The D-Bus API of KVM Manager

<!-- Made by docs/apigen from dbus/*.xml. Change the XML and run: go generate ./docs/apigen -->

Everything that KVM Manager can do, it does through this API: its own client,
scripts and other programs are all the same to it. [Scripting](SCRIPTING.md)
shows it at work from a shell.

`

// page is the reference as it is being written.
type page struct {
	strings.Builder
	links links
}

// reference is the whole page, for the documents in their order.
func reference(documents [][]byte) (string, error) {
	var ifaces []*apidoc.Interface
	for _, document := range documents {
		iface, err := apidoc.Parse(document)
		if err != nil {
			return "", err
		}
		ifaces = append(ifaces, iface)
	}
	p := &page{links: newLinks(ifaces)}
	p.WriteString(preamble)
	p.contents(ifaces)
	for _, iface := range ifaces {
		p.iface(iface)
	}
	text, err := p.links.resolve(p.String())
	if err != nil {
		return "", err
	}
	return strings.TrimRight(text, "\n") + "\n", nil
}

func (p *page) contents(ifaces []*apidoc.Interface) {
	p.WriteString("| Interface | |\n|---|---|\n")
	for _, i := range ifaces {
		fmt.Fprintf(p, "| [%s] | %s |\n", short(i.Name), i.Short)
	}
	p.WriteString("\n")
	for _, i := range ifaces {
		for _, s := range i.Sections {
			fmt.Fprintf(p, "- [%s]\n", s.Title)
		}
	}
	p.WriteString("\n")
}

func (p *page) iface(i *apidoc.Interface) {
	name := short(i.Name)
	fmt.Fprintf(p, "## %s\n\n`%s`: %s.\n\n%s\n\n", name, i.Name, i.Short, i.Text)
	for _, s := range i.Sections {
		fmt.Fprintf(p, "### %s\n\n%s\n\n", s.Title, s.Text)
	}
	for _, property := range i.Properties {
		p.property(name, &property)
	}
	for _, method := range i.Methods {
		p.method(name, &method)
	}
	for _, signal := range i.Signals {
		p.signal(name, &signal)
	}
}

func (p *page) property(iface string, property *apidoc.Property) {
	fmt.Fprintf(p, "### %s.%s\n\nProperty `%s`, since %d%s\n\n%s\n\n", iface, property.Name, property.Type, property.Since,
		announcement[property.Emits], property.Text)
}

// announcement is what the reference says about a property's changes. Those
// that come with their value are the rule and need no word.
var announcement = map[string]string{
	"const":       ", never changes",
	"invalidates": ", changes are announced without the value",
}

func (p *page) method(iface string, m *apidoc.Method) {
	fmt.Fprintf(p, "### %s.%s\n\nMethod `%s(%s)", iface, m.Name, m.Name, signature(m.In))
	if len(m.Out) > 0 {
		fmt.Fprintf(p, " → %s", signature(m.Out))
	}
	fmt.Fprintf(p, "`, since %d\n\n%s\n\n", m.Since, m.Text)
	p.args(m.In, "")
	p.args(m.Out, "→ ")
	fmt.Fprintf(p, "\n**Errors:** %s\n\n**Action:** %s\n\n", sentence(m.Errors), sentence(m.Action))
}

func (p *page) signal(iface string, s *apidoc.Signal) {
	fmt.Fprintf(p, "### %s.%s\n\nSignal `%s(%s)`, since %d\n\n%s\n\n", iface, s.Name, s.Name, signature(s.Args), s.Since, s.Text)
	p.args(s.Args, "")
	if len(s.Args) > 0 {
		p.WriteString("\n")
	}
}

// args lists arguments; what an argument's text has below its first line
// belongs to its item.
func (p *page) args(args []apidoc.Arg, mark string) {
	for _, a := range args {
		fmt.Fprintf(p, "- %s`%s` (%s): %s\n", mark, a.Name, a.Type, strings.ReplaceAll(a.Text, "\n", "\n  "))
	}
}

func signature(args []apidoc.Arg) string {
	parts := make([]string, len(args))
	for i, a := range args {
		parts[i] = a.Name + " " + a.Type
	}
	return strings.Join(parts, ", ")
}

// sentence ends with a full stop.
func sentence(text string) string { return strings.TrimSuffix(text, ".") + "." }

// short is the last element of an interface's name.
func short(iface string) string { return iface[strings.LastIndexByte(iface, '.')+1:] }
