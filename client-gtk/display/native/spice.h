#pragma once

#include "frame.h"

/* KvmSpice: one SPICE session that paints its first display into a frame. */

typedef struct KvmSpice KvmSpice;

/* Takes the descriptor over. Go hears of everything by id (events.h), of the
 * end exactly once. SPICE has a connection per channel: Go is asked for each
 * (kvmGoMoreChannels) and answers with kvm_spice_channel. */
KvmSpice *kvm_spice_open(int fd, KvmFrame *frame, guint64 id);

/* Ends the session without another event and frees spice. */
void kvm_spice_close(KvmSpice *spice);

/* Takes the descriptor over, for the channel with this number. */
void kvm_spice_channel(KvmSpice *spice, guint64 number, int fd);

/* Sends a key: a scancode of XT's set 1, with 0x100 for a prefix of 0xe0. */
void kvm_spice_key(KvmSpice *spice, guint scancode, gboolean pressed);

/* Sends buttons (a bit each, as VNC has them) and a place, or how far the
 * pointer went. */
void kvm_spice_pointer(KvmSpice *spice, guint buttons, int x, int y);
void kvm_spice_move(KvmSpice *spice, guint buttons, int dx, int dy);

/* Asks for another size of the guest's screen; FALSE without an agent in it. */
gboolean kvm_spice_resize(KvmSpice *spice, int width, int height);

/* Offers text to the guest, which fetches it when somebody pastes. */
void kvm_spice_text(KvmSpice *spice, const char *text);
