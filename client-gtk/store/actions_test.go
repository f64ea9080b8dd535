package store

import (
	"testing"

	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/model"
)

func TestAnActionIsPossibleWhenStateAndRightsAllowIt(t *testing.T) {
	t.Parallel()
	var (
		w        Words
		running  = &model.VM{State: model.VMRunning, Persistent: true}
		paused   = &model.VM{State: model.VMPaused, Persistent: true}
		stopped  = &model.VM{State: model.VMShutOff, Persistent: true}
		saved    = &model.VM{State: model.VMShutOff, Persistent: true, HasSavedState: true}
		template = &model.VM{State: model.VMShutOff, Template: true}
		fleeting = &model.VM{State: model.VMRunning}
		denied   = map[string]client.Permission{rightControl: client.Denied, rightDelete: client.Allowed}
	)
	for name, tt := range map[string]struct {
		action   Action
		vm       *model.VM
		rights   map[string]client.Permission
		possible bool
	}{
		"start what is off":              {Start, stopped, nil, true},
		"start what runs":                {Start, running, nil, false},
		"pause what runs":                {Pause, running, nil, true},
		"pause what is paused":           {Pause, paused, nil, false},
		"resume what is paused":          {Resume, paused, nil, true},
		"turn off what is paused":        {PowerOff, paused, nil, true},
		"shut down what cannot hear":     {Shutdown, paused, nil, false},
		"save what is gone when it ends": {Save, fleeting, nil, false},
		"discard a saved state":          {Discard, saved, nil, true},
		"discard none":                   {Discard, stopped, nil, false},
		"delete what runs":               {Delete, running, nil, false},
		"start without the right":        {Start, stopped, denied, false},
		"start a template":               {Start, template, nil, false},
		"clone a template":               {Clone, template, nil, true},
		"clone what runs":                {Clone, running, nil, false},
		"delete with the right":          {Delete, stopped, denied, true},
	} {
		if why := w.WhyNot(tt.action, tt.vm, nil, tt.rights); (why == "") != tt.possible {
			t.Errorf("%s: %q", name, why)
		}
	}
}

func TestNothingCanBeDoneOnAHostThatIsNotConnected(t *testing.T) {
	t.Parallel()
	var w Words
	for a := range rules {
		for _, state := range []model.VMState{model.VMRunning, model.VMShutOff} {
			if why := w.WhyNot(a, &model.VM{State: state}, &model.Host{State: model.Disconnected}, nil); why != noHost {
				t.Errorf("%s of what is %s: %q", a, state, why)
			}
		}
	}
	if why := w.WhyNot(Start, &model.VM{State: model.VMShutOff}, &model.Host{State: model.Connected}, nil); why != "" {
		t.Errorf("on a host that is connected: %q", why)
	}
}

func TestTheFirstButtonIsWhatComesNext(t *testing.T) {
	t.Parallel()
	for state, want := range map[model.VMState]Action{
		model.VMShutOff: Start, model.VMCrashed: Start, model.VMRunning: Shutdown, model.VMPaused: Resume, model.VMSuspended: Resume,
	} {
		if got := Primary(&model.VM{State: state}); got != want {
			t.Errorf("%s: %s", state, got)
		}
	}
	if got := Primary(&model.VM{State: model.VMShutOff, Template: true}); got != Clone {
		t.Errorf("a template: %s", got)
	}
}

func TestEveryActionHasARule(t *testing.T) {
	t.Parallel()
	var w Words
	for _, a := range []Action{Start, Resume, Pause, Shutdown, Reboot, Reset, PowerOff, Save, Discard, Change, Clone, Template, Delete, SendKeys, Screenshot} {
		if w.Label(a) == "" || rules[a].when == nil {
			t.Errorf("%s has none", a)
		}
	}
}
