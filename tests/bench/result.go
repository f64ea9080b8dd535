package main

import (
	"fmt"
	"strings"
	"time"

	"org.kvmmanager/tests/bench/stats"
)

// result is one row of the table: a figure of the service, the same of a peer
// if there is one, and the bar.
type result struct {
	Line   string         `json:"line"`
	What   string         `json:"what"`
	Unit   string         `json:"unit"`
	Ours   stats.Summary  `json:"ours"`
	Peer   *stats.Summary `json:"peer,omitempty"`
	PeerIs string         `json:"peer_is,omitempty"`
	Bar    string         `json:"bar,omitempty"`
	// Pass is nil for a figure without a bar.
	Pass *bool    `json:"pass,omitempty"`
	Note string   `json:"note,omitempty"`
	Bad  []string `json:"problems,omitempty"`
}

// figure starts a row of values in a unit.
func figure(what, unit string, values ...float64) result {
	return result{What: what, Unit: unit, Ours: stats.Of(values)}
}

// beside adds the same figure of somebody else.
func (r result) beside(who string, values ...float64) result {
	summary := stats.Of(values)
	r.Peer, r.PeerIs = &summary, who
	return r
}

// bar adds what is expected, and whether it is so.
func (r result) bar(text string, pass bool) result {
	r.Bar, r.Pass = text, &pass
	return r
}

// note adds a remark.
func (r result) note(format string, args ...any) result {
	r.Note = fmt.Sprintf(format, args...)
	return r
}

// problems adds what was wrong; there must be nothing.
func (r result) problems(bad []string) result {
	r.Bad = bad
	if len(bad) > 0 {
		no := false
		r.Pass = &no
	}
	return r
}

// ratio is how many times as much the peer needs, zero when nobody knows.
func (r result) ratio() float64 {
	if r.Peer == nil || r.Ours.Median == 0 {
		return 0
	}
	return r.Peer.Median / r.Ours.Median
}

// verdict is a word for the last column.
func (r result) verdict() string {
	switch {
	case r.Pass == nil:
		return ""
	case *r.Pass:
		return "pass"
	default:
		return "MISS"
	}
}

// ms is a duration in milliseconds.
func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// inMS is durations in milliseconds.
func inMS(list []time.Duration) []float64 {
	values := make([]float64, len(list))
	for i, d := range list {
		values[i] = ms(d)
	}
	return values
}

// megabytes is bytes in MB.
func megabytes(n uint64) float64 { return float64(n) / 1e6 }

// short prints a value with about three digits.
func short(v float64) string {
	digits := 2
	switch {
	case v >= 100 || v <= -100 || v == 0:
		digits = 0
	case v >= 10 || v <= -10:
		digits = 1
	}
	return fmt.Sprintf("%.*f", digits, v)
}

// spread prints a summary: the median, and the range when there is one.
func spread(s stats.Summary) string {
	switch {
	case s.N == 0:
		return "-"
	case s.N == 1:
		return short(s.Median)
	case s.N < 20:
		return fmt.Sprintf("%s (%s–%s)", short(s.Median), short(s.Min), short(s.Max))
	default:
		return strings.Join([]string{short(s.Median), " (", short(s.P10), "–", short(s.P90), ", max ", short(s.Max), ")"}, "")
	}
}
