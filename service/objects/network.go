package objects

import (
	"context"

	"org.kvmmanager/internal/errs"
)

func networkMethods() map[string]*method {
	return map[string]*method{
		"Start": {
			action: actionNetwork, message: ask("Authentication is required to start a virtual network."), run: (*request).startNetwork,
		},
	}
}

func (r *request) startNetwork(ctx context.Context) ([]any, error) {
	if r.network.Active {
		return nil, errs.New(errs.InvalidState, "The network “%s” is active already.", r.network.Name)
	}
	conn, err := r.conn()
	if err != nil {
		return nil, err
	}
	if err := conn.StartNetwork(ctx, r.network.UUID); err != nil {
		return nil, err
	}
	return nil, r.host.RefreshNetwork(ctx, r.network.UUID)
}
