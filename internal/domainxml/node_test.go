package domainxml

import (
	"strings"
	"testing"
)

func TestNodesCanBeAbsent(t *testing.T) {
	t.Parallel()
	var n *node
	if n.find("a", "b") != nil || n.has("a") || n.attr("x") != "" || n.content() != "" || n.yes("x") || n.size("b") != 0 {
		t.Error("an absent element has something")
	}
	for range n.all("a") {
		t.Error("an absent element has children")
	}
}

func TestFindGoesByNameAndNamespace(t *testing.T) {
	t.Parallel()
	n, err := parse(`<a><x:b xmlns:x='urn:x' v='0'/><b v='1'/><b v='2'><c x:v='3' v=' 4 '>t<!-- -->ext</c></b><b><c/></b></a>`, "a")
	if err != nil {
		t.Fatal(err)
	}
	if got := n.find("b").attr("v"); got != "1" {
		t.Errorf("the first b is %q", got)
	}
	count := 0
	for range n.all("b") {
		count++
	}
	if count != 3 {
		t.Errorf("%d elements b", count)
	}
	c := n.children[2].find("c")
	if c.attr("v") != " 4 " || c.content() != "text" {
		t.Errorf("got %q and %q", c.attr("v"), c.content())
	}
}

func TestParseIsBounded(t *testing.T) {
	t.Parallel()
	if _, err := parse("<a>"+strings.Repeat("<b/>", maxNodes)+"</a>", "a"); err == nil {
		t.Error("too many elements are read")
	}
	if _, err := parse("<a>"+strings.Repeat(" ", maxDocument)+"</a>", "a"); err == nil {
		t.Error("a document that is too large is read")
	}
	n, err := parse("<a>"+nested(maxDepth+50)+"<last/></a>", "a")
	if err != nil {
		t.Fatal(err)
	}
	depth := 0
	for c := n; c != nil; c = c.find("x") {
		depth++
	}
	if depth != maxDepth || !n.has("last") {
		t.Errorf("%d levels are read, and what follows them: %v", depth, n.has("last"))
	}
}
