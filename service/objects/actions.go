package objects

// The polkit actions. open marks what every local user may do, since it reads
// nothing that is not a property and changes nothing.
const (
	open             = ""
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
		actionControl, actionConsole, actionSnapshot, actionConfigure, actionDelete, actionEditXML,
		actionMigrate, actionGuest, actionSecrets, actionHostDevice, actionHostPath, actionCreate, actionStorage, actionNetwork,
	}
	networkActions = []string{actionNetwork}
	poolActions    = []string{actionStorage}
	hostActions    = []string{actionCreate, actionEditXML, actionHost, actionNetwork, actionStorage, actionHostPath, actionHostDevice}
)
