package objects

// The polkit actions. open marks the few methods that are about the caller alone:
// what it may do, and the end of what it began.
const (
	open             = ""
	actionRead       = "org.kvmmanager.read"
	actionControl    = "org.kvmmanager.vm.control"
	actionConsole    = "org.kvmmanager.vm.console"
	actionSnapshot   = "org.kvmmanager.vm.snapshot"
	actionCreate     = "org.kvmmanager.vm.create"
	actionConfigure  = "org.kvmmanager.vm.configure"
	actionDelete     = "org.kvmmanager.vm.delete"
	actionEditXML    = "org.kvmmanager.vm.edit-xml"
	actionMigrate    = "org.kvmmanager.vm.migrate"
	actionGuest      = "org.kvmmanager.vm.guest"
	actionSecrets    = "org.kvmmanager.secrets.read"
	actionHostDevice = "org.kvmmanager.host-device.assign"
	actionHostPath   = "org.kvmmanager.host-path.use"
	actionNetwork    = "org.kvmmanager.network.manage"
	actionStorage    = "org.kvmmanager.storage.manage"
	actionHost       = "org.kvmmanager.host.manage"
	actionCancel     = "org.kvmmanager.job.cancel-other"
)

// vmActions and its like are what GetPermissions tells about an object of
// that kind.
var (
	vmActions = []string{
		actionRead, actionControl, actionConsole, actionSnapshot, actionConfigure, actionDelete, actionEditXML,
		actionMigrate, actionGuest, actionSecrets, actionHostDevice, actionHostPath, actionCreate, actionStorage, actionNetwork,
	}
	networkActions = []string{actionRead, actionNetwork}
	poolActions    = []string{actionRead, actionStorage}
	hostActions    = []string{actionRead, actionCreate, actionEditXML, actionHost, actionNetwork, actionStorage, actionHostPath, actionHostDevice}
)

// reads returns the method of one that reads what is no property, with options as
// in declare.
func reads(run runFunc, options ...string) *method {
	return &method{action: actionRead, message: readMessage, options: declare(options...), run: run}
}

// readMessage is what polkit's dialog says of actionRead, also for a method that
// may need another action besides.
var readMessage = ask("Authentication is required to view information about virtual machines.")
