package busfuzz

import (
	"context"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/testutil/bustest"
)

func TestIntrospectionTellsWhatThereIsToCall(t *testing.T) {
	t.Parallel()
	target, children, err := parse("/a", `<node><interface name="x.Y"><method name="M"><arg name="one" type="s" direction="in"/>
<arg name="two" type="a{sv}"/><arg name="out" type="h" direction="out"/></method><method name="N"/><property name="P" type="u" access="read"/>
</interface><node name="b"/><node name="c"/></node>`)
	want := Target{Path: "/a", Interfaces: []Interface{{
		Name: "x.Y", Methods: []Method{{"M", "sa{sv}", []string{"one", "two"}}, {Name: "N"}}, Properties: []string{"P"},
	}}}
	if err != nil || !reflect.DeepEqual(target, want) || !reflect.DeepEqual(children, []dbus.ObjectPath{"/a/b", "/a/c"}) {
		t.Errorf("%+v, %v, %v", target, children, err)
	}
	if _, children, _ := parse("/", `<node><node name="org"/></node>`); !reflect.DeepEqual(children, []dbus.ObjectPath{"/org"}) {
		t.Errorf("below / is %v", children)
	}
	if _, _, err := parse("/", "<node>"); err == nil {
		t.Error("half a document is taken")
	}
}

func TestASurveyOfSomeHostsLeavesOutTheOthers(t *testing.T) {
	t.Parallel()
	s := &Survey{
		Targets:    []Target{{Path: "/root"}, {Path: "/hosts/a"}, {Path: "/hosts/b"}, {Path: "/vms/a1"}, {Path: "/vms/b1"}, {Path: "/vms/b1/snapshots/s"}},
		Vocabulary: Vocabulary{Words: []string{"b1"}, Paths: []dbus.ObjectPath{"/root", "/vms/a1", "/vms/b1"}},
		hosts: map[dbus.ObjectPath]dbus.ObjectPath{
			"/hosts/a": "/hosts/a", "/hosts/b": "/hosts/b", "/vms/a1": "/hosts/a", "/vms/b1": "/hosts/b",
		},
	}
	only := s.only([]dbus.ObjectPath{"/hosts/a"})
	if want := []Target{{Path: "/root"}, {Path: "/hosts/a"}, {Path: "/vms/a1"}}; !reflect.DeepEqual(only.Targets, want) {
		t.Errorf("targets: %v", only.Targets)
	}
	if want := []dbus.ObjectPath{"/root", "/vms/a1"}; !reflect.DeepEqual(only.Vocabulary.Paths, want) {
		t.Errorf("paths: %v", only.Vocabulary.Paths)
	}
	if len(s.Targets) != 6 || len(s.Vocabulary.Paths) != 3 || s.only(nil) != s {
		t.Error("the survey itself was changed")
	}
}

func TestViolationsOfOneKindAreOneAndManyEndTheRun(t *testing.T) {
	t.Parallel()
	ended := false
	r := newReport(1, func() { ended = true })
	for range 100 {
		r.violation("bob", "first", errors.New("the message is too long: a"))
	}
	if len(r.Violations) != 1 || r.Violations[0].Times != 100 || ended {
		t.Errorf("%v, ended: %v", r.Violations, ended)
	}
	for n := range maxViolations {
		r.violation("bob", "", errors.New(strings.Repeat("x", n+1)))
	}
	if !ended {
		t.Error("the run goes on")
	}
	r.Elapsed = time.Second
	r.count("bob", "success")
	var text strings.Builder
	r.Print(&text)
	for _, want := range []string{"seed 1: 1 calls", "bob:", "success", "VIOLATION: the message is too long: a (100 times, as bob)\n\tfirst"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is missing in %s", want, &text)
		}
	}
}

func TestGrowthIsNoticed(t *testing.T) {
	t.Parallel()
	before := Usage{Descriptors: 10, Threads: 5, Goroutines: 20, Bytes: 1 << 20}
	may := Growth{Descriptors: 1, Bytes: 1 << 20}
	for name, tt := range map[string]struct {
		now Usage
		ok  bool
	}{
		"the same":      {before, true},
		"a little more": {Usage{11, 5, 20, 2 << 20}, true},
		"descriptors":   {Usage{12, 5, 20, 1 << 20}, false},
		"threads":       {Usage{10, 6, 20, 1 << 20}, false},
		"goroutines":    {Usage{10, 5, 21, 1 << 20}, false},
		"memory":        {Usage{10, 5, 20, 3 << 20}, false},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // one look
		if err := Settle(ctx, before, may, func() (Usage, error) { return tt.now, nil }); (err == nil) != tt.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAProcessCanBeMeasured(t *testing.T) {
	t.Parallel()
	u, err := ProcessUsage(os.Getpid())
	if err != nil || u.Descriptors < 3 || u.Threads < 1 || u.Bytes < 1<<20 {
		t.Errorf("%s, %v", u, err)
	}
	if _, err := ProcessUsage(-1); err == nil {
		t.Error("there is no such process")
	}
}

func TestConnectingAsAnotherUser(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can be several users")
	}
	b := bustest.Start(t)
	for _, uid := range []int{1, 0, 2} {
		c, err := dial(b.Address, uid)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.close() })
		names := Call{Destination: daemonName, Path: daemonPath, Interface: daemonName, Member: "ListNames"}
		answer, err := c.ask(&names)
		if err != nil {
			t.Fatal(err)
		}
		all := answer.Body[0].([]string)
		answer, err = c.ask(&Call{
			Destination: daemonName, Path: daemonPath, Interface: daemonName, Member: "GetConnectionCredentials", Args: []any{all[len(all)-1]},
		})
		if err != nil {
			t.Fatal(err)
		}
		if credentials, ok := answer.Body[0].(map[string]dbus.Variant); !ok || credentials["UnixUserID"].Value() != uint32(uid) {
			t.Errorf("as %d: %v", uid, answer.Body)
		}
	}
	if os.Geteuid() != 0 {
		t.Error("the process is somebody else now")
	}
}

func TestAnAddressMustBeASocketsPath(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", "tcp:host=a", "unix:abstract=a", "unix:path=/nowhere"} {
		if c, err := dial(address, os.Geteuid()); err == nil {
			_ = c.close()
			t.Errorf("%q is taken", address)
		}
	}
}
