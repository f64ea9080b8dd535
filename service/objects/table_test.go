package objects

import (
	"maps"
	"slices"
	"testing"

	"org.kvmmanager/dbus"
	"org.kvmmanager/dbus/apidoc"
)

// TestTheMethodTableIsWhatTheXMLSays holds permissions and options to what is
// documented, and documents to what there is.
func TestTheMethodTableIsWhatTheXMLSays(t *testing.T) {
	t.Parallel()
	left := table()
	for _, doc := range api.XML() {
		iface, err := apidoc.Parse(doc)
		if err != nil {
			t.Fatal(err)
		}
		for _, declared := range iface.Methods {
			name := iface.Name + "." + declared.Name
			m := left[name]
			delete(left, name)
			if m == nil {
				t.Errorf("%s is refused: it has no entry in the table", name)
				continue
			}
			if !maps.Equal(m.options, declared.Options()) && len(m.options)+len(declared.Options()) > 0 {
				t.Errorf("%s takes %v, documented %v", name, m.options, declared.Options())
			}
			if m.action != open && !slices.Contains(declared.Actions(), m.action) {
				t.Errorf("%s needs %s, documented %v", name, m.action, declared.Actions())
			}
			if m.action == open && m.also == nil && len(declared.Actions()) > 0 {
				t.Errorf("%s is open to everybody, documented %v", name, declared.Actions())
			}
		}
	}
	for name := range left {
		t.Errorf("%s is in the table and not in the XML", name)
	}
}

// TestOnlyWhatIsAboutTheCallerIsOpen: whatever else a method does or tells needs
// an action, so that an administrator can decide about it.
func TestOnlyWhatIsAboutTheCallerIsOpen(t *testing.T) {
	t.Parallel()
	aboutTheCaller := []string{
		api.ManagerInterface + ".GetPermissions",        // what it may do
		api.ManagerInterface + ".GetPermissionsOf",      // the same
		api.ManagerInterface + ".UnsubscribeStatistics", // its own subscription
		api.JobInterface + ".Cancel",                    // a job of its own; see cancelAction
		api.JobInterface + ".Wait",                      // the same; see waitAction
	}
	for name, m := range table() {
		if (m.action == open) != slices.Contains(aboutTheCaller, name) {
			t.Errorf("%s needs the action %q", name, m.action)
		}
	}
}
