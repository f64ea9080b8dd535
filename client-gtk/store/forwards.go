package store

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"org.kvmmanager/internal/model"
)

// forwardsKey is the key of the ports of the host that lead to a guest.
const forwardsKey = "port-forwards"

func forwardsField() Field {
	return Field{Key: forwardsKey, Label: mark("Forwarded Ports"), Kind: FieldForwards}
}

// Forwards is the forwarded ports that a field says.
func Forwards(value string) []model.PortForward {
	var list []model.PortForward
	_ = json.Unmarshal([]byte(value), &list) // of the empty text there are none
	return list
}

// joinForwards is what a field says about forwarded ports.
func joinForwards(list []model.PortForward) string {
	if len(list) == 0 {
		return ""
	}
	value, _ := json.Marshal(list) // it has nothing that cannot be written
	return string(value)
}

// AddForward adds a port to those that a field says. The error is a sentence for
// people.
func AddForward(value, protocol string, host, guest uint32) (string, error) {
	list := append(Forwards(value), model.PortForward{Protocol: protocol, HostPort: host, GuestPort: guest})
	if err := model.ValidatePortForwards(list); err != nil {
		return value, err
	}
	return joinForwards(list), nil
}

// RemoveForward takes one away.
func RemoveForward(value string, f model.PortForward) string {
	return joinForwards(slices.DeleteFunc(Forwards(value), func(other model.PortForward) bool { return other == f }))
}

// Forward says which port leads where, and what it is for.
func (w Words) Forward(f model.PortForward) (ports, what string) {
	host := fmt.Sprint(f.HostPort)
	guest := fmt.Sprint(f.GuestPort)
	if f.HostPortEnd > f.HostPort {
		host += fmt.Sprint("–", f.HostPortEnd)
		guest += fmt.Sprint("–", f.GuestPort+f.HostPortEnd-f.HostPort)
	}
	what = strings.ToUpper(f.Protocol)
	if f.Address != "" {
		what += " · " + f.Address
	}
	return fmt.Sprintf(w.text("Host %s → Guest %s"), host, guest), what
}

// forwards is what a device's facts say of its forwarded ports.
func (w Words) forwards(d *model.Device) string {
	var lines []string
	for _, f := range d.PortForwards {
		ports, what := w.Forward(f)
		lines = append(lines, ports+" · "+what)
	}
	return strings.Join(lines, "\n")
}
