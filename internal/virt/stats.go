package virt

/*
#cgo pkg-config: libvirt
#include <stdlib.h>
#include <string.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

// kvmm_device is one disk (in: read, out: written) or network interface.
typedef struct {
	char name[64];
	int known;
	unsigned long long in, out, in_count, out_count;
} kvmm_device;

// kvmm_list is the devices of one kind, by libvirt's index.
typedef struct {
	kvmm_device *devices;
	int n, has_count;
	unsigned long long count;
} kvmm_list;

// kvmm_stats is what is wanted of the named values that libvirt gives for one
// VM. Sums are over all interfaces and disks.
typedef struct {
	char uuid[VIR_UUID_STRING_BUFLEN];
	int state, reason;
	unsigned long long cpu, available, usable, unused, current, rss;
	int has_unused, has_usable, has_memory;
	kvmm_list disks, nets;
} kvmm_stats;

static unsigned long long kvmm_number(const virTypedParameter *p)
{
	switch (p->type) {
	case VIR_TYPED_PARAM_INT: return p->value.i < 0 ? 0 : p->value.i;
	case VIR_TYPED_PARAM_UINT: return p->value.ui;
	case VIR_TYPED_PARAM_LLONG: return p->value.l < 0 ? 0 : p->value.l;
	case VIR_TYPED_PARAM_ULLONG: return p->value.ul;
	default: return 0;
	}
}

// kvmm_device_of takes the index and the rest out of a field such as 3.rd.bytes. It
// returns NULL for other fields, and without memory.
static kvmm_device *kvmm_device_of(kvmm_list *list, const char *field, const char **rest)
{
	char *end;
	unsigned long index = strtoul(field, &end, 10);

	if (end == field || *end != '.' || index >= 1024)
		return NULL;
	if ((int)index >= list->n) {
		kvmm_device *more = realloc(list->devices, (index + 1) * sizeof(kvmm_device));
		if (!more)
			return NULL;
		memset(more + list->n, 0, (index + 1 - list->n) * sizeof(kvmm_device));
		list->devices = more;
		list->n = index + 1;
	}
	*rest = end + 1;
	return &list->devices[index];
}

static void kvmm_take_device(kvmm_list *list, const virTypedParameter *p, const char *field,
			     const char *in, const char *out)
{
	const char *rest;
	kvmm_device *d;

	if (strcmp(field, "count") == 0) {
		list->count = kvmm_number(p);
		list->has_count = 1;
		return;
	}
	d = kvmm_device_of(list, field, &rest);
	if (!d)
		return;
	if (strcmp(rest, "name") == 0 && p->type == VIR_TYPED_PARAM_STRING && p->value.s) {
		strncpy(d->name, p->value.s, sizeof(d->name) - 1);
		return;
	}
	size_t n = strlen(in), m = strlen(out);
	unsigned long long v = kvmm_number(p);
	if (strncmp(rest, in, n) == 0) {
		if (strcmp(rest + n, ".bytes") == 0) { d->in = v; d->known = 1; }
		else if (strcmp(rest + n, ".reqs") == 0 || strcmp(rest + n, ".pkts") == 0) d->in_count = v;
	} else if (strncmp(rest, out, m) == 0) {
		if (strcmp(rest + m, ".bytes") == 0) { d->out = v; d->known = 1; }
		else if (strcmp(rest + m, ".reqs") == 0 || strcmp(rest + m, ".pkts") == 0) d->out_count = v;
	}
}

static void kvmm_take(kvmm_stats *out, const virTypedParameter *p)
{
	const char *f = p->field;
	unsigned long long v = kvmm_number(p);

	if (strcmp(f, "state.state") == 0) out->state = (int)v;
	else if (strcmp(f, "state.reason") == 0) out->reason = (int)v;
	else if (strcmp(f, "cpu.time") == 0) out->cpu = v;
	else if (strcmp(f, "balloon.current") == 0) out->current = v;
	else if (strcmp(f, "balloon.available") == 0) { out->available = v; out->has_memory = 1; }
	else if (strcmp(f, "balloon.unused") == 0) { out->unused = v; out->has_unused = 1; }
	else if (strcmp(f, "balloon.usable") == 0) { out->usable = v; out->has_usable = 1; }
	else if (strcmp(f, "balloon.rss") == 0) { out->rss = v; out->has_memory = 1; }
	else if (strncmp(f, "net.", 4) == 0) kvmm_take_device(&out->nets, p, f + 4, "rx", "tx");
	else if (strncmp(f, "block.", 6) == 0) kvmm_take_device(&out->disks, p, f + 6, "rd", "wr");
}

static void kvmm_free_stats(kvmm_stats *stats, int n)
{
	for (int i = 0; i < n; i++) {
		free(stats[i].disks.devices);
		free(stats[i].nets.devices);
	}
	free(stats);
}

// kvmm_all_stats asks for all VMs in one call. The caller frees *out. When it
// fails it returns -1 with the code, the domain and a copy of the message.
static int kvmm_all_stats(void *conn, unsigned int types, unsigned int flags, kvmm_stats **out,
			  int *code, int *domain, char **message)
{
	virDomainStatsRecordPtr *records = NULL;
	int n = virConnectGetAllDomainStats((virConnectPtr)conn, types, &records, flags);

	if (n < 0) {
		virErrorPtr e = virGetLastError();
		*code = e ? e->code : VIR_ERR_INTERNAL_ERROR;
		*domain = e ? e->domain : 0;
		*message = strdup(e && e->message ? e->message : "");
		return -1;
	}
	*out = calloc(n ? n : 1, sizeof(kvmm_stats));
	if (!*out) {
		virDomainStatsRecordListFree(records);
		*code = VIR_ERR_NO_MEMORY;
		*domain = 0;
		*message = NULL;
		return -1;
	}
	for (int i = 0; i < n; i++) {
		virDomainGetUUIDString(records[i]->dom, (*out)[i].uuid);
		for (int j = 0; j < records[i]->nparams; j++)
			kvmm_take(&(*out)[i], &records[i]->params[j]);
	}
	virDomainStatsRecordListFree(records);
	return n;
}
*/
import "C"

import (
	"unsafe"

	"libvirt.org/go/libvirt"
)

// Groups of statistics. vCPU statistics are not asked for: newer QEMUs answer
// with hundreds of values for each.
const (
	statsState = C.VIR_DOMAIN_STATS_STATE
	statsUsage = C.VIR_DOMAIN_STATS_CPU_TOTAL | C.VIR_DOMAIN_STATS_BALLOON |
		C.VIR_DOMAIN_STATS_INTERFACE | C.VIR_DOMAIN_STATS_BLOCK
)

// vmStats is what one VM's statistics say. Memory is in KiB. Without hasMemory
// nothing was told of it, which differs from zero.
type vmStats struct {
	state, reason                  int
	cpu                            uint64
	available, unused, usable, rss uint64
	hasUnused, hasUsable           bool
	hasMemory                      bool
	disks, interfaces              deviceList
}

// deviceList is the counters of a VM's disks or interfaces.
type deviceList struct {
	unknown bool // nothing was told of them
	known   []deviceStats
}

// deviceStats counts what one device read and wrote, or received and sent.
type deviceStats struct {
	name              string // vda, vnet0
	in, out           uint64 // bytes
	inCount, outCount uint64 // requests or packets
}

// sum adds up the bytes.
func (l deviceList) sum() (in, out uint64) {
	for _, d := range l.known {
		in, out = in+d.in, out+d.out
	}
	return in, out
}

// allStats asks for all VMs in one call. The binding's own function makes one
// more call for each VM, hence this one. With running set it asks only the VMs
// that run, and does not wait for one that is busy: libvirt's QEMU driver then
// leaves out what it would have to ask QEMU for, which is all of the disks' byte
// counters and of memory all but its size (HAVE_JOB in libvirt's qemu_driver.c).
func allStats(conn *libvirt.Connect, types uint, running bool) (map[string]vmStats, error) {
	raw, err := conn.RawPtr()
	if err != nil {
		return nil, err
	}
	defer libvirt.CloseRawPtr(raw)
	var flags C.uint
	if running {
		flags = C.VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE | C.VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT
	}
	var (
		out          *C.kvmm_stats
		code, domain C.int
		message      *C.char
	)
	n := C.kvmm_all_stats(unsafe.Pointer(raw), C.uint(types), flags, &out, &code, &domain, &message)
	if n < 0 {
		defer C.free(unsafe.Pointer(message))
		return nil, libvirt.Error{
			Code: libvirt.ErrorNumber(code), Domain: libvirt.ErrorDomain(domain),
			Message: C.GoString(message), Level: libvirt.ERR_ERROR,
		}
	}
	defer C.kvmm_free_stats(out, n)
	stats := make(map[string]vmStats, n)
	for _, s := range unsafe.Slice(out, n) {
		stats[C.GoString(&s.uuid[0])] = vmStats{
			state: int(s.state), reason: int(s.reason), cpu: uint64(s.cpu),
			available: uint64(s.available), unused: uint64(s.unused), usable: uint64(s.usable), rss: uint64(s.rss),
			hasUnused: s.has_unused != 0, hasUsable: s.has_usable != 0,
			hasMemory: s.has_memory != 0, disks: deviceListOf(&s.disks), interfaces: deviceListOf(&s.nets),
		}
	}
	return stats, nil
}

func deviceListOf(list *C.kvmm_list) deviceList {
	var l deviceList
	for _, d := range unsafe.Slice(list.devices, list.n) {
		if d.known != 0 {
			l.known = append(l.known, deviceStats{
				name: C.GoString(&d.name[0]), in: uint64(d.in), out: uint64(d.out),
				inCount: uint64(d.in_count), outCount: uint64(d.out_count),
			})
		}
	}
	l.unknown = list.has_count == 0 || list.count > 0 && len(l.known) == 0
	return l
}
