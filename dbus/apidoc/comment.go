package apidoc

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

var (
	argLine    = regexp.MustCompile(`^@([a-z_]+):(.*)$`)
	keyLine    = regexp.MustCompile("(?m)^ *- `([a-z0-9.-]+)` \\(([a-z{}]+)(?:, since ([0-9]+))?\\): ")
	actionName = regexp.MustCompile(`org\.kvmmanager\.[a-z.-]+[a-z]`)
)

// comment is the documentation of one element, taken apart.
type comment struct {
	args   map[string]string
	text   string
	errors string
	action string
}

// parseComment takes a comment apart that must be about the named element.
func parseComment(raw, name string) (comment, error) {
	c := comment{args: map[string]string{}}
	body, ok := strings.CutPrefix(dedent(raw), name+":")
	if !ok {
		return c, fmt.Errorf("the comment before %s does not start with its name and a colon", name)
	}
	lines := strings.Split(strings.TrimPrefix(body, "\n"), "\n")
	for len(lines) > 0 {
		m := argLine.FindStringSubmatch(lines[0])
		if m == nil {
			break
		}
		n := 1
		for n < len(lines) && strings.HasPrefix(lines[n], "  ") {
			n++
		}
		if _, twice := c.args[m[1]]; twice {
			return c, fmt.Errorf("%s documents @%s twice", name, m[1])
		}
		c.args[m[1]] = strings.TrimSpace(m[2] + "\n" + dedent(strings.Join(lines[1:n], "\n")))
		lines = lines[n:]
	}
	var text []string
	for _, paragraph := range strings.Split(strings.Join(lines, "\n"), "\n\n") {
		switch {
		case strings.HasPrefix(paragraph, "Errors: "):
			c.errors = strings.TrimPrefix(paragraph, "Errors: ")
		case strings.HasPrefix(paragraph, "Action: "):
			c.action = strings.TrimPrefix(paragraph, "Action: ")
		default:
			text = append(text, paragraph)
		}
	}
	c.text = strings.Trim(strings.Join(text, "\n\n"), "\n ")
	return c, nil
}

// takeArg gives the documentation of an argument, once.
func (c *comment) takeArg(name string) string {
	text := c.args[name]
	delete(c.args, name)
	return text
}

// sections divides an interface's text at its titles.
func sections(text string) (string, []Section) {
	parts := strings.Split("\n"+text, "\n# ")
	var out []Section
	for _, part := range parts[1:] {
		title, body, _ := strings.Cut(part, "\n")
		out = append(out, Section{title, strings.Trim(body, "\n"), keys(body)})
	}
	return strings.Trim(parts[0], "\n"), out
}

func keys(text string) []Key {
	var out []Key
	for _, m := range keyLine.FindAllStringSubmatch(text, -1) {
		since, _ := strconv.ParseUint(m[3], 10, 32) // empty is 0
		out = append(out, Key{m[1], m[2], uint32(since)})
	}
	return out
}

// dedent removes the indentation that all lines share, and empty lines around
// them.
func dedent(text string) string {
	lines := strings.Split(text, "\n")
	least := len(text)
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
		if lines[i] != "" {
			least = min(least, len(line)-len(strings.TrimLeft(line, " ")))
		}
	}
	for i, line := range lines {
		lines[i] = line[min(least, len(line)):]
	}
	return strings.Trim(strings.Join(lines, "\n"), "\n")
}
