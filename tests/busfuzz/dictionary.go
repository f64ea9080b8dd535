package busfuzz

import (
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/godbus/dbus/v5"
)

// signatures are complete types of all kinds.
var signatures = []string{
	"y", "b", "n", "q", "i", "u", "x", "t", "d", "s", "o", "g", "h", "v", "as", "ao", "ay", "av", "a{sv}", "aa{sv}",
	"a{ss}", "a{oa{sa{sv}}}", "(sv)", "(s(ii)as)", "a(iiay)", "a{us}", "aas", "aaaaaaaas", "ah", "a{sh}", "(((((y)))))",
}

var numbers = []uint64{
	0, 1, 2, 63, 64, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 500, 60_000, 1 << 20, 1 << 30,
	math.MaxInt32, math.MaxInt32 + 1, math.MaxUint32, math.MaxUint32 + 1, 1 << 53, 1 << 62,
	math.MaxInt64, math.MaxInt64 + 1, math.MaxUint64, math.MaxUint64 - 1, math.MaxUint64 - 1023,
}

var floats = []float64{
	0, math.Copysign(0, -1), 1, -1, math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, math.SmallestNonzeroFloat64,
}

// fillers are repeated to a mebibyte; each has four bytes.
var fillers = []string{"aaaa", "%n%s", "../.", "\u202e\n", "éé", "<a>\n", "////", "&lt;", "😀"}

// paths are valid for the bus, if not for the service.
var paths = []dbus.ObjectPath{
	"/", "/org", "/org/kvmmanager", "/org/kvmmanager/hosts", "/org/kvmmanager/vms", "/org/kvmmanager/jobs",
	"/org/kvmmanager/hosts/_", "/org/kvmmanager/vms/_2e_2e", "/org/kvmmanager/vms/0", "/org/kvmmanager/jobs/18446744073709551616",
	"/org/kvmmanager/jobs/1", "/org/kvmmanager/jobs/_31", "/org/kvmmanager/hosts/nobody", "/org/kvmmanager/hosts/_00",
	"/org/kvmmanagerx", "/org/kvmmanager/vms/00000000_0000_0000_0000_000000000000",
	"/org/kvmmanager/vms/AAAAAAAA_0000_4000_8000_000000000000", "/org/kvmmanager/vms/a/b/c/d/e/f",
	dbus.ObjectPath("/org/kvmmanager/vms/" + strings.Repeat("x", 1<<16)), dbus.ObjectPath(strings.Repeat("/a", 2000)),
}

// keys are names of keys, most of which there are.
var keys = []string{"KEY_A", "KEY_LEFTCTRL", "KEY_LEFTALT", "KEY_DELETE", "KEY_F12", "KEY_RESERVED", "KEY_", "key_a", "30"}

// words are hostile, or plausible for some argument.
var words = append([]string{
	"", " ", "a", "0", "-1", "true", "null", ".", "..", "../..", "../../../../etc/passwd", "/etc/shadow", "/dev/null", "/",
	"a/b", "a\\b", "~", "$HOME", "$(id)", "`id`", "; reboot", "| cat", "--help", "-oProxyCommand=id", "*", "?", "%s%s%s%n", "%d",
	"{{.}}", "'", "\"", "' OR 1=1 --", "<b>", "&amp;", "]]>", "&", "<", ",", "a,b", "=", "key=value",
	"a b", " a", "a ", "a\nb", "a\r\nb", "a\tb", "\x01\x02\x03\x04\x05\x06\x07\b\v\f\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b[31m\x1c\x1d\x1e\x1f\x7f",
	"\u0080\u0085\u009b31m", "\u202egnp.exe", "\u200b", "\u2028", "\ufeff", "\ufffe", "\uffff", "\ufdd0", "\U0010ffff", "e\u0301", "ﬀ", "😀", "日本語",
	"Ω≈ç√", "I\u0307", "ſ", "CON", "NaN", "1e999", "99999999999999999999", "0x41", "org.kvmmanager.VM", "org.freedesktop.DBus.Properties",
	"now", "next-boot", "both", "running", "test", "new", "KEY_A", "*",
	"test:///default", "test:///etc/shadow", "test:///nowhere.xml", "test:///", "test+tcp://127.0.0.1:1/default", "TEST:///default",
	"test:///default?no_verify=1", "test://user:secret@127.0.0.1/default", "nothing:///", "xen:///", "://", "test:", "esx://127.0.0.1:1/?no_verify=1",
	"qemu+ext:///session?command=/bin/false", "http://127.0.0.1:1/", "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
	"00000000000000000000000000000000", "00000000-0000-0000-0000-00000000000g", "{00000000-0000-0000-0000-000000000000}",
	strings.Repeat("a", 64), strings.Repeat("a", 65), strings.Repeat("a", 255), strings.Repeat("a", 256), strings.Repeat("a", 4096),
	strings.Repeat("é", 127), strings.Repeat("é", 128), strings.Repeat("x", 65536), strings.Repeat("../", 1000),
	strings.Repeat("😀", 64), strings.Repeat("\u0301", 1000),
}, controls()...)

// controls is each control character on its own, which only some parsers
// refuse. Zero does not get past the bus.
func controls() []string {
	var all []string
	for r := rune(1); r < 0xa0; r++ {
		if r < ' ' || r >= 0x7f {
			all = append(all, "c"+string(r)+"c")
		}
	}
	return all
}

// sortedKeys makes what is drawn from a map depend on the seed alone.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
