package apidoc_test

import (
	"reflect"
	"strings"
	"testing"

	"org.kvmmanager/dbus/apidoc"
)

const document = `<node>
  <!--
      org.example.Door:
      @short_description: A door

      Opens and closes.

      # Keys

      - ` + "`colour`" + ` (s): Of the key.
  -->
  <interface name="org.example.Door">
    <annotation name="org.gtk.GDBus.Since" value="1"/>
    <!-- Open: Whether it is open. -->
    <property name="Open" type="b" access="read">
      <annotation name="org.freedesktop.DBus.Property.EmitsChangedSignal" value="true"/>
      <annotation name="org.gtk.GDBus.Since" value="2"/>
    </property>
    <!--
        Knock:
        @times: How often.
        @options: How.
          - ` + "`loud`" + ` (b, since 4): With
            force.
        @answer: What is heard.

        Knocks.

            knock 3

        Errors: none of its own.

        Action: ` + "`org.kvmmanager.door.knock`" + `
    -->
    <method name="Knock">
      <arg name="times" type="u" direction="in"/>
      <arg name="options" type="a{sv}" direction="in"/>
      <arg name="answer" type="s" direction="out"/>
      <annotation name="org.gtk.GDBus.Since" value="3"/>
    </method>
    <!--
        Opened:
        @by: Who did it.

        Somebody opened it.
    -->
    <signal name="Opened">
      <arg name="by" type="s"/>
      <annotation name="org.gtk.GDBus.Since" value="1"/>
    </signal>
  </interface>
</node>`

func TestParseReadsEveryMemberWithItsDocumentation(t *testing.T) {
	t.Parallel()
	got, err := apidoc.Parse([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	want := &apidoc.Interface{
		Name: "org.example.Door", Since: 1, Short: "A door", Text: "Opens and closes.",
		Sections:   []apidoc.Section{{"Keys", "- `colour` (s): Of the key.", []apidoc.Key{{"colour", "s", 0}}}},
		Properties: []apidoc.Property{{Name: "Open", Since: 2, Type: "b", Emits: "true", Text: "Whether it is open."}},
		Methods: []apidoc.Method{{
			Name: "Knock", Since: 3,
			In: []apidoc.Arg{
				{Name: "times", Type: "u", Text: "How often."},
				{Name: "options", Type: "a{sv}", Text: "How.\n- `loud` (b, since 4): With\n  force.", Keys: []apidoc.Key{{"loud", "b", 4}}},
			},
			Out:    []apidoc.Arg{{Name: "answer", Type: "s", Text: "What is heard."}},
			Text:   "Knocks.\n\n    knock 3",
			Errors: "none of its own.",
			Action: "`org.kvmmanager.door.knock`",
		}},
		Signals: []apidoc.Signal{{Name: "Opened", Since: 1, Args: []apidoc.Arg{{Name: "by", Type: "s", Text: "Who did it."}}, Text: "Somebody opened it."}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	knock := got.Method("Knock")
	if options := knock.Options(); !reflect.DeepEqual(options, map[string]string{"loud": "b"}) {
		t.Errorf("options: %v", options)
	}
	if actions := knock.Actions(); !reflect.DeepEqual(actions, []string{"org.kvmmanager.door.knock"}) {
		t.Errorf("actions: %v", actions)
	}
}

func TestParseRefusesWhatIsNotDocumented(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, old, new, want string }{
		{"a property without a comment", "<!-- Open: Whether it is open. -->", "", "comment before Open"},
		{"a comment about something else", "<!-- Open:", "<!-- Closed:", "comment before Open"},
		{"a comment without words", "Open: Whether it is open.", "Open:", "Open lacks"},
		{"an argument without a line", "@times: How often.\n", "", `document the argument "times"`},
		{"an argument of a signal without a line", "@by: Who did it.\n", "", `document the argument "by"`},
		{"a line without an argument", "@by:", "@to: Whom.\n        @by:", `argument "to" that it does not have`},
		{"a line given twice", "@by:", "@by: Whom.\n        @by:", "documents @by twice"},
		{"a method without text", "Knocks.\n\n            knock 3\n", "", "Knock lacks"},
		{"a method without errors", "Errors: none of its own.", "", "Knock lacks"},
		{"a method without an action", "Action: `org.kvmmanager.door.knock`", "", "Knock lacks"},
		{"an interface without a short description", "@short_description: A door\n", "", "org.example.Door lacks"},
		{"a property that does not tell about its changes", "EmitsChangedSignal", "Deprecated", "how its changes are announced"},
		{"a member without a version", `<annotation name="org.gtk.GDBus.Since" value="3"/>`, "", "Knock does not say since which version"},
		{"an interface without a version", `<annotation name="org.gtk.GDBus.Since" value="1"/>`, "", "org.example.Door does not say since which version"},
		{"a version that is no number", `Since" value="2"`, `Since" value="2.0"`, "Open does not say since which version"},
		{"a property that can be written", `access="read"`, `access="readwrite"`, "not read-only"},
		{"a comment about nothing", "</interface>", "<!-- Left over. --></interface>", "documents nothing"},
		{"an unknown member", "signal", "gesture", "no member"},
		{"two interfaces", "</interface>", "</interface><interface/>", "one interface"},
		{"XML that ends early", "</node>", "", "cannot read the introspection XML"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			changed := strings.ReplaceAll(document, test.old, test.new)
			if changed == document {
				t.Fatal("the test changes nothing")
			}
			_, err := apidoc.Parse([]byte(changed))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got error %v, want one with %q", err, test.want)
			}
		})
	}
}
