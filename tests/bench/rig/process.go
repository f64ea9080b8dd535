package rig

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Process is a process of the system, by its PID.
type Process int

func (p Process) file(name string) string {
	return filepath.Join("/proc", strconv.Itoa(int(p)), name)
}

// cpuClock is the clock of a process's CPU time, as clock_getcpuclockid(3)
// makes it of a PID: it counts nanoseconds of all threads, also of those that
// have ended, where /proc/PID/stat counts ticks of 10 ms.
func (p Process) cpuClock() int32 { return ^int32(p)<<3 | 2 }

// CPU is the CPU time that the process has used.
func (p Process) CPU() (time.Duration, error) {
	var used unix.Timespec
	if err := unix.ClockGettime(p.cpuClock(), &used); err != nil {
		return 0, fmt.Errorf("cannot read the CPU time of %d: %w", p, err)
	}
	return time.Duration(used.Nano()), nil
}

// Memory is the process's proportional share of memory, in bytes: all of it,
// and the part that no file stands behind.
func (p Process) Memory() (pss, anonymous uint64, err error) {
	text, err := os.ReadFile(p.file("smaps_rollup"))
	if err != nil {
		return 0, 0, fmt.Errorf("cannot read the memory of %d: %w", p, err)
	}
	return kilobytes(text, "Pss:"), kilobytes(text, "Pss_Anon:"), nil
}

// RSS is the memory that the process has, shared or not, in bytes.
func (p Process) RSS() (uint64, error) {
	text, err := os.ReadFile(p.file("status"))
	if err != nil {
		return 0, fmt.Errorf("cannot read the memory of %d: %w", p, err)
	}
	return kilobytes(text, "VmRSS:"), nil
}

// kilobytes finds a line such as "Pss:  123 kB", as bytes.
func kilobytes(text []byte, key string) uint64 {
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) >= 2 && fields[0] == key {
			n, _ := strconv.ParseUint(fields[1], 10, 64)
			return n << 10
		}
	}
	return 0
}

// Descriptors is how many files the process has open.
func (p Process) Descriptors() (int, error) {
	entries, err := os.ReadDir(p.file("fd"))
	return len(entries), err
}

// Started tells a process from a later one with the same PID: its start time in
// ticks since boot.
func (p Process) Started() (string, error) {
	text, err := os.ReadFile(p.file("stat"))
	if err != nil {
		return "", err
	}
	// The name in parentheses may hold anything; 20 fields follow until this.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 20 {
		return "", fmt.Errorf("cannot read the start time of %d", p)
	}
	return fields[19], nil
}

// Kill sends a signal.
func (p Process) Kill(signal unix.Signal) error { return unix.Kill(int(p), signal) }

// AwaitEnd waits until the process is gone.
func (p Process) AwaitEnd(ctx context.Context) error {
	return Poll(ctx, func() error {
		if unix.Kill(int(p), 0) == nil && !p.zombie() {
			return fmt.Errorf("process %d is still there", p)
		}
		return nil
	})
}

// zombie says whether the process has ended and nobody has noticed.
func (p Process) zombie() bool {
	text, err := os.ReadFile(p.file("stat"))
	return err == nil && strings.HasPrefix(string(text[bytes.LastIndexByte(text, ')')+1:]), " Z")
}

// QEMU is the process of a VM that runs.
func (v VM) QEMU() (Process, error) {
	text, err := os.ReadFile("/run/libvirt/qemu/" + v.Name() + ".pid")
	if err != nil {
		return 0, err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	return Process(pid), err
}
