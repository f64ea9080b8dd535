package polkittest

import (
	"github.com/godbus/dbus/v5"
)

// methods is the part of polkit's interface that the service uses.
type methods struct{ a *Authority }

type subject struct {
	Kind    string
	Details map[string]dbus.Variant
}

type result struct {
	Authorized, Challenge bool
	Details               map[string]string
}

// CheckAuthorization answers as the rules say.
func (m methods) CheckAuthorization(asker dbus.Sender, who subject, action string,
	details map[string]string, flags uint32, cancellation string,
) (result, *dbus.Error) {
	name, ok := who.Details["name"].Value().(string)
	if who.Kind != "system-bus-name" || !ok {
		return result{}, failed("Only subjects of kind system-bus-name are played")
	}
	var uid uint32
	err := m.a.conn.BusObject().Call("org.freedesktop.DBus.GetConnectionUnixUser", 0, name).Store(&uid)
	if err != nil {
		return result{}, failed("The subject is not on the bus: " + err.Error())
	}
	check := Check{Sender: name, UID: uid, Action: action, Details: details, Interactive: flags&1 != 0}
	rule := m.a.record(check)
	if rule.Meanwhile != nil {
		rule.Meanwhile()
	}
	switch answer := rule.Answer; {
	case answer == Fail:
		return result{}, failed("This polkit was told to fail")
	case answer == Hang, answer == Ignore && check.Interactive:
		m.a.hang(string(asker) + cancellation)
		return result{}, polkitError("Cancelled", "The check was cancelled")
	default:
		return outcome(answer, check.Interactive), nil
	}
}

// CancelCheckAuthorization ends a check that hangs. Unlike polkit it takes an
// id that belongs to no check.
func (m methods) CancelCheckAuthorization(asker dbus.Sender, cancellation string) *dbus.Error {
	m.a.cancellation(string(asker) + cancellation).cancel()
	return nil
}

// outcome is what polkit says in the end. As in polkit, a dialog that was
// closed is no challenge any more.
func outcome(answer Answer, interactive bool) result {
	r := result{Details: map[string]string{}}
	switch {
	case answer == Yes:
		r.Authorized = true
	case answer == No:
	case !interactive || answer == NoAgent:
		r.Challenge = true
	case answer == Authenticate:
		r.Authorized = true
	case answer == Dismiss:
		r.Details["polkit.dismissed"] = "true"
	}
	return r
}

func failed(text string) *dbus.Error { return polkitError("Failed", text) }

func polkitError(name, text string) *dbus.Error {
	return dbus.NewError("org.freedesktop.PolicyKit1.Error."+name, []any{text})
}
