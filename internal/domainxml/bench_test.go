package domainxml

import "testing"

// BenchmarkParseVM parses the live and the stored document of a VM: plain is a
// small one, uefi a usual one, rich one with every kind of device.
func BenchmarkParseVM(b *testing.B) {
	for _, name := range []string{"plain", "uefi", "rich"} {
		b.Run(name, func(b *testing.B) {
			live, stored := vmPair(b, name)
			b.SetBytes(int64(len(live) + len(stored)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ParseVM(live, stored); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCheck(b *testing.B) {
	_, stored := vmPair(b, "rich")
	b.SetBytes(int64(len(stored)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := Check(stored); err != nil {
			b.Fatal(err)
		}
	}
}
