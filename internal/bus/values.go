package bus

import "encoding/binary"

// countValues counts the values in a body of this signature, which begins at
// start, without decoding them: some bytes become hundreds when they are. It
// returns an error if there are too many, if they are nested too deeply, or if
// the bytes are no such values.
func countValues(signature string, frame []byte, start int) (int, error) {
	order, err := byteOrder(frame[0])
	if err != nil {
		return 0, err
	}
	c := &counter{b: frame[start:], order: order}
	for signature != "" {
		if signature = c.value(signature, 0); c.err != nil {
			return 0, c.err
		}
	}
	return c.values, nil
}

// counter walks over a body. The first error stays.
type counter struct {
	b      []byte
	pos    int
	order  binary.ByteOrder
	values int
	err    error
}

var (
	errTooManyValues = tooMany("The arguments have more than %d values.", maxValues)
	errTooDeep       = tooMany("The arguments are nested more than %d deep.", maxNesting)
	errBody          = invalidArgs("The arguments cannot be decoded.")
)

// value walks over a value of the first type of sig, and returns the rest of
// sig.
func (c *counter) value(sig string, depth int) string {
	c.count(1)
	if depth > maxNesting {
		c.fail(errTooDeep)
	}
	if sig == "" {
		c.fail(errBody)
	}
	if c.err != nil {
		return ""
	}
	switch sig[0] {
	case 's', 'o':
		c.skip(int(c.uint32()) + 1)
	case 'g':
		c.signature()
	case 'v':
		if rest := c.value(c.signature(), depth+1); rest != "" {
			c.fail(errBody)
		}
	case 'a':
		return c.array(sig[1:], depth+1)
	case '(', '{':
		return c.fields(sig, depth+1)
	default:
		size := fixedSize(sig[0])
		if size == 0 {
			c.fail(errBody)
			return ""
		}
		c.align(size)
		c.skip(size)
	}
	return sig[1:]
}

// array walks over an array whose elements have the first type of sig.
func (c *counter) array(sig string, depth int) string {
	n := singleType(sig)
	if n == 0 {
		c.fail(errBody)
		return ""
	}
	element, rest := sig[:n], sig[n:]
	length := int(c.uint32())
	c.align(alignment(element[0]))
	end := c.pos + length
	if end > len(c.b) {
		c.fail(errBody)
	}
	if size := fixedSize(element[0]); size > 0 && c.err == nil {
		c.count(length / size)
		c.skip(length)
		return rest
	}
	for c.err == nil && c.pos < end {
		c.value(element, depth)
	}
	if c.pos > end {
		c.fail(errBody)
	}
	return rest
}

// fields walks over a struct or a dict entry.
func (c *counter) fields(sig string, depth int) string {
	c.align(8)
	for sig = sig[1:]; c.err == nil && sig != ""; {
		if sig[0] == ')' || sig[0] == '}' {
			return sig[1:]
		}
		sig = c.value(sig, depth)
	}
	c.fail(errBody)
	return ""
}

func (c *counter) fail(err error) {
	if c.err == nil {
		c.err = err
	}
}

func (c *counter) count(n int) {
	if c.values += n; c.values > maxValues {
		c.fail(errTooManyValues)
	}
}

func (c *counter) skip(n int) {
	if n < 0 || n > len(c.b)-c.pos {
		c.fail(errBody)
		return
	}
	c.pos += n
}

func (c *counter) align(n int) { c.skip(-c.pos & (n - 1)) }

func (c *counter) uint32() uint32 {
	c.align(4)
	c.skip(4)
	if c.err != nil {
		return 0
	}
	return c.order.Uint32(c.b[c.pos-4:])
}

func (c *counter) signature() string {
	c.skip(1)
	if c.err != nil {
		return ""
	}
	n := int(c.b[c.pos-1])
	c.skip(n + 1)
	if c.err != nil {
		return ""
	}
	return string(c.b[c.pos-1-n : c.pos-1])
}

// fixedSize is the size of a type whose values are all of one size, or zero.
func fixedSize(typ byte) int {
	switch typ {
	case 'y':
		return 1
	case 'n', 'q':
		return 2
	case 'b', 'i', 'u', 'h':
		return 4
	case 'x', 't', 'd':
		return 8
	default:
		return 0
	}
}

func alignment(typ byte) int {
	switch typ {
	case 's', 'o', 'a':
		return 4
	case 'g', 'v':
		return 1
	case '(', '{':
		return 8
	default:
		return max(1, fixedSize(typ))
	}
}
