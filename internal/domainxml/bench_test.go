package domainxml

import (
	"os"
	"testing"
)

func BenchmarkX(b *testing.B) {
	for _, v := range []string{"rich", "plain", "uefi"} {
		l, _ := os.ReadFile("/tmp/dxml/share/" + v + "-live.xml")
		s, _ := os.ReadFile("/tmp/dxml/share/" + v + "-stored.xml")
		_, err := ParseVM(string(l), string(s))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(v, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				ParseVM(string(l), string(s))
			}
		})
	}
}
