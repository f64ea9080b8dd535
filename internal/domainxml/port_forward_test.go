package domainxml

import (
	"strings"
	"testing"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

// changedForwards is an interface after its forwarded ports were replaced.
func changedForwards(t *testing.T, xml string, list ...model.PortForward) (string, error) {
	t.Helper()
	e, err := FindDevice("<domain><devices>"+xml+"</devices></domain>", "interface-0")
	if err != nil || e == nil {
		t.Fatalf("there is no interface: %v", err)
	}
	if err := Change(e, &model.DeviceSpec{Device: model.Device{PortForwards: list}, Given: map[string]bool{"port-forwards": true}}); err != nil {
		return "", err
	}
	out, err := e.XML()
	if err != nil {
		t.Fatal(err)
	}
	return out, nil
}

func TestForwardedPortsAreReplaced(t *testing.T) {
	t.Parallel()
	ssh := model.PortForward{Protocol: "tcp", HostPort: 2222, GuestPort: 22, Address: "::1"}
	many := model.PortForward{Protocol: "udp", HostPort: 5000, HostPortEnd: 5009}
	for _, tt := range []struct {
		name, xml string
		list      []model.PortForward
		has, not  string
	}{
		{"the first one", `<interface type='user'/>`, []model.PortForward{ssh}, `<portForward proto="tcp" address="::1"><range start="2222" to="22"></range></portForward><backend type="passt">`, ""},
		{"a range", `<interface type='user'/>`, []model.PortForward{many}, `<range start="5000" end="5009" to="5000">`, "address"},
		{"another one", `<interface type='user'><backend type='passt' logFile='/a'/><portForward proto='tcp'><range start='8080'/></portForward></interface>`, []model.PortForward{ssh}, `logFile="/a"`, "8080"},
		{"none", `<interface type='user'><backend type='passt'/><portForward proto='tcp'><range start='8080'/></portForward></interface>`, nil, `type="passt"`, "portForward"},
	} {
		got, err := changedForwards(t, tt.xml, tt.list...)
		got = strings.ReplaceAll(got, "'", `"`)
		if err != nil || !strings.Contains(got, tt.has) || tt.not != "" && strings.Contains(got, tt.not) {
			t.Errorf("%s: %s, %v", tt.name, got, err)
		}
	}
}

func TestForwardedPortsThatCannotBeReplacedAreSaid(t *testing.T) {
	t.Parallel()
	const begin, end = `<interface type='user'><portForward proto='tcp'`, `</portForward></interface>`
	good := model.PortForward{Protocol: "tcp", HostPort: 2222}
	for _, tt := range []struct {
		name, xml string
		with      model.PortForward
		want      errs.Kind
	}{
		{"of a network", `<interface type='network'><source network='default'/></interface>`, good, errs.InvalidArgument},
		{"a port of the host's own", `<interface type='user'/>`, model.PortForward{Protocol: "tcp", HostPort: 22}, errs.InvalidArgument},
		{"of one interface", begin + ` dev='eth0'><range start='2000'/>` + end, good, errs.NotSupported},
		{"of all ports", begin + `>` + end, good, errs.NotSupported},
		{"with exceptions", begin + `><range start='2000' end='2009'/><range start='2005' exclude='yes'/>` + end, good, errs.NotSupported},
	} {
		if got, err := changedForwards(t, tt.xml, tt.with); !errs.Is(err, tt.want) {
			t.Errorf("%s: %s, %v", tt.name, got, err)
		}
	}
}
