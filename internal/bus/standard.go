package bus

// standardXML declares the interfaces that the tree answers itself, from
// memory and without the handler.
const standardXML = `<node>
<interface name="org.freedesktop.DBus.Peer">
 <method name="Ping"/>
 <method name="GetMachineId"><arg name="machine_uuid" type="s" direction="out"/></method>
</interface>
<interface name="org.freedesktop.DBus.Introspectable">
 <method name="Introspect"><arg name="xml_data" type="s" direction="out"/></method>
</interface>
<interface name="org.freedesktop.DBus.Properties">
 <method name="Get">
  <arg name="interface_name" type="s" direction="in"/>
  <arg name="property_name" type="s" direction="in"/>
  <arg name="value" type="v" direction="out"/>
 </method>
 <method name="GetAll">
  <arg name="interface_name" type="s" direction="in"/>
  <arg name="properties" type="a{sv}" direction="out"/>
 </method>
 <method name="Set">
  <arg name="interface_name" type="s" direction="in"/>
  <arg name="property_name" type="s" direction="in"/>
  <arg name="value" type="v" direction="in"/>
 </method>
 <signal name="PropertiesChanged">
  <arg name="interface_name" type="s"/>
  <arg name="changed_properties" type="a{sv}"/>
  <arg name="invalidated_properties" type="as"/>
 </signal>
</interface>
<interface name="org.freedesktop.DBus.ObjectManager">
 <method name="GetManagedObjects">
  <arg name="object_paths_interfaces_and_properties" type="a{oa{sa{sv}}}" direction="out"/>
 </method>
 <signal name="InterfacesAdded">
  <arg name="object_path" type="o"/>
  <arg name="interfaces_and_properties" type="a{sa{sv}}"/>
 </signal>
 <signal name="InterfacesRemoved">
  <arg name="object_path" type="o"/>
  <arg name="interfaces" type="as"/>
 </signal>
</interface>
</node>`

const (
	peerName           = "org.freedesktop.DBus.Peer"
	introspectableName = "org.freedesktop.DBus.Introspectable"
	propertiesName     = "org.freedesktop.DBus.Properties"
	objectManagerName  = "org.freedesktop.DBus.ObjectManager"
)

// standard holds the parsed standard interfaces in the order in which they
// are introspected. ObjectManager, the last one, is only on the root.
var standard = mustParse(standardXML)

func mustParse(data string) []*Interface {
	ifaces, err := ParseInterfaces([]byte(data))
	if err != nil {
		panic(err)
	}
	return ifaces
}

// standardOf is what every node has, and the root besides.
func standardOf(isRoot bool) []*Interface {
	if isRoot {
		return standard
	}
	return standard[:len(standard)-1]
}

// isStandard reports whether an interface is one of those that the tree answers
// itself.
func isStandard(name string) bool {
	switch name {
	case peerName, introspectableName, propertiesName, objectManagerName:
		return true
	default:
		return false
	}
}
