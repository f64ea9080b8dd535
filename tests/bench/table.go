package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
)

// writeTable prints the rows for people.
func writeTable(w io.Writer, rows []result) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "LINE\tWHAT\tUNIT\tKVMMANAGERD\tPEER\tRATIO\tBAR\t")
	line := ""
	for _, r := range rows {
		name := r.Line
		if name == line {
			name = ""
		}
		line = r.Line
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", name, r.What, r.Unit, spread(r.Ours), peer(r), ratio(r), r.Bar, r.verdict())
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w, "\nmedian (min–max), from 20 values on median (p10–p90, max)")
	for _, r := range rows {
		if r.Note != "" {
			fmt.Fprintf(w, "%s, %s: %s\n", r.Line, r.What, r.Note)
		}
		for _, bad := range r.Bad {
			fmt.Fprintf(w, "%s, %s: PROBLEM: %s\n", r.Line, r.What, bad)
		}
	}
	return nil
}

func peer(r result) string {
	if r.Peer == nil {
		return ""
	}
	return r.PeerIs + " " + spread(*r.Peer)
}

func ratio(r result) string {
	if r.ratio() == 0 {
		return ""
	}
	return short(r.ratio()) + "×"
}

// writeJSON prints the rows for programs.
func writeJSON(w io.Writer, rows []result) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(rows)
}
