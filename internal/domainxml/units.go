package domainxml

import (
	"math"
	"math/bits"
	"strconv"
)

// factors are the units of libvirt's scaled integers (virScaleInteger): one
// letter and "iB" are powers of 1024, "B" powers of 1000.
var factors = map[string]uint64{
	"b": 1, "bytes": 1, "B": 1,
	"k": 1 << 10, "K": 1 << 10, "KiB": 1 << 10, "kib": 1 << 10, "KB": 1e3, "kb": 1e3,
	"m": 1 << 20, "M": 1 << 20, "MiB": 1 << 20, "mib": 1 << 20, "MB": 1e6, "mb": 1e6,
	"g": 1 << 30, "G": 1 << 30, "GiB": 1 << 30, "gib": 1 << 30, "GB": 1e9, "gb": 1e9,
	"t": 1 << 40, "T": 1 << 40, "TiB": 1 << 40, "tib": 1 << 40, "TB": 1e12, "tb": 1e12,
	"p": 1 << 50, "P": 1 << 50, "PiB": 1 << 50, "pib": 1 << 50, "PB": 1e15, "pb": 1e15,
	"e": 1 << 60, "E": 1 << 60, "EiB": 1 << 60, "eib": 1 << 60, "EB": 1e18, "eb": 1e18,
}

// size is an element's number in its unit attribute, as bytes. A number that is
// none is 0, and one that does not fit is the largest that does.
func (n *node) size(defaultUnit string) uint64 {
	value, err := strconv.ParseUint(n.content(), 10, 64)
	if err != nil {
		return 0
	}
	unit := n.attr("unit")
	if unit == "" {
		unit = defaultUnit
	}
	return scale(value, unit)
}

func scale(value uint64, unit string) uint64 {
	factor, ok := factors[unit]
	if !ok {
		return 0
	}
	high, low := bits.Mul64(value, factor)
	if high != 0 {
		return math.MaxUint64
	}
	return low
}

// number is a decimal number, 0 when it is none or does not fit.
func number(s string) uint32 {
	v, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return 0
	}
	return uint32(v)
}

// hexNumber reads libvirt's address parts: decimal, or hexadecimal with 0x.
func hexNumber(s string) (uint64, bool) {
	v, err := strconv.ParseUint(s, 0, 64)
	return v, err == nil
}
