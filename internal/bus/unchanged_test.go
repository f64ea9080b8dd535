package bus

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/godbus/dbus/v5"
)

// record is a value with a part that does not travel, as the model's devices have.
type record struct {
	id     string
	size   uint64
	hidden int
}

// loose is state whose Changed names every property, as one does that cannot tell.
type loose struct {
	name    string
	size    uint64
	log     []string
	records []*record
}

func (l loose) Get(name string) (dbus.Variant, bool) {
	switch name {
	case "Name":
		return dbus.MakeVariant(l.name), true
	case "Size":
		return dbus.MakeVariant(l.size), true
	case "Log":
		return dbus.MakeVariant(slices.Clone(l.log)), true
	case "Records":
		out := make([]Dict, len(l.records))
		for i, r := range l.records {
			out[i] = Dict{{"id", dbus.MakeVariant(r.id)}, {"size", dbus.MakeVariant(r.size)}}
		}
		return dbus.MakeVariantWithSignature(out, dbus.ParseSignatureMust("aa{sv}")), true
	}
	return dbus.Variant{}, false
}

func (loose) Changed(Properties) []string {
	return []string{"Name", "Size", "Log", "Records"}
}

// step makes a state that differs from l in some of what there is, or in nothing
// that travels.
func (l loose) step(rng *rand.Rand) loose {
	next := l
	next.records = nil
	for _, r := range l.records {
		c := *r
		c.hidden = rng.IntN(100)
		next.records = append(next.records, &c)
	}
	for range rng.IntN(3) {
		switch rng.IntN(5) {
		case 0:
			next.name = fmt.Sprint("n", rng.IntN(3))
		case 1:
			next.size = uint64(rng.IntN(3))
		case 2:
			next.log = make([]string, rng.IntN(2))
		case 3:
			next.records = append(next.records, &record{id: fmt.Sprint("r", rng.IntN(2))})
		case 4:
			if n := len(next.records); n > 0 {
				next.records = next.records[:n-1+rng.IntN(2)]
				if len(next.records) > 0 {
					next.records[0].size = uint64(rng.IntN(2))
				}
			}
		}
	}
	return next
}

// TestNothingUnchangedIsAnnounced follows generated changes as a client does: each
// value that is announced differs from the one before, and in the end the client
// has what the tree has.
func TestNothingUnchangedIsAnnounced(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	r := newRig(t, echo)
	signals := listen(t, r)
	const path = "/test/things/b"
	state := loose{name: "b"}
	known := map[string]dbus.Variant{}
	announcements := 0
	r.tree.Apply(Put(path, "test.Loose", state))
	for i := range 300 {
		var puts []Change
		for range 1 + rng.IntN(2) {
			state = state.step(rng)
			puts = append(puts, Put(path, "test.Loose", state))
		}
		r.tree.Apply(append(puts, Emit("/test/end", "test.Thing", "Happened", "end"))...)
		for {
			s := wait(t, signals, "a signal")
			if s.Path == "/test/end" {
				break
			}
			switch s.Name {
			case objectManagerName + ".InterfacesAdded":
				known = s.Body[1].(map[string]map[string]dbus.Variant)["test.Loose"]
			case propertiesName + ".PropertiesChanged":
				announcements++
				for name, value := range s.Body[1].(map[string]dbus.Variant) {
					if reflect.DeepEqual(known[name], value) {
						t.Fatalf("step %d announces %s = %v, which it was", i, name, value)
					}
					known[name] = value
				}
				for _, name := range s.Body[2].([]string) {
					var now dbus.Variant
					if err := r.call(path, propertiesName+".Get", "test.Loose", name).Store(&now); err != nil {
						t.Fatal(err)
					}
					if reflect.DeepEqual(known[name], now) {
						t.Fatalf("step %d announces that %s is not %v any more, which it is", i, name, now)
					}
					known[name] = now
				}
			}
		}
	}
	var all map[string]dbus.Variant
	if err := r.call(path, propertiesName+".GetAll", "test.Loose").Store(&all); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(all, known) {
		t.Errorf("the client knows %v, there is %v", known, all)
	}
	if announcements < 100 {
		t.Errorf("only %d of 300 steps changed anything", announcements)
	}
}
