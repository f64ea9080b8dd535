package busfuzz

import (
	"slices"
	"strings"

	"github.com/godbus/dbus/v5"
)

// move is one thing that a hostile caller does.
type move struct {
	name   string
	weight int
	do     func(*worker)
}

// moves is what workers choose from.
func moves() []move {
	return []move{
		{"right types", 60, func(w *worker) { w.burst(1+w.gen.rand.IntN(12), w.rightTypes) }},
		{"wrong types", 10, func(w *worker) { w.burst(1+w.gen.rand.IntN(4), w.wrongTypes) }},
		{"properties", 8, func(w *worker) { w.burst(1+w.gen.rand.IntN(8), w.property) }},
		{"nonsense", 8, func(w *worker) { w.burst(1+w.gen.rand.IntN(8), w.nonsense) }},
		{"whole state", 2, func(w *worker) { w.burst(1+w.gen.rand.IntN(4), w.wholeState) }},
		{"descriptors", 3, func(w *worker) { w.burst(1+w.gen.rand.IntN(2), w.descriptors) }},
		{"many at once", 2, func(w *worker) { w.burst(50+w.gen.rand.IntN(150), w.smallCall) }},
		{"no reply", 2, func(w *worker) { w.burst(1+w.gen.rand.IntN(200), w.noReply) }},
		{"hanging up", 3, (*worker).hangUp},
		{"garbage", 3, (*worker).garbage},
	}
}

// target is one of the objects, and one of its interfaces.
func (w *worker) target() (*Target, *Interface) {
	t := &w.survey.Targets[w.gen.rand.IntN(len(w.survey.Targets))]
	return t, &t.Interfaces[w.gen.rand.IntN(len(t.Interfaces))]
}

// method is a method of some object, mostly of one of the service's own
// interfaces.
func (w *worker) method() (*Target, *Interface, *Method) {
	for {
		t, i := w.target()
		if len(i.Methods) > 0 && (w.oracle.options(i.Name, i.Methods[0].Name) != nil || w.gen.chance(10)) {
			return t, i, &i.Methods[w.gen.rand.IntN(len(i.Methods))]
		}
	}
}

// flags are of all sorts, but let the bus answer.
func (w *worker) flags() dbus.Flags {
	if w.gen.chance(30) {
		return dbus.FlagAllowInteractiveAuthorization
	}
	return 0
}

func (w *worker) call(path dbus.ObjectPath, iface, member string, args ...any) *Call {
	return &Call{
		Destination: w.Service, Path: path, Interface: iface, Member: member, Args: args,
		Flags: w.flags(), BigEndian: w.gen.chance(5),
	}
}

// rightTypes calls a method with what it declares, and hostile values or such
// as make sense.
func (w *worker) rightTypes() *Call {
	t, i, m := w.method()
	args, err := w.gen.Values(m.In)
	if err != nil {
		w.violation("", err)
		return w.call(t.Path, i.Name, m.Name)
	}
	for n := range args {
		w.makeSense(t, i, m, args, n)
	}
	return w.call(t.Path, i.Name, m.Name, args...)
}

// makeSense replaces an argument, more often than not, by one that may get
// further into the service than any word of the dictionary would.
func (w *worker) makeSense(t *Target, i *Interface, m *Method, args []any, n int) {
	if w.gen.chance(15) {
		return
	}
	switch args[n].(type) {
	case map[string]dbus.Variant:
		if n == len(args)-1 {
			args[n] = w.gen.options(w.oracle.options(i.Name, m.Name))
		}
	case string:
		if m.Args[n] == "xml" {
			args[n] = w.definition(t, i)
		}
	case []string:
		if m.Args[n] == "keys" {
			args[n] = []string{pick(w.gen, keys), pick(w.gen, keys)}
		}
	}
}

// definition is XML to define something with: made up, or what the object
// itself has with something put into it.
func (w *worker) definition(t *Target, i *Interface) string {
	switch {
	case w.gen.chance(30):
		return w.gen.xml()
	case i.method("GetXML") == nil:
		return w.gen.plainXML()
	}
	answer, err := w.conn.ask(w.call(t.Path, i.Name, "GetXML", map[string]dbus.Variant{}))
	if err != nil || answer.Type != dbus.TypeMethodReply {
		return w.gen.xml()
	}
	doc, _ := answer.Body[0].(string)
	more := pick(w.gen, inner)
	if devices, ok := strings.CutPrefix(more, "<devices>"); ok {
		return strings.Replace(doc, "<devices>", "<devices>"+strings.TrimSuffix(devices, "</devices>"), 1)
	}
	return strings.Replace(doc, "</os>", "</os>"+more, 1)
}

// wrongTypes calls a method with something else than it declares.
func (w *worker) wrongTypes() *Call {
	t, i, m := w.method()
	signature := w.gen.Signature()
	if w.gen.chance(40) {
		signature = m.In + pick(w.gen, signatures)
	}
	args, err := w.gen.Values(signature)
	if err != nil {
		w.violation("", err)
	}
	return w.call(t.Path, i.Name, m.Name, args...)
}

// property reads or sets properties that may exist.
func (w *worker) property() *Call {
	t, i := w.target()
	w.gen.refill()
	path, iface, name := t.Path, i.Name, w.gen.text()
	if len(i.Properties) > 0 && w.gen.chance(80) {
		name = pick(w.gen, i.Properties)
	}
	if w.gen.chance(20) {
		iface = w.gen.text()
	}
	if w.gen.chance(10) {
		path = w.gen.path()
	}
	switch w.gen.rand.IntN(3) {
	case 0:
		return w.call(path, propertiesName, "GetAll", iface)
	case 1:
		return w.call(path, propertiesName, "Get", iface, name)
	default:
		return w.call(path, propertiesName, "Set", iface, name, w.gen.variant(0))
	}
}

// nonsense calls what does not exist, or not there.
func (w *worker) nonsense() *Call {
	w.gen.refill()
	t, i := w.target()
	switch w.gen.rand.IntN(6) {
	case 0:
		return w.call(w.gen.path(), introspectable, "Introspect")
	case 1:
		return w.call(w.gen.path(), objectManagerName, "GetManagedObjects")
	case 2:
		_, other, m := w.method()
		args, err := w.gen.Values(m.In)
		if err != nil {
			w.violation("", err)
		}
		return w.call(pick(w.gen, paths[3:]), other.Name, m.Name, args...)
	case 3:
		return w.call(t.Path, pick(w.gen, []string{"", "a.b", "org.kvmmanager", i.Name + ".x", peerName}), pick(w.gen, []string{"Ping", "GetMachineId", "Start", "x"}))
	case 4:
		return w.call(t.Path, "", "Introspect", w.gen.text())
	default:
		return w.call(t.Path, i.Name, pick(w.gen, []string{"x", "_", "Get", "start", "Nothing"}), w.gen.variant(0))
	}
}

func (w *worker) wholeState() *Call {
	for _, t := range w.survey.Targets {
		if t.has(objectManagerName) {
			return w.call(t.Path, objectManagerName, "GetManagedObjects")
		}
	}
	return w.smallCall()
}

// smallCall costs nobody much, so that there can be many.
func (w *worker) smallCall() *Call {
	t, i := w.target()
	if w.gen.chance(50) {
		return w.call(t.Path, propertiesName, "GetAll", i.Name)
	}
	_, i, m := w.method()
	return w.call(t.Path, i.Name, m.Name, map[string]dbus.Variant{})
}

// descriptors sends some that nobody asked for, up to what the bus passes.
func (w *worker) descriptors() *Call {
	c := w.rightTypes()
	n := 1 + w.gen.rand.IntN(16)
	if w.gen.chance(5) {
		n = maxFDs
	}
	for range n {
		c.Extra = append(c.Extra, pick(w.gen, w.gen.fds))
	}
	return c
}

func (w *worker) noReply() *Call {
	c := w.smallCall()
	c.Flags |= dbus.FlagNoReplyExpected
	return c
}

// hangUp calls from a connection of its own, and leaves before all is
// answered.
func (w *worker) hangUp() {
	c, err := dial(w.Address, w.user.UID)
	if err != nil {
		w.count("not connected")
		return
	}
	defer func() { _ = c.close() }()
	rule := "type='signal',sender='" + w.Service + "'"
	if _, err := c.send(&Call{Destination: daemonName, Path: daemonPath, Interface: daemonName, Member: "AddMatch", Args: []any{rule}}); err != nil {
		return
	}
	var answers []<-chan *dbus.Message
	for range 1 + w.gen.rand.IntN(10) {
		call := w.rightTypes()
		if w.gen.chance(30) {
			call = w.call("/org/kvmmanager", "org.kvmmanager.Manager", "SubscribeStatistics", uint32(0), map[string]dbus.Variant{})
		}
		w.setFlags(call)
		answer, err := c.send(call)
		if err != nil {
			w.count("not sendable")
			continue
		}
		answers = append(answers, answer)
	}
	if len(answers) > 0 && w.gen.chance(50) {
		_, _ = c.await(answers[w.gen.rand.IntN(len(answers))])
	}
	w.count("left")
}

// setFlags makes a call's job, if it makes one, end with its caller.
func (w *worker) setFlags(c *Call) {
	c.Flags |= dbus.FlagAllowInteractiveAuthorization
	if n := len(c.Args); n > 0 {
		if options, ok := c.Args[n-1].(map[string]dbus.Variant); ok && w.oracle.options(c.Interface, c.Member)["bind-lifetime"] != "" {
			options["bind-lifetime"] = dbus.MakeVariant(true)
		}
	}
}

// garbage writes a message with some bytes changed, on a connection of its
// own, which the bus may well end.
func (w *worker) garbage() {
	c, err := dial(w.Address, w.user.UID)
	if err != nil {
		w.count("not connected")
		return
	}
	defer func() { _ = c.close() }()
	frame, fds, err := w.rightTypes().encode()
	if err != nil {
		w.count("not sendable")
		return
	}
	w.order(frame)
	_ = c.write(w.gen.spoil(frame), fds) // the bus may be faster in hanging up
	// The bus hangs up when it has read all of it.
	if c.socket.CloseWrite() == nil {
		_, _ = c.await(nil)
	}
	w.count("garbage")
}

// order gives a frame a serial, so that it is wrong only where it is spoilt.
func (w *worker) order(frame []byte) { frame[8], frame[9] = 9, 9 }

// spoil changes some bytes, or leaves some out.
func (g *Generator) spoil(frame []byte) []byte {
	frame = slices.Clone(frame)
	for range 1 + g.rand.IntN(4) {
		at := g.rand.IntN(min(len(frame), 400))
		switch g.rand.IntN(4) {
		case 0:
			frame[at] ^= 1 << g.rand.IntN(8)
		case 1:
			frame[at] = byte(g.rand.IntN(256))
		case 2:
			frame[at] = pick(g, []byte{0, 1, 0x7f, 0x80, 0xff, '/', 'a', 'v', '('})
		default:
			frame[at] = frame[g.rand.IntN(len(frame))]
		}
	}
	if g.chance(10) {
		frame = frame[:1+g.rand.IntN(len(frame))]
	}
	return frame
}
