package main

import (
	"fmt"
	"regexp"
	"strings"

	"org.kvmmanager/dbus/apidoc"
)

// mention is a title in brackets, or code, in which brackets mean nothing.
var mention = regexp.MustCompile("`[^`]*`|\\[([A-Za-z.]+(?: [a-z]+)*)\\](\\()?")

// links knows the titles of the page and their anchors.
type links map[string]string

func newLinks(ifaces []*apidoc.Interface) links {
	l := links{}
	for _, i := range ifaces {
		name := short(i.Name)
		l.add(name)
		for _, s := range i.Sections {
			l.add(s.Title)
		}
		for _, p := range i.Properties {
			l.add(name + "." + p.Name)
		}
		for _, m := range i.Methods {
			l.add(name + "." + m.Name)
		}
		for _, s := range i.Signals {
			l.add(name + "." + s.Name)
		}
	}
	return l
}

// add knows a title by the anchor that Markdown renderers give it.
func (l links) add(title string) {
	l[title] = strings.ToLower(strings.NewReplacer(".", "", " ", "-").Replace(title))
}

// resolve turns mentions of titles into links. A mention of something that
// does not exist is an error.
func (l links) resolve(text string) (string, error) {
	var missing []string
	text = mention.ReplaceAllStringFunc(text, func(m string) string {
		if m[0] == '`' || strings.HasSuffix(m, "(") {
			return m // code, or a link already
		}
		title := strings.Trim(m, "[]")
		anchor, ok := l[title]
		if !ok {
			missing = append(missing, title)
		}
		return m + "(#" + anchor + ")"
	})
	if len(missing) > 0 {
		return "", fmt.Errorf("the documentation mentions what does not exist: %s", strings.Join(missing, ", "))
	}
	return text, nil
}
