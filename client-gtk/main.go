// Kvm-manager is the GTK client of KVM Manager.
package main

import (
	"os"

	"org.kvmmanager/client-gtk/app"
)

// Set at build time.
var (
	version   = "devel"
	localedir = ""
)

func main() {
	os.Exit(app.Run(os.Args, app.Options{Version: version, LocaleDir: localedir}))
}
