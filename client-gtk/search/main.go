// Kvm-manager-search finds virtual machines for GNOME Shell's search. It is a
// program of its own, without GTK: the bus starts it when somebody searches, and
// it ends when nobody has for a while.
package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"time"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/client-gtk/i18n"
	"org.kvmmanager/internal/client"
)

const (
	name  = "org.kvmmanager.Client.SearchProvider"
	path  = dbus.ObjectPath("/org/kvmmanager/Client/SearchProvider")
	iface = "org.gnome.Shell.SearchProvider2"
	// unused is after how long without a search the program ends.
	unused = time.Minute
)

// Set at build time.
var localedir = ""

func main() {
	i18n.Init(localedir)
	if err := run(); err != nil {
		slog.Error("searching is not possible", "error", err)
		os.Exit(1)
	}
}

func run() error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	session, err := dbus.ConnectSessionBus(dbus.WithContext(ctx))
	if err != nil {
		return err
	}
	defer session.Close()
	service, err := client.Connect(ctx, client.Options{})
	if err != nil {
		return err
	}
	defer service.Close()
	p := &provider{service: service, session: session, used: make(chan struct{}, 1)}
	// All of it before the name is there: godbus cannot export while it serves.
	if err := session.Export(p, path, iface); err != nil {
		return err
	}
	reply, err := session.RequestName(name, dbus.NameFlagDoNotQueue)
	if err != nil {
		return err
	}
	if reply != dbus.RequestNameReplyPrimaryOwner {
		return errors.New("another program answers searches already")
	}
	return p.serve(ctx)
}

// serve waits until nobody searches any more, or the session has ended.
func (p *provider) serve(ctx context.Context) error {
	for {
		select {
		case <-p.used:
		case <-time.After(unused):
			return nil
		case <-p.session.Context().Done():
			return ctx.Err()
		}
	}
}
