package polkit

import (
	"maps"
	"testing"

	"org.kvmmanager/internal/testutil/bustest"
)

var _, _ Checker = (*Authority)(nil), (*SameUID)(nil)

func TestSameUID(t *testing.T) {
	t.Parallel()
	bus := bustest.Start(t)
	caller := bus.Connect(t).Names()[0]
	mine, foreign := NewSameUID(bus.Connect(t)), NewSameUID(bus.Connect(t))
	foreign.uid++ // a service that runs as somebody else
	tests := map[string]struct {
		checker *SameUID
		want    Permission
	}{
		"the service's own user may do everything": {mine, Yes},
		"another user may do nothing":              {foreign, No},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result, err := test.checker.Check(deadline(t), caller, action, nil, true)
			if err != nil || result.Permission() != test.want {
				t.Errorf("got %+v, %v, want %s", result, err, test.want)
			}
			want := map[string]Permission{"a": test.want, "b": test.want}
			got, err := test.checker.Permissions(deadline(t), caller, []string{"a", "b"}, nil)
			if err != nil || !maps.Equal(got, want) {
				t.Errorf("got %v, %v, want %v", got, err, want)
			}
		})
	}
}

func TestSameUIDRefusesACallerThatIsGone(t *testing.T) {
	t.Parallel()
	bus := bustest.Start(t)
	checker := NewSameUID(bus.Connect(t))
	result, err := checker.Check(deadline(t), ":1.4711", action, nil, false)
	if result.Authorized || err == nil {
		t.Errorf("got %+v, %v, want an error", result, err)
	}
	if _, err := checker.Permissions(deadline(t), ":1.4711", []string{action}, nil); err == nil {
		t.Error("permissions for a caller that is gone")
	}
}
