package main

import (
	"strings"
	"testing"
)

func TestLinesAreChosenByName(t *testing.T) {
	t.Parallel()
	all, err := choose(nil)
	if err != nil || len(all) != len(lines) {
		t.Errorf("%d lines, %v", len(all), err)
	}
	chosen, err := choose([]string{"load", "idle"})
	if err != nil || len(chosen) != 2 || chosen[0].name != "load" || chosen[1].name != "idle" {
		t.Errorf("chose %v, %v", chosen, err)
	}
	if _, err := choose([]string{"speed"}); err == nil || !strings.Contains(err.Error(), "start-wait") {
		t.Errorf("an unknown name gives %v", err)
	}
}

func TestEveryLineHasANameOfItsOwn(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, l := range lines {
		if seen[l.name] || l.name == "" {
			t.Errorf("%q is there twice", l.name)
		}
		seen[l.name] = true
	}
}
