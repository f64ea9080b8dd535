package objects

import (
	"context"
	"errors"
	"time"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/wire"
	"org.kvmmanager/service/inventory"
)

// guestPatience bounds how long a caller waits for what a guest says.
const guestPatience = 15 * time.Second

func guestMethods() map[string]*method {
	guest := func(message string, run runFunc, options map[string]string) *method {
		return &method{action: actionGuest, message: message, options: options, run: run}
	}
	return map[string]*method{
		"FreezeFilesystems": guest(ask("Authentication is required to freeze the file systems of “$(vm.name)”."), (*request).freeze, jobOptions()),
		"GetInfo":           repeatedly(guest(ask("Authentication is required to ask the guest of “$(vm.name)” about itself."), (*request).guestInfo, nil)),
		"ThawFilesystems":   guest(ask("Authentication is required to thaw the file systems of “$(vm.name)”."), (*request).thaw, jobOptions()),
		"TrimFilesystems":   guest(ask("Authentication is required to trim the file systems of “$(vm.name)”."), (*request).trim, jobOptions()),
	}
}

func (r *request) freeze(ctx context.Context) ([]any, error) {
	return r.guestJob(ctx, "freeze-filesystems", inventory.Conn.FreezeFilesystems)
}

// guestInfo is waited for no longer than a person would.
func (r *request) guestInfo(ctx context.Context) ([]any, error) {
	if err := r.needAgent(); err != nil {
		return nil, err
	}
	conn, err := r.conn()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, guestPatience)
	defer cancel()
	info, err := conn.GuestInfo(ctx, r.vm.UUID)
	if errors.Is(err, context.DeadlineExceeded) {
		err = errs.Wrap(errs.GuestAgentUnavailable, err, "The guest agent did not answer in time.")
	}
	if err != nil {
		return nil, err
	}
	return []any{wire.Record(&info)}, nil
}

func (r *request) thaw(ctx context.Context) ([]any, error) {
	return r.guestJob(ctx, "thaw-filesystems", inventory.Conn.ThawFilesystems)
}

func (r *request) trim(ctx context.Context) ([]any, error) {
	return r.guestJob(ctx, "trim-filesystems", inventory.Conn.TrimFilesystems)
}

// guestJob asks the guest to do something that takes as long as it takes.
func (r *request) guestJob(ctx context.Context, operation string, do func(inventory.Conn, context.Context, string) error) ([]any, error) {
	if err := r.needAgent(); err != nil {
		return nil, err
	}
	return r.powerJob(ctx, operation, "", func(ctx context.Context, conn inventory.Conn, uuid string) error { return do(conn, ctx, uuid) })
}

// needAgent looks again: while a password was typed, the agent may have gone.
func (r *request) needAgent() error {
	if r.vm.GuestAgent == model.AgentConnected {
		return nil
	}
	return errs.New(errs.GuestAgentUnavailable, "The guest agent of “%s” is not connected.", r.vm.Name)
}
