package model

import "time"

// GuestInfo is what a guest's agent says about the guest. What it does not say
// is empty.
type GuestInfo struct {
	OSID          string            `wire:"os-id"`      // as in os-release: debian, mswindows
	OSName        string            `wire:"os-name"`    // for people: Debian GNU/Linux 13 (trixie)
	OSVersion     string            `wire:"os-version"` // for people: 13 (trixie)
	KernelRelease string            `wire:"kernel-release"`
	KernelVersion string            `wire:"kernel-version"`
	Machine       string            `wire:"machine"` // x86_64
	Hostname      string            `wire:"hostname"`
	TimeZone      string            `wire:"time-zone"` // CET
	UTCOffset     int32             `wire:"utc-offset"`
	Users         []GuestUser       `wire:"users"`
	Filesystems   []GuestFilesystem `wire:"filesystems"`
	Interfaces    []GuestInterface  `wire:"interfaces"`
}

// GuestUser is somebody who is logged in.
type GuestUser struct {
	Name    string    `wire:"name"`
	Domain  string    `wire:"domain"` // Windows
	LoginAt time.Time `wire:"login-time"`
}

// GuestFilesystem is a file system that the guest has mounted.
type GuestFilesystem struct {
	MountPoint string `wire:"mount-point"`
	Name       string `wire:"name"` // the device: vda1
	Type       string `wire:"type"` // ext4
	Total      uint64 `wire:"total"`
	Used       uint64 `wire:"used"`
}

// GuestInterface is a network interface as the guest sees it.
type GuestInterface struct {
	Name        string   `wire:"name"` // eth0
	MAC         string   `wire:"mac"`
	IPAddresses []string `wire:"ip-addresses"`
}
