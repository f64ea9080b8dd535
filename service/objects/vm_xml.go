package objects

import (
	"context"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/inventory"
)

func (r *request) getXML(ctx context.Context) ([]any, error) {
	if r.options.flag("inactive") && !r.vm.Persistent {
		return nil, errs.New(errs.InvalidState, "“%s” exists only while it runs, and has no stored configuration.", r.vm.Name)
	}
	conn, err := r.conn()
	if err != nil {
		return nil, err
	}
	xml, err := conn.XML(ctx, r.vm.UUID, r.options.flag("inactive"), r.options.flag("secrets"))
	if err != nil {
		return nil, err
	}
	return []any{model.EscapeXML(xml)}, nil
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
