package domainxml

import (
	"slices"
	"strings"
	"testing"

	"org.kvmmanager/internal/errs"
)

// domainWith is a domain whose metadata libvirt has made of content: it
// declares the namespace on the outermost element.
func domainWith(content string) string {
	content = strings.Replace(content, "<tags>", "<kvmmanager:tags xmlns:kvmmanager='"+Namespace+"'>", 1)
	content = strings.Replace(content, "</tags>", "</kvmmanager:tags>", 1)
	return "<domain><metadata>" + content + "</metadata></domain>"
}

func TestTagsComeBackAsTheyWereSet(t *testing.T) {
	t.Parallel()
	for _, list := range [][]string{
		nil,
		{"web"},
		{"web", "prod & more", "<a href='x'>", "tëst 🙂", `"quoted"`},
	} {
		content, err := TagsXML(list)
		if err != nil {
			t.Fatal(err)
		}
		vm, err := ParseVM("", domainWith(content))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(vm.Tags, list) {
			t.Errorf("got %q, want %q", vm.Tags, list)
		}
	}
}

func TestNoTagsAreNoElement(t *testing.T) {
	t.Parallel()
	if content, err := TagsXML(nil); content != "" || err != nil {
		t.Errorf("got %q and %v", content, err)
	}
}

func TestTagsXMLRefusesWhatIsNoTag(t *testing.T) {
	t.Parallel()
	for _, list := range [][]string{{""}, {"a", "a"}, {"a,b"}, {"a\x00"}, {"\xff"}} {
		if content, err := TagsXML(list); !errs.Is(err, errs.InvalidArgument) {
			t.Errorf("%q became %q, and %v", list, content, err)
		}
	}
}

func TestOnlyValidTagsAreRead(t *testing.T) {
	t.Parallel()
	vm, err := ParseVM("", domainWith("<tags><tag>a</tag><tag/><tag>b,c</tag><tag>a</tag><other>x</other><tag> d </tag>"+
		strings.Repeat("<tag>e</tag>", 100)+"</tags>"))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"a", "d", "e"}; !slices.Equal(vm.Tags, want) {
		t.Errorf("got %q, want %q", vm.Tags, want)
	}
}

func TestTheOperatingSystemIsKnownByItsNamespace(t *testing.T) {
	t.Parallel()
	const id = "http://debian.org/debian/12"
	for _, tt := range []struct{ name, metadata, want string }{
		{"as virt-install writes it", "<libosinfo:libosinfo xmlns:libosinfo='" + libosinfoNamespace + "'><libosinfo:os id='" + id + "'/></libosinfo:libosinfo>", id},
		{"with another prefix", "<o:libosinfo xmlns:o='" + libosinfoNamespace + "'><o:os id='" + id + "'/></o:libosinfo>", id},
		{"with a default namespace", "<libosinfo xmlns='" + libosinfoNamespace + "'><os id='" + id + "'/></libosinfo>", id},
		{"beside other metadata", "<x xmlns='urn:x'/><libosinfo xmlns='" + libosinfoNamespace + "'><os id='" + id + "'/></libosinfo>", id},
		{"without a namespace", "<libosinfo><os id='" + id + "'/></libosinfo>", ""},
		{"without an id", "<libosinfo xmlns='" + libosinfoNamespace + "'/>", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			vm, err := ParseVM("", "<domain><metadata>"+tt.metadata+"</metadata></domain>")
			if err != nil {
				t.Fatal(err)
			}
			if vm.OSID != tt.want {
				t.Errorf("got %q, want %q", vm.OSID, tt.want)
			}
		})
	}
}
