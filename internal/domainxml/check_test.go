package domainxml

import (
	"strings"
	"testing"

	"org.kvmmanager/internal/errs"
)

func TestCheckAcceptsADomain(t *testing.T) {
	t.Parallel()
	const id = "11111111-2222-4333-8444-55555555550a"
	for _, tt := range []struct{ title, xml, name, uuid string }{
		{"plain", "<domain><name>a b</name></domain>", "a b", ""},
		{"with a UUID", "<domain><name>a</name><uuid>" + id + "</uuid></domain>", "a", id},
		{"with a UUID as people paste it", "<domain><name>a</name><uuid>\n 1111111122224333844455555555550A </uuid></domain>", "a", id},
		{"with a declaration and comments", "\n<!-- x --><?xml version='1.0' encoding='UTF-8'?>\n<domain><name>a</name></domain><!-- y -->\n", "a", ""},
		{"with what XML must escape", "<domain><name>a&amp;b<![CDATA[<c>]]></name></domain>", "a&b<c>", ""},
		{"with names of other things", "<domain><metadata><name>x</name></metadata><x:name xmlns:x='urn:x'>y</x:name><name>a</name><name>b</name></domain>", "a", ""},
		{"as deep as allowed", "<domain><name>a</name>" + nested(maxDepth-1) + "</domain>", "a", ""},
	} {
		t.Run(tt.title, func(t *testing.T) {
			t.Parallel()
			name, uuid, err := Check(tt.xml)
			if err != nil {
				t.Fatal(err)
			}
			if name != tt.name || uuid != tt.uuid {
				t.Errorf("got %q and %q", name, uuid)
			}
		})
	}
}

func TestCheckAcceptsWhatLibvirtWrites(t *testing.T) {
	t.Parallel()
	for _, document := range documents(t, "vm") {
		if _, uuid, err := Check(read(t, "vm/"+document+".xml")); err != nil || uuid == "" {
			t.Errorf("%s: UUID %q and %v", document, uuid, err)
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	t.Parallel()
	const inside = "<name>a</name>"
	for _, tt := range []struct{ title, xml, want string }{
		{"nothing", "", "empty"},
		{"white space", " \n", "empty"},
		{"text", "hello", "outside"},
		{"too much", "<domain>" + inside + strings.Repeat(" ", MaxXML) + "</domain>", "too large"},
		{"broken UTF-8", "<domain><name>\xff</name></domain>", "UTF-8"},
		{"another encoding", "<?xml version='1.0' encoding='UTF-16'?><domain>" + inside + "</domain>", "well-formed"},
		{"a control character", "<domain><name>a\x01</name></domain>", "well-formed"},
		{"an escaped control character", "<domain><name>a&#1;</name></domain>", "well-formed"},
		{"an end that is missing", "<domain>" + inside, "well-formed"},
		{"elements that cross", "<domain><name></domain></name>", "well-formed"},
		{"another root", "<network>" + inside + "</network>", "<network>"},
		{"a root of another namespace", "<domain xmlns='urn:x'>" + inside + "</domain>", "root element"},
		{"two roots", "<domain>" + inside + "</domain><domain/>", "more than one"},
		{"text behind the root", "<domain>" + inside + "</domain>x", "outside"},
		{"a document type", "<!DOCTYPE domain SYSTEM 'file:///etc/passwd'><domain>" + inside + "</domain>", "document type"},
		{"an entity", "<!DOCTYPE domain [<!ENTITY x SYSTEM 'file:///etc/shadow'>]><domain><name>&x;</name></domain>", "document type"},
		{"an entity that grows", "<!DOCTYPE d [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;'>]><domain><name>&b;</name></domain>", "document type"},
		{"an entity that nobody declared", "<domain><name>&x;</name></domain>", "well-formed"},
		{"a processing instruction", "<?xml-stylesheet href='x'?><domain>" + inside + "</domain>", "processing instruction"},
		{"a processing instruction inside", "<domain><?php x?>" + inside + "</domain>", "processing instruction"},
		{"a declaration in the wrong place", "<domain><?xml version='1.0'?>" + inside + "</domain>", "processing instruction"},
		{"depth", "<domain>" + inside + nested(maxDepth) + "</domain>", "too deep"},
		{"no name", "<domain/>", "no <name>"},
		{"an empty name", "<domain><name/></domain>", "empty"},
		{"a name that is a path", "<domain><name>../../etc</name></domain>", "slash"},
		{"a name of two lines", "<domain><name>a\nb</name></domain>", "control character"},
		{"a UUID that is none", "<domain><name>a</name><uuid>x</uuid></domain>", "UUID"},
	} {
		t.Run(tt.title, func(t *testing.T) {
			t.Parallel()
			_, _, err := Check(tt.xml)
			kind, message := errs.Of(err)
			if err == nil || kind != errs.InvalidArgument || !strings.Contains(message, tt.want) || !strings.HasSuffix(message, ".") {
				t.Errorf("got %s: %s", kind, message)
			}
		})
	}
}

// nested is so many elements inside each other.
func nested(n int) string { return strings.Repeat("<x>", n) + strings.Repeat("</x>", n) }
