#pragma once

#include <glib.h>

/* What Go exports (export.go), declared by hand so that the .c files need not
 * wait for cgo's header. All are called on the main loop. */

extern void kvmGoKey(guint64 id, guint keycode, guint keysym, gboolean pressed);
extern void kvmGoMotion(guint64 id, double x, double y);
extern void kvmGoButton(guint64 id, guint button, gboolean pressed);
extern void kvmGoScroll(guint64 id, double dx, double dy);
extern void kvmGoFocus(guint64 id, gboolean focused);
extern void kvmGoMapped(guint64 id, gboolean mapped);
extern void kvmGoSized(guint64 id);
extern void kvmGoGone(guint64 id);
extern void kvmGoClipboard(guint64 id, char *text);

extern void kvmGoConnected(guint64 id);
extern void kvmGoClosed(guint64 id, char *why);
extern void kvmGoResized(guint64 id, int width, int height);
extern void kvmGoPointerMode(guint64 id, gboolean absolute);
extern void kvmGoCursor(guint64 id, guint8 *rgba, int width, int height, int hot_x, int hot_y);
extern void kvmGoGuestText(guint64 id, char *text);
extern void kvmGoMoreChannels(guint64 id, guint64 channel);

extern void kvmGoTerminalClosed(guint64 id, int error);
