package stats

import (
	"slices"
	"testing"
)

func TestSummaries(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		values []float64
		want   Summary
	}{
		"of nothing is zero":             {nil, Summary{}},
		"of one value is that value":     {[]float64{7}, Summary{1, 7, 7, 7, 7, 7, 7}},
		"of an even number lie between":  {[]float64{4, 2}, Summary{2, 2, 2.2, 3, 3.8, 3.98, 4}},
		"of an odd number hit the value": {[]float64{5, 1, 3}, Summary{3, 1, 1.4, 3, 4.6, 4.96, 5}},
		"of equal values are those":      {[]float64{2, 2, 2, 2}, Summary{4, 2, 2, 2, 2, 2, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := Of(c.values); !near(got, c.want) {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func near(a, b Summary) bool {
	list := func(s Summary) []float64 {
		return []float64{float64(s.N), s.Min, s.P10, s.Median, s.P90, s.P99, s.Max}
	}
	return slices.EqualFunc(list(a), list(b), func(x, y float64) bool { return x-y < 1e-9 && y-x < 1e-9 })
}

func TestTheValuesKeepTheirOrder(t *testing.T) {
	t.Parallel()
	values := []float64{3, 1, 2}
	Of(values)
	if !slices.Equal(values, []float64{3, 1, 2}) {
		t.Errorf("the values are %v now", values)
	}
}

func TestQuantilesGrowWithTheirShare(t *testing.T) {
	t.Parallel()
	values := make([]float64, 0, 101)
	for i := range 101 {
		values = append(values, float64(100-i))
	}
	want := Summary{101, 0, 10, 50, 90, 99, 100}
	if got := Of(values); !near(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
