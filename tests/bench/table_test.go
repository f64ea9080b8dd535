package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestTheTableShowsFiguresPeersAndVerdicts(t *testing.T) {
	t.Parallel()
	rows := []result{
		figure("loading", "ms", 1, 2, 3).beside("libvirt-dbus", 20, 40, 60).bar("≥ 10×", true),
		figure("waiting", "ms", 250).bar("< 100", false).note("the disk was %s", "full"),
		figure("shown only", "MB", 12.34),
		figure("restarts", "", 20).problems([]string{"a VM was touched"}),
	}
	for i := range rows {
		rows[i].Line = "line"
	}
	var out bytes.Buffer
	if err := writeTable(&out, rows); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"2.00 (1.00–3.00)", "libvirt-dbus 40.0 (20.0–60.0)", "20.0×", "≥ 10×", "pass\n", "MISS\n", "12.3 ",
		"line, waiting: the disk was full\n", "line, restarts: PROBLEM: a VM was touched\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, out.String())
		}
	}
	if n := strings.Count(out.String(), "MISS"); n != 2 {
		t.Errorf("%d rows miss, want 2", n)
	}
}

func TestProgramsReadTheSameFigures(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := writeJSON(&out, []result{figure("loading", "ms", 1, 2, 3).bar("< 5", true)}); err != nil {
		t.Fatal(err)
	}
	var rows []map[string]any
	if err := json.Unmarshal(out.Bytes(), &rows); err != nil {
		t.Fatal(err)
	}
	if rows[0]["pass"] != true || rows[0]["ours"].(map[string]any)["median"] != 2.0 || rows[0]["unit"] != "ms" {
		t.Errorf("got %v", rows)
	}
}

func TestRanges(t *testing.T) {
	t.Parallel()
	many := make([]float64, 0, 100)
	for i := range 100 {
		many = append(many, float64(i))
	}
	for want, values := range map[string][]float64{
		"-":                          nil,
		"0.50":                       {0.5},
		"150 (100–200)":              {100, 200},
		"49.5 (9.90–89.1, max 99.0)": many,
	} {
		if got := spread(figure("", "", values...).Ours); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestUnits(t *testing.T) {
	t.Parallel()
	if got := inMS([]time.Duration{time.Millisecond, 1500 * time.Microsecond}); got[0] != 1 || got[1] != 1.5 {
		t.Errorf("got %v", got)
	}
	if got := megabytes(1_500_000); got != 1.5 {
		t.Errorf("got %v", got)
	}
}
