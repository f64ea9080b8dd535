#pragma once

#include <gtk/gtk.h>

#include "frame.h"
#include "geometry.h"

/* KvmView: the widget that shows a KvmFrame and says what keyboard and
 * pointer do over it. Events go to Go as numbers together with the view's id;
 * the widget holds nothing of Go's, so neither side keeps the other alive. */

#define KVM_TYPE_VIEW (kvm_view_get_type())
G_DECLARE_FINAL_TYPE(KvmView, kvm_view, KVM, VIEW, GtkWidget)

/* A view within a GtkScrolledWindow, which is what belongs into a window. */
GtkWidget *kvm_view_new(KvmView **view);

KvmFrame *kvm_view_frame(KvmView *view);

/* Events carry this id; with 0 none are sent. */
void kvm_view_set_id(KvmView *view, guint64 id);
void kvm_view_set_scaling(KvmView *view, KvmScaling scaling);

/* The pointer's shape over the view, straight RGBA; NULL with a size of 0
 * hides it, kvm_view_default_cursor gives the desktop's own back. */
void kvm_view_set_cursor(KvmView *view, const guint8 *rgba, int width, int height, int hot_x, int hot_y);
void kvm_view_default_cursor(KvmView *view);

/* Asks the desktop for its shortcuts (Alt+Tab and the like), or returns them. */
void kvm_view_inhibit_shortcuts(KvmView *view, gboolean inhibit);

/* Takes the keyboard focus, or gives it back to the window. */
void kvm_view_focus(KvmView *view, gboolean focus);

/* What a screen reader calls it. */
void kvm_view_name(KvmView *view, const char *name);

/* The keysym that a hardware keycode has without modifiers. */
guint kvm_view_keysym(KvmView *view, guint keycode);

/* The guest's pixel at a point of the view. */
gboolean kvm_view_to_guest(KvmView *view, double x, double y, int *guest_x, int *guest_y);

/* The size in device pixels that a guest should have to fill the view. */
void kvm_view_device_size(KvmView *view, int *width, int *height);

/* Puts the desktop's pointer into the middle of the view, where the desktop
 * lets a program do that (X11). FALSE where it does not. */
gboolean kvm_view_centre_pointer(KvmView *view);

/* The desktop's clipboard: text in, and changes out through kvmGoClipboard
 * while watched. */
void kvm_view_set_clipboard(KvmView *view, const char *text);
void kvm_view_watch_clipboard(KvmView *view, gboolean watch);

/* Whether a point is nearer to the view's border than a part of its size. */
gboolean kvm_view_near_edge(KvmView *view, double x, double y, double part);
