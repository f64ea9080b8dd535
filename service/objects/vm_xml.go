package objects

import (
	"context"

	"org.kvmmanager/internal/domainxml"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/inventory"
)

// getXML returns a VM's definition, without what may hold secrets unless the
// caller has a right to that.
func (r *request) getXML(ctx context.Context) ([]any, error) {
	if r.options.flag("inactive") && !r.vm.Persistent {
		return nil, errs.New(errs.InvalidState, "“%s” exists only while it runs, and has no stored configuration.", r.vm.Name)
	}
	conn, err := r.conn()
	if err != nil {
		return nil, err
	}
	whole, err := r.mayReadWhole(ctx)
	if err != nil {
		return nil, err
	}
	xml, err := conn.XML(ctx, r.vm.UUID, r.options.flag("inactive"), r.options.flag("secrets"))
	if err == nil && !whole {
		xml, err = domainxml.Redact(xml)
	}
	if err != nil {
		return nil, err
	}
	return []any{model.EscapeXML(xml)}, nil
}

// mayReadWhole reports whether the caller may read all of the VM's definition:
// one who may change it or see its screen, and one who has just been allowed to
// read its passwords. It opens no dialog.
func (r *request) mayReadWhole(ctx context.Context) (bool, error) {
	if secretsAction(r) != open {
		return true, nil
	}
	for _, action := range []string{actionConfigure, actionConsole, actionEditXML} {
		result, err := r.service.authority.Check(ctx, r.caller(), action, r.details(action), false)
		if err != nil || result.Authorized {
			return err == nil, err
		}
	}
	return false, nil
}

func (r *request) setXML(ctx context.Context) ([]any, error) {
	return nil, r.change(ctx, func(conn inventory.Conn, uuid string) error {
		_, err := conn.DefineXML(ctx, r.text(0), uuid)
		return err
	})
}

// secretsAction asks for the right to read secrets if the caller wants them.
func secretsAction(r *request) string {
	if r.options.flag("secrets") {
		return actionSecrets
	}
	return open
}
