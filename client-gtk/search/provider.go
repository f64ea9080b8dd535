package main

import (
	"context"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/client-gtk/i18n"
	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/model"
)

// patience is for how long a search waits for the service.
const patience = 5 * time.Second

// provider is org.gnome.Shell.SearchProvider2. A result's id is the object path
// of its VM.
type provider struct {
	service *client.Client
	session *dbus.Conn
	used    chan struct{}
}

var words = store.Words{Translate: i18n.T}

// ready waits for the service; without it nothing is found.
func (p *provider) ready() bool {
	select {
	case p.used <- struct{}{}:
	default:
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return p.service.AwaitReady(ctx) == nil
}

// GetInitialResultSet finds the VMs that match all terms, as the client's own
// search does.
func (p *provider) GetInitialResultSet(terms []string) ([]string, *dbus.Error) {
	found := []string{}
	if !p.ready() {
		return found, nil
	}
	var all client.Batch
	for _, vm := range p.service.VMs() {
		all.VMs = append(all.VMs, client.Change[model.VM]{New: vm})
	}
	list := store.NewList(store.Filter{Text: strings.Join(terms, " ")}, store.Order{})
	list.Take(&all)
	for i := range list.Len() {
		found = append(found, string(list.Row(i).Path()))
	}
	return found, nil
}

// GetSubsearchResultSet is called when a term grows.
func (p *provider) GetSubsearchResultSet(_, terms []string) ([]string, *dbus.Error) {
	return p.GetInitialResultSet(terms)
}

// GetResultMetas says what to show of results. GNOME Shell takes all or nothing, so
// that a VM that went meanwhile has to have something, too.
func (p *provider) GetResultMetas(ids []string) ([]map[string]dbus.Variant, *dbus.Error) {
	metas := []map[string]dbus.Variant{}
	if !p.ready() {
		return metas, nil
	}
	for _, id := range ids {
		vm := p.service.VM(model.Path(id))
		if vm == nil {
			metas = append(metas, map[string]dbus.Variant{"id": dbus.MakeVariant(id), "name": dbus.MakeVariant(id[strings.LastIndex(id, "/")+1:])})
			continue
		}
		metas = append(metas, map[string]dbus.Variant{
			"id":          dbus.MakeVariant(id),
			"name":        dbus.MakeVariant(store.Title(vm)),
			"description": dbus.MakeVariant(describe(vm)),
			"gicon":       dbus.MakeVariant("org.kvmmanager.Client"),
		})
	}
	return metas, nil
}

func describe(vm *model.VM) string {
	return store.Join(append([]string{words.VMState(vm), vm.OSName}, vm.IPAddresses...)...)
}

// ActivateResult opens a VM's page in the client.
func (p *provider) ActivateResult(id string, _ []string, _ uint32) *dbus.Error {
	return p.tell("open", id)
}

// LaunchSearch opens the client with the same search.
func (p *provider) LaunchSearch(terms []string, _ uint32) *dbus.Error {
	return p.tell("search", strings.Join(terms, " "))
}

// tell calls one of the client's actions, and starts it if need be.
func (p *provider) tell(action, text string) *dbus.Error {
	p.ready()
	err := p.session.Object("org.kvmmanager.Client", "/org/kvmmanager/Client").Call(
		"org.freedesktop.Application.ActivateAction", 0, action, []dbus.Variant{dbus.MakeVariant(text)}, map[string]dbus.Variant{}).Err
	if err != nil {
		return dbus.MakeFailedError(err)
	}
	return nil
}
