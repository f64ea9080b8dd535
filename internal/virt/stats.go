package virt

/*
#cgo pkg-config: libvirt
#include <stdlib.h>
#include <string.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

// kvmm_stats is what is wanted of the named values that libvirt gives for one
// VM. Sums are over all interfaces and disks.
typedef struct {
	char uuid[VIR_UUID_STRING_BUFLEN];
	int state, reason;
	unsigned long long cpu, available, usable, unused, current, rss;
	int has_unused, has_usable, has_memory, has_disks;
	unsigned long long rx, tx, rd, wr;
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

static int kvmm_ends(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);
	return n >= m && strcmp(s + n - m, end) == 0;
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
	else if (strncmp(f, "net.", 4) == 0) {
		if (kvmm_ends(f, ".rx.bytes")) out->rx += v;
		else if (kvmm_ends(f, ".tx.bytes")) out->tx += v;
	} else if (strncmp(f, "block.", 6) == 0) {
		if (kvmm_ends(f, ".rd.bytes")) { out->rd += v; out->has_disks = 1; }
		else if (kvmm_ends(f, ".wr.bytes")) { out->wr += v; out->has_disks = 1; }
		else if (strcmp(f, "block.count") == 0 && v == 0) out->has_disks = 1;
	}
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
// or hasDisks nothing was told of them, which differs from zero.
type vmStats struct {
	state, reason                  int
	cpu                            uint64
	available, unused, usable, rss uint64
	hasUnused, hasUsable           bool
	hasMemory, hasDisks            bool
	rx, tx, read, written          uint64
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
	defer C.free(unsafe.Pointer(out))
	stats := make(map[string]vmStats, n)
	for _, s := range unsafe.Slice(out, n) {
		stats[C.GoString(&s.uuid[0])] = vmStats{
			state: int(s.state), reason: int(s.reason), cpu: uint64(s.cpu),
			available: uint64(s.available), unused: uint64(s.unused), usable: uint64(s.usable), rss: uint64(s.rss),
			hasUnused: s.has_unused != 0, hasUsable: s.has_usable != 0,
			hasMemory: s.has_memory != 0, hasDisks: s.has_disks != 0,
			rx: uint64(s.rx), tx: uint64(s.tx), read: uint64(s.rd), written: uint64(s.wr),
		}
	}
	return stats, nil
}
