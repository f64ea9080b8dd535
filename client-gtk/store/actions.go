package store

import (
	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/model"
)

// Action is something that a person can do with a VM.
type Action string

// The actions.
const (
	Start      Action = "start"
	Resume     Action = "resume"
	Pause      Action = "pause"
	Shutdown   Action = "shutdown"
	Reboot     Action = "reboot"
	Reset      Action = "reset"
	PowerOff   Action = "power-off"
	Save       Action = "save"
	Discard    Action = "discard-saved-state"
	Change     Action = "edit"
	Clone      Action = "clone"
	Template   Action = "template"
	Delete     Action = "delete"
	SendKeys   Action = "send-keys"
	Screenshot Action = "screenshot"

	CopyScreenshot Action = "copy-screenshot"
	TakeSnapshot   Action = "take-snapshot"
	Hardware       Action = "hardware"
	EditXML        Action = "edit-xml"
	Snapshots      Action = "snapshots" // what is done with those that there are
)

// RightConsole is the polkit action behind all that a guest shows.
const RightConsole = "org.kvmmanager.vm.console"

// The other polkit actions behind them.
const (
	rightControl   = "org.kvmmanager.vm.control"
	rightConfigure = "org.kvmmanager.vm.configure"
	rightDelete    = "org.kvmmanager.vm.delete"
	rightCreate    = "org.kvmmanager.vm.create"
	rightStorage   = "org.kvmmanager.storage.manage"
	rightEditXML   = "org.kvmmanager.vm.edit-xml"
	rightHostPath  = "org.kvmmanager.host-path.use"
	rightSnapshot  = "org.kvmmanager.vm.snapshot"
)

// rule says who may do something, and when.
type rule struct {
	label  string
	right  string
	when   func(*model.VM) bool
	unless string // what to say when it is not the time
}

func active(vm *model.VM) bool { return vm.State.Active() }
func off(vm *model.VM) bool    { return !vm.State.Active() }

func noTemplate(vm *model.VM) bool { return !vm.Template }

// going is for what a guest must take part in.
func going(vm *model.VM) bool { return vm.State == model.VMRunning }

var (
	notRunning    = mark("The virtual machine is not running")
	isRunning     = mark("The virtual machine is running")
	isTemplate    = mark("A template is cloned and not started")
	templateStays = mark("A template stays as it is, since clones are made of it")
	notPaused     = mark("The virtual machine is not paused")
)

var rules = map[Action]rule{
	Start:      {mark("Start"), rightControl, off, isRunning},
	Resume:     {mark("Resume"), rightControl, OnlyPaused.matches, notPaused},
	Pause:      {mark("Pause"), rightControl, going, notRunning},
	Shutdown:   {mark("Shut Down"), rightControl, going, notRunning},
	Reboot:     {mark("Restart"), rightControl, going, notRunning},
	Reset:      {mark("Force Restart"), rightControl, active, notRunning},
	PowerOff:   {mark("Force Off"), rightControl, active, notRunning},
	Save:       {mark("Save and Turn Off"), rightControl, func(vm *model.VM) bool { return active(vm) && vm.Persistent }, notRunning},
	Discard:    {mark("Discard Saved State"), rightControl, func(vm *model.VM) bool { return vm.HasSavedState }, mark("There is no saved state")},
	Change:     {mark("Edit…"), rightConfigure, func(*model.VM) bool { return true }, ""},
	Clone:      {mark("Clone…"), rightCreate, off, mark("Turn the virtual machine off before you clone it")},
	Template:   {mark("Use as Template"), rightConfigure, off, mark("Turn the virtual machine off first")},
	Delete:     {mark("Delete…"), rightDelete, off, mark("Turn the virtual machine off before you delete it")},
	SendKeys:   {mark("Send Keys"), RightConsole, active, notRunning},
	Screenshot: {mark("Take Screenshot"), RightConsole, active, notRunning},

	CopyScreenshot: {mark("Copy Screenshot"), RightConsole, active, notRunning},
	TakeSnapshot:   {mark("Take Snapshot…"), rightSnapshot, noTemplate, templateStays},
	Hardware:       {mark("Hardware"), rightConfigure, func(*model.VM) bool { return true }, ""},
	EditXML:        {mark("Edit Definition"), rightEditXML, func(vm *model.VM) bool { return vm.Persistent }, mark("The virtual machine exists only while it runs")},
	Snapshots:      {mark("Snapshots"), rightSnapshot, noTemplate, templateStays},
}

// Label is what a menu calls an action.
func (w Words) Label(a Action) string { return w.text(rules[a].label) }

// Reachable is whether anything can be done on a host now. One that is not known
// yet forbids nothing: the service decides.
func Reachable(host *model.Host) bool { return host == nil || host.State == model.Connected }

// WhyNot is why somebody with these permissions cannot do something with a VM of
// a host now; empty when they can. Permissions that are not known yet forbid
// nothing: the service decides.
func (w Words) WhyNot(a Action, vm *model.VM, host *model.Host, permissions map[string]client.Permission) string {
	r := rules[a]
	switch {
	case !Reachable(host):
		return w.text(noHost)
	case permissions[r.right] == client.Denied:
		return w.text(notAllowed)
	case !r.when(vm):
		return w.text(r.unless)
	case a == Start && vm.Template:
		return w.text(isTemplate)
	default:
		return ""
	}
}

func (w Words) denied() string {
	return w.text("You are not allowed to do this. An administrator can allow it with a polkit rule.")
}

// WhyNotAdd is why somebody cannot add a device of a kind to a VM; empty when
// they can. A shared folder is a path of the host, which is a right of its own.
func (w Words) WhyNotAdd(kind model.DeviceKind, vm *model.VM, host *model.Host, permissions map[string]client.Permission) string {
	if kind == model.KindShare && permissions[rightHostPath] == client.Denied {
		return w.denied()
	}
	return w.WhyNot(Hardware, vm, host, permissions)
}

// Primary is what a person most likely wants to do with a VM.
func Primary(vm *model.VM) Action {
	switch {
	case OnlyPaused.matches(vm):
		return Resume
	case vm.State.Active():
		return Shutdown
	case vm.Template:
		return Clone
	default:
		return Start
	}
}
