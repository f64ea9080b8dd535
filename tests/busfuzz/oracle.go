package busfuzz

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/dbus"
	"org.kvmmanager/dbus/apidoc"
	"org.kvmmanager/internal/errs"
)

// Oracle knows what a service may answer.
type Oracle struct {
	methods map[string]*apidoc.Method // by interface and name, with a dot
	errors  map[string]bool
}

// standard is the D-Bus standard errors that the API promises.
var standard = []string{
	"UnknownObject", "UnknownInterface", "UnknownMethod", "UnknownProperty", "PropertyReadOnly", "InvalidArgs",
	"LimitsExceeded", "InteractiveAuthorizationRequired",
}

// NewOracle reads the documentation.
func NewOracle() (*Oracle, error) {
	o := &Oracle{methods: map[string]*apidoc.Method{}, errors: map[string]bool{}}
	for _, document := range api.XML() {
		iface, err := apidoc.Parse(document)
		if err != nil {
			return nil, err
		}
		for i := range iface.Methods {
			o.methods[iface.Name+"."+iface.Methods[i].Name] = &iface.Methods[i]
		}
	}
	for _, kind := range errs.Kinds() {
		// Internal is in the API, and always a bug.
		o.errors[kind.DBusName()] = kind != errs.Internal
	}
	for _, name := range standard {
		o.errors["org.freedesktop.DBus.Error."+name] = true
	}
	return o, nil
}

// options is the options that a method takes, with their types.
func (o *Oracle) options(iface, member string) map[string]string {
	if m := o.methods[iface+"."+member]; m != nil {
		return m.Options()
	}
	return nil
}

// readAction is the action that everybody has.
const readAction = "org.kvmmanager.read"

// restricted reports whether a call needs an action that not everybody has. In
// the documentation's words: a method that names such actions does; when it
// begins with the action that everybody has, only with the option in "with
// `option`". A method that begins with "none" needs one on what belongs to
// others, which is all there is for a caller who can start nothing.
func (o *Oracle) restricted(c *Call) bool {
	m := o.methods[c.Interface+"."+c.Member]
	if m == nil || len(o.actions(m)) == 0 {
		return false
	}
	if _, rest, conditional := strings.Cut(m.Action, "with `"); conditional && strings.HasPrefix(m.Action, "`"+readAction+"`") {
		option, _, _ := strings.Cut(rest, "`")
		options, _ := c.Args[len(c.Args)-1].(map[string]dbus.Variant)
		return options[option].Value() == true
	}
	return true
}

// actions returns the actions of a method that not everybody has.
func (o *Oracle) actions(m *apidoc.Method) []string {
	return slices.DeleteFunc(m.Actions(), func(action string) bool { return action == readAction })
}

// Judge says what is wrong with an answer to a call of somebody who has rights
// or has none; nil when nothing is.
func (o *Oracle) Judge(privileged bool, c *Call, answer *dbus.Message) error {
	if answer.Type == dbus.TypeMethodReply {
		return o.judgeReply(privileged, c)
	}
	name, _ := answer.Headers[dbus.FieldErrorName].Value().(string)
	sender, _ := answer.Headers[dbus.FieldSender].Value().(string)
	text := ""
	if len(answer.Body) > 0 {
		text, _ = answer.Body[0].(string)
	}
	if sender == daemonName {
		return judgeDaemon(name, text)
	}
	if !o.errors[name] {
		return fmt.Errorf("the error is %s: %s", name, cut(text, 500))
	}
	return judgeText(c, text)
}

func (o *Oracle) judgeReply(privileged bool, c *Call) error {
	m := o.methods[c.Interface+"."+c.Member]
	switch {
	case c.Interface == propertiesName && c.Member == "Set":
		return fmt.Errorf("a property was set")
	case m != nil && m.In != nil && c.Signature() != signatureOf(m.In):
		return fmt.Errorf("arguments of wrong types were taken")
	case m == nil && strings.HasPrefix(c.Interface, errs.Prefix[:strings.Index(errs.Prefix, ".Error")]):
		return fmt.Errorf("an undocumented method was called")
	case !privileged && o.restricted(c):
		return fmt.Errorf("it succeeded without the right to do it")
	}
	return nil
}

func signatureOf(args []apidoc.Arg) string {
	signature := ""
	for _, arg := range args {
		signature += arg.Type
	}
	return signature
}

// judgeDaemon judges an error of the bus itself, which speaks for itself, or
// for a service that does not.
func judgeDaemon(name, text string) error {
	switch strings.TrimPrefix(name, "org.freedesktop.DBus.Error.") {
	case "LimitsExceeded", "AccessDenied", "MatchRuleInvalid", "MatchRuleNotFound":
		return nil
	}
	return fmt.Errorf("the bus answers for the service: %s: %s", name, text)
}

// inside is what no message to a caller may show: our own workings, and files
// of the host.
var inside = []string{
	"goroutine ", ".go:", "runtime error", "panic", "0xc0", "nil pointer", "%!", "<nil>", "\n",
	"/etc/", "/var/", "/run/", "/root/", "/home/", "/tmp/", "/proc/", "/usr/", "/work",
}

// maxText is how long a sentence is at most, in characters.
const maxText = 1000

// judgeText checks that a message is one sentence of plain text.
func judgeText(c *Call, text string) error {
	first, _ := utf8.DecodeRuneInString(text)
	last, _ := utf8.DecodeLastRuneInString(text)
	switch {
	case text == "":
		return fmt.Errorf("the error has no message")
	case !utf8.ValidString(text):
		return fmt.Errorf("the message is not valid UTF-8: %q", text)
	case utf8.RuneCountInString(text) > maxText:
		return fmt.Errorf("the message is too long: %s", cut(text, 200))
	case strings.ContainsFunc(text, unicode.IsControl):
		return fmt.Errorf("the message has control characters: %q", text)
	case unicode.IsLower(first) && !strings.HasPrefix(text, "libvirt") && !strings.HasPrefix(text, c.Interface):
		return fmt.Errorf("the message does not start like a sentence: %s", text)
	case !strings.ContainsRune(".?!…", last):
		return fmt.Errorf("the message does not end like a sentence: %s", text)
	}
	for _, word := range inside {
		if strings.Contains(text, word) && !mentions(c, word) {
			return fmt.Errorf("the message shows what is inside (%q): %s", word, text)
		}
	}
	return nil
}

// mentions says whether the caller brought a word along.
func mentions(c *Call, word string) bool {
	if strings.Contains(string(c.Path)+c.Interface+c.Member, word) {
		return true
	}
	for _, arg := range c.Args {
		if strings.Contains(fmt.Sprintf("%v", arg), word) {
			return true
		}
	}
	return false
}
