package main

import (
	"strings"
	"testing"
	"time"
)

func TestStartIsComparedPairByPair(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ours, virsh []float64
		pass        bool
	}{
		"as fast":                               {[]float64{100, 900, 400}, []float64{100, 900, 400}, true},
		"20 ms more than a quick one":           {[]float64{70, 72, 69}, []float64{50, 52, 49}, true},
		"21 ms more than a quick one":           {[]float64{71, 73, 70}, []float64{50, 52, 49}, false},
		"10 % more than a slow one":             {[]float64{1100, 1100, 1100}, []float64{1000, 1000, 1000}, true},
		"11 % more than a slow one":             {[]float64{1110, 1110, 1110}, []float64{1000, 1000, 1000}, false},
		"slow together, in one pair of several": {[]float64{110, 5010, 108}, []float64{100, 5000, 100}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if r := overVirsh("start", c.ours, c.virsh); *r.Pass != c.pass {
				t.Errorf("got %v: %s", *r.Pass, r.Note)
			}
		})
	}
}

func TestLatencyCountsFromLibvirtsEvent(t *testing.T) {
	t.Parallel()
	event := time.Now()
	at := func(ms float64) time.Time { return event.Add(time.Duration(ms * float64(time.Millisecond))) }
	quick := sighting{returned: at(1), libvirt: at(0), ours: at(2), peer: at(0.5)}
	slow := sighting{returned: at(1), libvirt: at(0), ours: at(20), peer: at(0.5)}
	many := func(n int, s sighting) []sighting {
		var list []sighting
		for range n {
			list = append(list, s)
		}
		return list
	}
	r := latency("change", many(200, quick))
	if !*r.Pass || r.Ours.Median != 2 || r.Peer.Median != 0.5 || !strings.Contains(r.Note, "median 1.00") {
		t.Errorf("got %+v", r)
	}
	if r := latency("change", append(many(190, quick), many(10, slow)...)); *r.Pass {
		t.Errorf("one change of twenty may not be slow: %+v", r)
	}
}
