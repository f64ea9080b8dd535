package journal

import "log/slog"

// ID marks the journal entries of one kind of event (MESSAGE_ID=), so that
// programs find them and the catalog explains them.
type ID string

// The kinds of events. systemd/kvmmanager.catalog has a text for each.
const (
	ServiceStarted       ID = "759c1fe0b81440d080be71d6c047f426" // the service offers its objects on the bus
	HostConnected        ID = "fed6b68639cc4a15bf6d09c3ff13d8a6" // a host's hypervisor can be reached
	HostDisconnected     ID = "574499b660e442bfb66b175afe81109b" // a host's hypervisor cannot be reached any more
	ConfigurationProblem ID = "6662e453e2e74400b7846f4f79028c00" // a part of the configuration is not used
	AuthorizedChange     ID = "3a1931564c91452bb91355db0ac7690f" // audit: somebody changed something, or tried to and could
	ChangeRefused        ID = "d81d6435cee640aea8c7f4ebfd9689a3" // audit: somebody was not allowed to change something
	VMCrashed            ID = "5038b80b619d4e3ca796e435c4b01de5" // a VM ended by itself, and not well
	InternalError        ID = "5f6680bdafad4d84840689b0225d9902" // the service made a mistake
)

// IDs is every kind of event.
func IDs() []ID {
	return []ID{
		ServiceStarted, HostConnected, HostDisconnected, ConfigurationProblem,
		AuthorizedChange, ChangeRefused, VMCrashed, InternalError,
	}
}

// messageIDKey is the attribute, and the journal's field, of an ID.
const messageIDKey = "MESSAGE_ID"

// MessageID is the attribute that gives an entry its kind.
func MessageID(id ID) slog.Attr { return slog.String(messageIDKey, string(id)) }
