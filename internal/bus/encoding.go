package bus

import (
	"log/slog"
	"sync/atomic"

	"github.com/godbus/dbus/v5"
)

// encoding is an object in D-Bus's wire format, made once for as long as the
// object does not change. It answers GetManagedObjects, whose elements
// {oa{sa{sv}}} it is byte for byte, InterfacesAdded, whose body oa{sa{sv}} is
// the same bytes, and GetAll, whose a{sv} are in its middle.
//
// It can be moved because the format's alignment is relative to the start of
// the message and knows nothing beyond 8: bytes that began at a multiple of 8
// are right at any other multiple of 8.
type encoding struct {
	padded []byte   // with zeros after it up to a multiple of 8
	length int      // without them
	props  [][2]int // per part, where the elements of its a{sv} begin and end
}

type encodingCache struct{ atomic.Pointer[encoding] }

// body is the encoding as a message's body.
func (e *encoding) body() []byte { return e.padded[:e.length:e.length] }

// all is the body of GetAll for the part at this index.
func (e *encoding) all(index int) []byte {
	elements := e.padded[e.props[index][0]:e.props[index][1]]
	out := encoder{make([]byte, 0, 8+len(elements))}
	out.array(func() { out.b = append(out.b, elements...) })
	return out.b
}

// encoding is the object's encoding, from the cache if it is there. Two
// goroutines that miss it both make it, which does no harm.
func (o *object) encoding(log *slog.Logger) *encoding { return o.encode(&o.cache, (*part).value, log) }

// briefEncoding is a shorter form of the object's encoding.
func (o *object) briefEncoding(log *slog.Logger) *encoding {
	return o.encode(&o.brief, (*part).briefValue, log)
}

// valueFunc reads a property of a part.
type valueFunc func(*part, *Property, *slog.Logger) (dbus.Variant, bool)

func (o *object) encode(cache *encodingCache, value valueFunc, log *slog.Logger) *encoding {
	if e := cache.Load(); e != nil {
		return e
	}
	elements := make([][]byte, len(o.parts))
	size := 64 + len(o.path)
	for i, p := range o.parts {
		elements[i] = p.elements(value, log)
		size += 32 + len(p.iface.Name) + len(elements[i])
	}
	out := encoder{make([]byte, 0, size)}
	e := &encoding{props: make([][2]int, len(o.parts))}
	out.string(string(o.path))
	out.array(func() {
		for i, p := range o.parts {
			out.align(8)
			out.string(p.iface.Name)
			out.array(func() {
				start := len(out.b)
				out.b = append(out.b, elements[i]...)
				e.props[i] = [2]int{start, len(out.b)}
			})
		}
	})
	e.length = len(out.b)
	out.align(8)
	e.padded = out.b
	cache.Store(e)
	return e
}

// elements is the elements of the part's a{sv}, in the order of declaration.
func (p *part) elements(value valueFunc, log *slog.Logger) []byte {
	entries := p.entries(value, log)
	body, _, err := marshalBody([]any{entries})
	if err != nil {
		body, _, _ = marshalBody([]any{p.encodable(entries, log)})
	}
	return body[8:] // after the length and its padding
}

// entries is the part's properties, in the order of declaration.
func (p *part) entries(value valueFunc, log *slog.Logger) Dict {
	entries := make(Dict, 0, len(p.iface.Properties))
	for _, decl := range p.iface.Properties {
		if v, ok := value(p, decl, log); ok {
			entries = append(entries, Entry{decl.Name, v})
		}
	}
	return entries
}

// encodable leaves out the values that cannot be encoded, such as a string
// that is not UTF-8, so that they spoil nothing but themselves.
func (p *part) encodable(entries Dict, log *slog.Logger) Dict {
	good := make(Dict, 0, len(entries))
	for _, e := range entries {
		if _, _, err := marshalBody([]any{e}); err != nil {
			log.Error("a property was left out", "interface", p.iface.Name, "property", e.Key, "error", err)
			continue
		}
		good = append(good, e)
	}
	return good
}

// value reads a property and holds it against its declaration.
func (p *part) value(decl *Property, log *slog.Logger) (dbus.Variant, bool) {
	if p.props == nil {
		return dbus.Variant{}, false
	}
	v, ok := p.props.Get(decl.Name)
	if !ok || v.Signature().String() != decl.Type {
		log.Error("a property is not as declared", "interface", p.iface.Name, "property", decl.Name,
			"declared", decl.Type, "exists", ok, "type", v.Signature().String())
		return dbus.Variant{}, false
	}
	return v, true
}

// briefValue is value in its shorter form, if it has one.
func (p *part) briefValue(decl *Property, log *slog.Logger) (dbus.Variant, bool) {
	if b, ok := p.props.(Brief); ok {
		if v, ok := b.Brief(decl.Name); ok && v.Signature().String() == decl.Type {
			return v, true
		}
	}
	return p.value(decl, log)
}

const (
	// briefAbove is how long an object may be, in bytes, that is shown in full even
	// if the list of all is too long.
	briefAbove = 4 << 10
	// maxObjects is how long the list of all objects may be, in bytes. The rest is
	// for the header.
	maxObjects = maxReply - 1<<10
)

var errTooManyObjects = tooMany("There are too many objects for one message. Read them in parts, or one by one.")

// listed returns the encodings of objects for one list: where they are too long
// together, the long ones in their shorter form.
func listed(objects []*object, room int, log *slog.Logger) ([]*encoding, error) {
	list, total := make([]*encoding, len(objects)), 0
	for i, o := range objects {
		list[i] = o.encoding(log)
		total += len(list[i].padded)
	}
	for i, o := range objects {
		if total <= room {
			break
		}
		if before := len(list[i].padded); before > briefAbove {
			list[i] = o.briefEncoding(log)
			total += len(list[i].padded) - before
		}
	}
	if total > room {
		return nil, errTooManyObjects
	}
	return list, nil
}

// managedObjects is the body of GetManagedObjects, in pieces.
func managedObjects(list []*encoding) [][]byte {
	pieces := make([][]byte, 1, 1+len(list))
	length := 0
	for i, e := range list {
		piece := e.padded
		if i == len(list)-1 {
			piece = e.body() // nothing follows, so nothing is padded
		}
		pieces = append(pieces, piece)
		length += len(piece)
	}
	head := encoder{make([]byte, 0, 8)}
	head.uint32(uint32(length))
	head.align(8)
	pieces[0] = head.b
	return pieces
}
