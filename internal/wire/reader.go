package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"

	"org.kvmmanager/internal/model"
)

// errShort says that the bytes end before the value, or that they are no value
// of that type.
var errShort = errors.New("cannot decode the message: it is malformed")

// Reader reads the body of a message value by value, without the detour over
// variants and maps that Decode takes: a client that starts reads thousands of
// objects. After an error it reads zero values; see Err.
type Reader struct {
	b     []byte
	pos   int
	order binary.ByteOrder
	err   error
	// words keeps one copy of each short text. Most texts of many objects are
	// the same: machine types, drivers, formats, paths of hosts.
	words map[string]string
}

// maxWord is the longest text that is looked up in words.
const maxWord = 48

// NewReader reads a body in this byte order.
func NewReader(body []byte, order binary.ByteOrder) *Reader { return &Reader{b: body, order: order} }

// Err is the first thing that went wrong.
func (r *Reader) Err() error { return r.err }

func (r *Reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

func (r *Reader) align(n int) { r.pos = (r.pos + n - 1) &^ (n - 1) }

// take is the next n bytes; nil when there are not that many.
func (r *Reader) take(n int) []byte {
	if r.err != nil || n < 0 || r.pos > len(r.b) || n > len(r.b)-r.pos {
		r.fail(errShort)
		return nil
	}
	r.pos += n
	return r.b[r.pos-n : r.pos]
}

// Byte reads a y.
func (r *Reader) Byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

// Uint32 reads a u, and what travels as one.
func (r *Reader) Uint32() uint32 {
	r.align(4)
	if b := r.take(4); b != nil {
		return r.order.Uint32(b)
	}
	return 0
}

// Uint64 reads a t, and what travels as one.
func (r *Reader) Uint64() uint64 {
	r.align(8)
	if b := r.take(8); b != nil {
		return r.order.Uint64(b)
	}
	return 0
}

// Bool reads a b.
func (r *Reader) Bool() bool { return r.Uint32() != 0 }

// Float64 reads a d.
func (r *Reader) Float64() float64 { return math.Float64frombits(r.Uint64()) }

// bytes is a text where it lies.
func (r *Reader) bytes() []byte {
	n := r.Uint32()
	if n > math.MaxInt32-1 {
		r.fail(errShort)
		return nil
	}
	if b := r.take(int(n) + 1); b != nil {
		return b[:n]
	}
	return nil
}

// Text reads an s or an o.
func (r *Reader) Text() string {
	b := r.bytes()
	if len(b) > maxWord {
		return string(b)
	}
	if word, known := r.words[string(b)]; known {
		return word
	}
	if r.words == nil {
		r.words = make(map[string]string)
	}
	word := string(b)
	r.words[word] = word
	return word
}

// Path reads an o; "/" is no object.
func (r *Reader) Path() model.Path {
	if p := r.Text(); p != "/" {
		return model.Path(p)
	}
	return ""
}

// Signature reads a g.
func (r *Reader) Signature() string { return string(r.signature()) }

func (r *Reader) signature() []byte {
	n := int(r.Byte())
	if b := r.take(n + 1); b != nil {
		return b[:n]
	}
	return nil
}

// Array reads the beginning of an array whose elements have this alignment
// (8 for dictionaries and structs), and says where it ends, for More.
func (r *Reader) Array(alignment int) (end int) {
	n := r.Uint32()
	r.align(alignment)
	if r.err != nil || n > math.MaxInt32 || int(n) > len(r.b)-r.pos {
		r.fail(errShort)
		return r.pos
	}
	return r.pos + int(n)
}

// More says whether the array that ends there has another element.
func (r *Reader) More(end int) bool { return r.err == nil && r.pos < end }

// Entry goes to the next entry of a dictionary.
func (r *Reader) Entry() { r.align(8) }

var closing = map[byte]string{'(': ")", '{': "}"}

// maxDepth is how deeply D-Bus lets values nest.
const maxDepth = 64

// Skip passes over values of these types.
func (r *Reader) Skip(signature string) { r.skip(signature, 0) }

func (r *Reader) skip(sig string, depth int) {
	if depth > maxDepth {
		r.fail(errShort)
	}
	for sig != "" && r.err == nil {
		one := sig[:single(sig)]
		sig = sig[len(one):]
		switch one[0] {
		case 'y':
			r.take(1)
		case 'n', 'q':
			r.align(2)
			r.take(2)
		case 'b', 'i', 'u', 'h':
			r.Uint32()
		case 'x', 't', 'd':
			r.Uint64()
		case 's', 'o':
			r.bytes()
		case 'g':
			r.signature()
		case 'v':
			inner := r.Signature()
			r.skip(inner, depth+1)
		case 'a':
			r.pos = r.Array(alignment(one[1:]))
		case '(', '{':
			inner, closed := strings.CutSuffix(one[1:], closing[one[0]])
			if !closed {
				r.fail(errShort)
			}
			r.align(8)
			r.skip(inner, depth+1)
		default:
			r.fail(fmt.Errorf("cannot decode the message: it has the type %q", one))
		}
	}
}

// single is the length of the first complete type. Of a signature that is not
// valid it is everything.
func single(sig string) int {
	n, depth := 0, 0
	for n < len(sig) {
		switch sig[n] {
		case '(', '{':
			depth++
		case ')', '}':
			depth--
		}
		n++
		if depth == 0 && sig[n-1] != 'a' {
			return n
		}
	}
	return len(sig)
}

func alignment(sig string) int {
	if sig == "" {
		return 1
	}
	switch sig[0] {
	case 'n', 'q':
		return 2
	case 'b', 'i', 'u', 'h', 's', 'o', 'a':
		return 4
	case 'x', 't', 'd', '(', '{':
		return 8
	default:
		return 1
	}
}
