package bus

import "encoding/binary"

// encoder appends values in D-Bus's wire format, little-endian. What it starts
// with counts as aligned to 8.
type encoder struct{ b []byte }

func (e *encoder) align(n int) {
	for len(e.b)%n != 0 {
		e.b = append(e.b, 0)
	}
}

func (e *encoder) byte(v byte) { e.b = append(e.b, v) }

func (e *encoder) uint32(v uint32) {
	e.align(4)
	e.b = binary.LittleEndian.AppendUint32(e.b, v)
}

// string appends a string or an object path.
func (e *encoder) string(s string) {
	e.uint32(uint32(len(s)))
	e.b = append(e.b, s...)
	e.b = append(e.b, 0)
}

func (e *encoder) signature(s string) {
	e.byte(byte(len(s)))
	e.b = append(e.b, s...)
	e.b = append(e.b, 0)
}

// array appends an array whose elements are aligned to 8: its length, the
// padding before the first element, which does not count, and what elements
// appends.
func (e *encoder) array(elements func()) {
	e.uint32(0)
	length := len(e.b) - 4
	e.align(8)
	start := len(e.b)
	elements()
	binary.LittleEndian.PutUint32(e.b[length:], uint32(len(e.b)-start))
}
