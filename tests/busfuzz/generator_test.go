package busfuzz

import (
	"bytes"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
)

func testGenerator(t *testing.T, seed uint64) *Generator {
	t.Helper()
	g := NewGenerator(seed, 1, []int{int(os.Stdin.Fd())})
	g.Use(Vocabulary{Words: []string{"web", "00000000-0000-4000-8000-000000000001"}, Paths: []dbus.ObjectPath{"/org/kvmmanager/vms/a"}})
	return g
}

func TestOneSeedMakesOneSequence(t *testing.T) {
	t.Parallel()
	sequence := func(seed uint64) (all []string) {
		g := testGenerator(t, seed)
		for range 300 {
			signature := g.Signature()
			values, err := g.Values(signature)
			if err != nil {
				t.Fatal(err)
			}
			call := Call{Path: "/a", Interface: "a.b", Member: "C", Args: values}
			all = append(all, signature+call.String())
		}
		return all
	}
	if !reflect.DeepEqual(sequence(1), sequence(1)) {
		t.Error("one seed makes two sequences")
	}
	if reflect.DeepEqual(sequence(1), sequence(2)) {
		t.Error("two seeds make one sequence")
	}
}

func TestValuesHaveTheSignatureAndCanBeSent(t *testing.T) {
	t.Parallel()
	g := testGenerator(t, 1)
	for _, signature := range append([]string{"", "sa{sv}", "oa{sv}", "a{sv}", "sss(sv)a{us}"}, signatures...) {
		for range 40 {
			values, err := g.Values(signature)
			if err != nil {
				t.Fatal(err)
			}
			call := Call{Destination: "a.b", Path: "/a", Interface: "a.b", Member: "C", Args: values, BigEndian: g.chance(50)}
			if got := call.Signature(); got != signature {
				t.Fatalf("values for %q have the signature %q", signature, got)
			}
			if _, _, err := call.encode(); err != nil {
				t.Fatalf("%s cannot be sent: %v", &call, err)
			}
		}
	}
}

func TestAWrongSignatureIsAnError(t *testing.T) {
	t.Parallel()
	for _, signature := range []string{"a", "(", "z", "a{s}"} {
		if values, err := testGenerator(t, 1).Values(signature); err == nil {
			t.Errorf("%q: %v", signature, values)
		}
	}
}

func TestEveryWordOfTheDictionaryGetsPastTheBus(t *testing.T) {
	t.Parallel()
	for _, word := range append(append(words, documents...), inner...) {
		call := Call{Destination: "a.b", Path: "/a", Interface: "a.b", Member: "C", Args: []any{word}}
		if _, _, err := call.encode(); err != nil {
			t.Errorf("%.50q: %v", word, err)
		}
	}
	for _, path := range paths {
		if !path.IsValid() {
			t.Errorf("%.50s is no path", path)
		}
	}
	for _, filler := range fillers {
		if len(filler) != 4 {
			t.Errorf("%q has %d bytes", filler, len(filler))
		}
	}
}

func TestTextsAreMostlyShortAndAtTimesAMebibyte(t *testing.T) {
	t.Parallel()
	g := testGenerator(t, 1)
	short, long := 0, 0
	for range 5000 {
		values, err := g.Values("s")
		if err != nil {
			t.Fatal(err)
		}
		switch n := len(values[0].(string)); {
		case n <= 2<<10:
			short++
		case n >= 1<<20:
			long++
		}
	}
	if short < 4000 || long == 0 {
		t.Errorf("%d short ones and %d long ones", short, long)
	}
}

func TestOptionsAreKnownAndUnknownOfRightAndWrongType(t *testing.T) {
	t.Parallel()
	g := testGenerator(t, 1)
	seen := map[string]bool{}
	for range 500 {
		g.refill()
		options := g.options(map[string]string{"wait": "b", "timeout": "u"})
		seen["none"] = seen["none"] || len(options) == 0
		for key, value := range options {
			switch {
			case key != "wait" && key != "timeout":
				seen["unknown"] = true
			case (value.Signature().String() == "b") == (key == "wait"):
				seen["right"] = true
			default:
				seen["wrong"] = true
			}
		}
	}
	if len(seen) != 4 {
		t.Errorf("only %v", seen)
	}
}

func TestSpoiltMessagesAreSpoilt(t *testing.T) {
	t.Parallel()
	g := testGenerator(t, 1)
	frame := []byte(strings.Repeat("abcdefgh", 10))
	different := 0
	for range 100 {
		if !bytes.Equal(g.spoil(frame), frame) {
			different++
		}
	}
	if different < 90 || string(frame) != strings.Repeat("abcdefgh", 10) {
		t.Errorf("%d of 100 are different, the first is now %q", different, frame)
	}
}
