// kvmmanagerd offers the VMs of libvirt hosts as objects on D-Bus.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"org.kvmmanager/service/daemon"
)

// version is set by the build.
var version = "unknown"

func main() {
	session := flag.Bool("session", false, "serve one user on the session bus, without polkit")
	config := flag.String("config", "", "read this `FILE` instead of the system's or the user's configuration")
	printVersion := flag.Bool("version", false, "print the version and exit")
	flag.Parse()
	switch {
	case *printVersion:
		fmt.Println("kvmmanagerd", version)
		return
	case flag.NArg() > 0:
		fmt.Fprintf(os.Stderr, "kvmmanagerd: unexpected argument %q\n", flag.Arg(0))
		os.Exit(2)
	}
	err := daemon.Run(context.Background(), daemon.Options{Session: *session, ConfigFile: *config, Version: version})
	if err != nil {
		fmt.Fprintln(os.Stderr, "kvmmanagerd:", err)
		os.Exit(1)
	}
}
