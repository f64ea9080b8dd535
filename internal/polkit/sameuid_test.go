package polkit

import (
	"maps"
	"testing"
)

var _, _ Checker = (*Authority)(nil), (*SameUID)(nil)

func TestSameUID(t *testing.T) {
	t.Parallel()
	mine := NewSameUID()
	for name, test := range map[string]struct {
		caller Caller
		want   Permission
	}{
		"the service's own user may do everything": {Caller{":1.1", mine.uid}, Yes},
		"another user may do nothing":              {Caller{":1.1", mine.uid + 1}, No},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result, err := mine.Check(t.Context(), test.caller, action, nil, true)
			if err != nil || result.Permission() != test.want {
				t.Errorf("got %+v, %v, want %s", result, err, test.want)
			}
			want := map[string]Permission{"a": test.want, "b": test.want}
			got, err := mine.Permissions(t.Context(), test.caller, []string{"a", "b"}, nil)
			if err != nil || !maps.Equal(got, want) {
				t.Errorf("got %v, %v, want %v", got, err, want)
			}
		})
	}
}
