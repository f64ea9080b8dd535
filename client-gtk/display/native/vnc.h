#pragma once

#include "frame.h"

/* KvmVnc: one VNC connection that paints into a frame. */

typedef struct KvmVnc KvmVnc;

/* Takes the descriptor over. Go hears of everything by id (events.h), of the
 * end exactly once. NULL when the descriptor is of no use. */
KvmVnc *kvm_vnc_open(int fd, KvmFrame *frame, guint64 id);

/* Ends the connection without another event and frees vnc. */
void kvm_vnc_close(KvmVnc *vnc);

/* Sends a key: a scancode of XT's set 1, with 0x80 for a prefix of 0xe0, and
 * a keysym for servers that know no scancodes. */
void kvm_vnc_key(KvmVnc *vnc, guint scancode, guint keysym, gboolean pressed);

/* Sends buttons (a bit each) and a place, or in relative mode 0x7fff plus how
 * far the pointer went. */
void kvm_vnc_pointer(KvmVnc *vnc, guint buttons, int x, int y);

/* Asks for another size of the guest's screen; FALSE when the server cannot. */
gboolean kvm_vnc_resize(KvmVnc *vnc, int width, int height);

/* Offers text to the guest; VNC has Latin-1 only. */
void kvm_vnc_text(KvmVnc *vnc, const char *text);

/* Whether somebody looks: without, no pictures are asked for. */
void kvm_vnc_set_active(KvmVnc *vnc, gboolean active);
