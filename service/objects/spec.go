package objects

import (
	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/wire"
)

// decodeSpec reads what a caller specifies, and refuses every text in it that
// its key cannot have.
func decodeSpec(values map[string]dbus.Variant, into any) error {
	if err := wire.DecodeSpec(values, into); err != nil {
		return err
	}
	return invalid(model.ValidateSpecTexts(into))
}
