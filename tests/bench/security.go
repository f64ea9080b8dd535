package main

import (
	"context"
	"fmt"
	"regexp"
	"strconv"

	"org.kvmmanager/tests/bench/rig"
)

// exposure is what systemd-analyze says in the end, such as "Overall exposure
// level for kvmmanagerd.service: 1.9 OK".
var exposure = regexp.MustCompile(`exposure level for \S+: ([0-9.]+)`)

// security asks systemd how exposed the unit is.
func (b *bench) security(ctx context.Context) ([]result, error) {
	out, err := rig.Run(ctx, "systemd-analyze", "security", "--no-pager", rig.ServiceUnit)
	if err != nil {
		return nil, err
	}
	level, err := exposureIn(out)
	if err != nil {
		return nil, err
	}
	return []result{figure("systemd-analyze security", "of 10", level).bar("≤ 2.5", level <= 2.5)}, nil
}

func exposureIn(text string) (float64, error) {
	found := exposure.FindStringSubmatch(text)
	if found == nil {
		return 0, fmt.Errorf("cannot find the exposure level in what systemd-analyze says: %q", text)
	}
	return strconv.ParseFloat(found[1], 64)
}
