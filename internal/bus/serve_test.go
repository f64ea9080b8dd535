package bus

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/errs"
)

func TestMistakesOfCallersHaveTheStandardNames(t *testing.T) {
	t.Parallel()
	r := newRig(t, echo)
	const a = "/test/things/a"
	for name, c := range map[string]struct {
		path   dbus.ObjectPath
		method string
		args   []any
		want   string
	}{
		"an object that is not there":            {"/test/nope", "test.Thing.Echo", []any{"x"}, "UnknownObject"},
		"Properties of no object":                {"/nope", propertiesName + ".GetAll", []any{"test.Thing"}, "UnknownObject"},
		"an interface that it has not":           {a, "test.Extra.Only", nil, "UnknownInterface"},
		"an interface of nobody":                 {a, "no.such.Interface.Echo", []any{"x"}, "UnknownInterface"},
		"an interface on the way":                {"/test/things", "test.Thing.Echo", []any{"x"}, "UnknownInterface"},
		"ObjectManager below the root":           {a, objectManagerName + ".GetManagedObjects", nil, "UnknownInterface"},
		"ObjectManager above the root":           {"/", objectManagerName + ".GetManagedObjects", nil, "UnknownInterface"},
		"a method that it has not":               {a, "test.Thing.Nope", nil, "UnknownMethod"},
		"a standard method that is not":          {a, peerName + ".Nope", nil, "UnknownMethod"},
		"a signal as a method":                   {a, "test.Thing.Happened", []any{"x"}, "UnknownMethod"},
		"too few arguments":                      {a, "test.Thing.Echo", nil, "InvalidArgs"},
		"too many arguments":                     {a, "test.Thing.Echo", []any{"x", "y"}, "InvalidArgs"},
		"arguments where none are":               {a, introspectableName + ".Introspect", []any{"x"}, "InvalidArgs"},
		"Get of a property that it has not":      {a, propertiesName + ".Get", []any{"test.Thing", "Nope"}, "UnknownProperty"},
		"Get of an interface that it has not":    {a, propertiesName + ".Get", []any{"test.Extra", "Name"}, "UnknownInterface"},
		"Get without an interface":               {a, propertiesName + ".Get", []any{"", "Name"}, "UnknownInterface"},
		"Get of a standard interface":            {a, propertiesName + ".Get", []any{peerName, "Name"}, "UnknownProperty"},
		"Get with other types":                   {a, propertiesName + ".Get", []any{"test.Thing", uint32(1)}, "InvalidArgs"},
		"GetAll of an interface that it has not": {a, propertiesName + ".GetAll", []any{"test.Extra"}, "UnknownInterface"},
		"Set of a property":                      {a, propertiesName + ".Set", []any{"test.Thing", "Name", dbus.MakeVariant("x")}, "PropertyReadOnly"},
		"Set of a property that it has not":      {a, propertiesName + ".Set", []any{"test.Thing", "Nope", dbus.MakeVariant("x")}, "UnknownProperty"},
		"Set of an interface that it has not":    {a, propertiesName + ".Set", []any{"test.Extra", "Name", dbus.MakeVariant("x")}, "UnknownInterface"},
		"Set on the way":                         {"/test/things", propertiesName + ".Set", []any{"test.Thing", "Name", dbus.MakeVariant("x")}, "UnknownInterface"},
		"a removed object":                       {"/test/things/gone", "test.Thing.Echo", []any{"x"}, "UnknownObject"},
		"an empty interface, a method of nobody": {a, ".Nope", nil, "UnknownMethod"},
		"an empty interface, too few arguments":  {a, ".Echo", nil, "InvalidArgs"},
	} {
		t.Run(name, func(t *testing.T) {
			call := r.sendCall(t, c.path, c.method, 0, c.args...)
			wantError(t, call, errorPrefix+c.want)
			var e dbus.Error
			if !errors.As(call.Err, &e) || !strings.HasSuffix(e.Error(), ".") {
				t.Errorf("the message is no sentence: %q", e.Error())
			}
		})
	}
}

// sendCall calls with flags, and without an interface when method begins with
// a dot.
func (r *rig) sendCall(tb testing.TB, path dbus.ObjectPath, method string, flags dbus.Flags, args ...any) *dbus.Call {
	tb.Helper()
	i := strings.LastIndexByte(method, '.')
	m := &dbus.Message{Type: dbus.TypeMethodCall, Flags: flags, Headers: map[dbus.HeaderField]dbus.Variant{
		dbus.FieldDestination: dbus.MakeVariant(r.server.Names()[0]),
		dbus.FieldPath:        dbus.MakeVariant(path),
		dbus.FieldMember:      dbus.MakeVariant(method[i+1:]),
	}, Body: args}
	if i > 0 {
		m.Headers[dbus.FieldInterface] = dbus.MakeVariant(method[:i])
	}
	if len(args) > 0 {
		m.Headers[dbus.FieldSignature] = dbus.MakeVariant(dbus.SignatureOf(args...))
	}
	return wait(tb, r.client.Send(m, make(chan *dbus.Call, 1)).Done, "the answer of "+method)
}

func TestACallMayLeaveTheInterfaceOut(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(_ context.Context, c *Call) ([]any, error) { return []any{c.Interface + "." + c.Member}, nil })
	var got string
	if err := r.sendCall(t, "/test/things/a", ".Echo", 0, "x").Store(&got); err != nil || got != "test.Thing.Echo" {
		t.Errorf("Echo without interface is %q, %v", got, err)
	}
	if err := r.sendCall(t, "/test/things/a", ".Get", 0, "test.Thing", "Name").Store(&got); err != nil || got != "a" {
		t.Errorf("Get without interface is %q, %v", got, err)
	}
	for _, method := range []string{".Ping", ".Introspect", ".GetMachineId"} {
		if err := r.sendCall(t, "/test", method, 0).Err; err != nil {
			t.Errorf("%s without interface: %v", method, err)
		}
	}
}

func TestPeerAnswersOnEveryPathWithTheMachinesID(t *testing.T) {
	t.Parallel()
	want, err := os.ReadFile("/etc/machine-id")
	if err != nil {
		t.Skip("this machine has no id")
	}
	r := newRig(t, echo)
	for _, path := range []dbus.ObjectPath{"/", "/test", "/test/things/a", "/not/there"} {
		if err := r.call(path, peerName+".Ping").Err; err != nil {
			t.Errorf("Ping on %s: %v", path, err)
		}
		var id string
		if err := r.call(path, peerName+".GetMachineId").Store(&id); err != nil || id != strings.TrimSpace(string(want)) {
			t.Errorf("the machine's id on %s is %q, %v", path, id, err)
		}
	}
}

// The compared types are all basic ones, and some containers.
var everyType = map[string]any{
	"y": byte(1), "b": true, "n": int16(-1), "q": uint16(1), "i": int32(-1), "u": uint32(1), "x": int64(-1), "t": uint64(1),
	"d": 1.5, "s": "65", "o": dbus.ObjectPath("/o"), "g": dbus.ParseSignatureMust("s"), "v": dbus.MakeVariant("v"),
	"as": []string{"a"}, "ay": []byte{1}, "a{sv}": map[string]dbus.Variant{"k": dbus.MakeVariant(1)}, "(su)": struct {
		S string
		U uint32
	}{"s", 1}, "ao": []dbus.ObjectPath{"/o"}, "aa{sv}": []map[string]dbus.Variant{{"k": dbus.MakeVariant("v")}},
}

func TestSignaturesAreComparedExactly(t *testing.T) {
	t.Parallel()
	text := "<node><interface name='test.Types'>"
	for sig := range everyType {
		text += fmt.Sprintf("<method name='%s'><arg type='%s' direction='in'/><arg type='%s' direction='out'/></method>", methodName(sig), sig, sig)
	}
	ifaces, err := ParseInterfaces([]byte(text + "</interface></node>"))
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, echo)
	r.tree.ifaces["test.Types"] = ifaces[0]
	r.tree.Apply(Put("/test/types", "test.Types", nil))
	for declared := range everyType {
		for sent, value := range everyType {
			call := r.call("/test/types", "test.Types."+methodName(declared), value)
			if sent == declared {
				if call.Err != nil && declared != "(su)" { // godbus decodes a struct as a list, which echo cannot give back
					t.Errorf("%s: %v", declared, call.Err)
				}
				continue
			}
			wantError(t, call, errorPrefix+"InvalidArgs")
			if call.Err != nil && !strings.Contains(call.Err.Error(), fmt.Sprintf("%q", declared)) {
				t.Errorf("%q does not name the type %s", call.Err, declared)
			}
		}
	}
}

func methodName(sig string) string {
	return "Take_" + strings.NewReplacer("{", "D", "}", "d", "(", "R", ")", "r").Replace(sig)
}

func TestPropertiesAreReadFromMemory(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(context.Context, *Call) ([]any, error) { return nil, errors.New("the handler was asked") })
	r.tree.Apply(Put("/test/things/a", "test.Extra", nil))
	var size uint64
	if err := r.call("/test/things/a", propertiesName+".Get", "test.Thing", "Size").Store(&size); err != nil || size != 1 {
		t.Errorf("Size is %d, %v", size, err)
	}
	for iface, want := range map[string]string{
		"test.Thing":       `map[Kind:"toy" Log:["born"] Name:"a" Quiet:@u 1 Size:@t 1]`,
		"test.Extra":       `map[]`,
		propertiesName:     `map[]`,
		introspectableName: `map[]`,
	} {
		var all map[string]dbus.Variant
		if err := r.call("/test/things/a", propertiesName+".GetAll", iface).Store(&all); err != nil || fmt.Sprint(all) != want {
			t.Errorf("GetAll of %s is %v, %v", iface, all, err)
		}
	}
}

func TestManagedObjectsAreThoseBelowTheRoot(t *testing.T) {
	t.Parallel()
	r := newRig(t, echo)
	r.tree.Apply(Put("/test/things/a", "test.Extra", nil), Put("/test/b", "test.Deep", nil))
	var all map[dbus.ObjectPath]map[string]map[string]dbus.Variant
	if err := r.call("/test", objectManagerName+".GetManagedObjects").Store(&all); err != nil {
		t.Fatal(err)
	}
	want := `map[/test/b:map[test.Deep:map[]] /test/things/a:map[test.Extra:map[] ` +
		`test.Thing:map[Kind:"toy" Log:["born"] Name:"a" Quiet:@u 1 Size:@t 1]]]`
	if got := fmt.Sprint(all); got != want {
		t.Errorf("the managed objects are %s, want %s", got, want)
	}
	r.tree.Apply(Remove("/test/things/a"), Remove("/test/b"))
	all = nil
	if err := r.call("/test", objectManagerName+".GetManagedObjects").Store(&all); err != nil || len(all) != 0 {
		t.Errorf("an empty tree manages %v, %v", all, err)
	}
}

func TestErrorsOfTheHandlerCrossAsTheirKind(t *testing.T) {
	t.Parallel()
	remote := dbus.Error{Name: "org.other.Error", Body: []any{"not meant for our caller"}}
	for name, c := range map[string]struct {
		err           error
		name, message string
	}{
		"a D-Bus error":              {dbus.NewError("a.b.C", []any{"As it is."}), "a.b.C", "As it is."},
		"a D-Bus error without text": {dbus.NewError("a.b.C", nil), "a.b.C", "a.b.C"},
		"a D-Bus error badly named":  {dbus.NewError("nonsense", []any{"x"}), "org.kvmmanager.Error.Internal", internalMessage},
		"an error with a kind":       {fmt.Errorf("cannot: %w", errs.New(errs.Busy, "It is busy.")), "org.kvmmanager.Error.Busy", "It is busy."},
		"a cancelled context":        {context.Canceled, "org.kvmmanager.Error.Cancelled", "The operation was cancelled."},
		"an error without kind":      {errors.New("secret"), "org.kvmmanager.Error.Internal", internalMessage},
		"an answer that we got":      {remote, "org.kvmmanager.Error.Internal", internalMessage},
		"text that is not UTF-8":     {errs.New(errs.NotFound, "no \xff\x00."), "org.kvmmanager.Error.NotFound", "no \uFFFD\uFFFD."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, func(context.Context, *Call) ([]any, error) { return nil, c.err })
			call := r.call("/test/things/a", "test.Thing.Echo", "x")
			wantError(t, call, c.name)
			if call.Err != nil && call.Err.Error() != c.message {
				t.Errorf("the message is %q, want %q", call.Err, c.message)
			}
			r.alive(t)
			internal := strings.HasSuffix(c.name, "Internal")
			if logged := strings.Contains(r.log.String(), "a call failed"); logged != internal {
				t.Errorf("logged is %v; the log is %s", logged, r.log)
			}
		})
	}
}

const internalMessage = "The service made a mistake. Its journal has the details."

func TestResultsOfOtherTypesThanDeclaredAreInternalErrors(t *testing.T) {
	t.Parallel()
	for name, results := range map[string][]any{
		"none": nil, "too many": {"a", "b"}, "another type": {1}, "no D-Bus type": {make(chan int)}, "nil": {nil},
		"not UTF-8": {"\xff"}, "a zero byte": {"a\x00b"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, func(context.Context, *Call) ([]any, error) { return results, nil })
			wantError(t, r.call("/test/things/a", "test.Thing.Echo", "x"), "org.kvmmanager.Error.Internal")
			r.alive(t)
		})
	}
}

func TestAPanicIsContainedAndLogged(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(_ context.Context, c *Call) ([]any, error) {
		if c.Args[0] == "boom" {
			panic("as asked")
		}
		return c.Args, nil
	})
	for range 2 * maxCallsPerUser { // more than may be under way: nothing is leaked
		wantError(t, r.call("/test/things/a", "test.Thing.Echo", "boom"), "org.kvmmanager.Error.Internal")
	}
	if err := r.call("/test/things/a", "test.Thing.Echo", "fine").Err; err != nil {
		t.Errorf("after the panics: %v", err)
	}
	if log := r.log.String(); !strings.Contains(log, "as asked") || !strings.Contains(log, "serve_test.go") {
		t.Error("the log has no stack")
	}
}

// panicking is state that cannot be read.
type panicking struct{ props }

func (panicking) Get(string) (dbus.Variant, bool) { panic("unreadable") }

func TestAPanicInAReadBlocksNobody(t *testing.T) {
	t.Parallel()
	r := newRig(t, echo)
	r.tree.state.Lock()
	r.tree.nodes["/test/things/a"].object = &object{path: "/test/things/a", parts: []*part{{r.tree.ifaces["test.Thing"], panicking{}}}}
	r.tree.state.Unlock()
	for _, call := range []*dbus.Call{
		r.call("/test/things/a", propertiesName+".Get", "test.Thing", "Name"),
		r.call("/test/things/a", propertiesName+".GetAll", "test.Thing"),
		r.call("/test", objectManagerName+".GetManagedObjects"),
	} {
		wantError(t, call, "org.kvmmanager.Error.Internal")
	}
	r.alive(t)
}

func TestTheHandlerLearnsWhoCallsAndHow(t *testing.T) {
	t.Parallel()
	calls := make(chan Call, 1)
	r := newRig(t, func(_ context.Context, c *Call) ([]any, error) { calls <- *c; return c.Args, nil })
	for flags, want := range map[dbus.Flags]Call{
		0:                                      {},
		dbus.FlagAllowInteractiveAuthorization: {Interactive: true},
		dbus.FlagNoAutoStart:                   {},
	} {
		r.sendCall(t, "/test/things/a", "test.Thing.Echo", flags, "x")
		got := wait(t, calls, "the call")
		if got.Sender != r.client.Names()[0] || got.Path != "/test/things/a" || got.Interface != "test.Thing" || got.Member != "Echo" ||
			got.Args[0] != "x" || got.Interactive != want.Interactive || got.NoReply {
			t.Errorf("flags %d: the call is %+v", flags, got)
		}
	}
	r.object("/test/things/a").Go("test.Thing.Echo", dbus.FlagNoReplyExpected, nil, "x")
	if got := wait(t, calls, "the call"); !got.NoReply {
		t.Error("the handler does not learn that no reply is wanted")
	}
}

func TestTheContextOfACallEndsWithTheConnection(t *testing.T) {
	t.Parallel()
	began, ended := make(chan struct{}), make(chan struct{})
	r := newRig(t, func(ctx context.Context, _ *Call) ([]any, error) {
		close(began)
		<-ctx.Done()
		close(ended)
		return nil, ctx.Err()
	})
	r.object("/test/things/a").Go("test.Thing.Echo", 0, nil, "x")
	wait(t, began, "the call")
	if err := r.server.Close(); err != nil {
		t.Fatal(err)
	}
	wait(t, ended, "the end of the context")
	r.tree.Apply(Put("/test/things/a", "test.Thing", thing("a", 7))) // goes nowhere, and does no harm
}
