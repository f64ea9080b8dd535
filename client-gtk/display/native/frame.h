#pragma once

#include <gtk/gtk.h>

/* KvmFrame: a guest's screen as a GdkPaintable.
 *
 * It reads the pixels that a protocol library writes and keeps them as
 * textures of at most KVM_TILE pixels a side. Damage only marks tiles; a tile
 * becomes a new texture when it is next drawn, so that a screen nobody sees
 * costs nothing and several changes between two frames cost one copy. */

#define KVM_TYPE_FRAME (kvm_frame_get_type())
G_DECLARE_FINAL_TYPE(KvmFrame, kvm_frame, KVM, FRAME, GObject)

#define KVM_TILE 256

KvmFrame *kvm_frame_new(void);

/* Lends the frame pixels: 32 bits each, blue in the lowest byte, the highest
 * one ignored. They must stay valid until the next call of kvm_frame_lend or
 * kvm_frame_freeze. A change of size is announced. */
void kvm_frame_lend(KvmFrame *frame, const guint8 *pixels, int width, int height, int stride);

/* Takes what is still marked and forgets the pixels; the picture stays. What
 * the frames before it needed goes back to the kernel. */
void kvm_frame_freeze(KvmFrame *frame);

/* Forgets picture and pixels: the frame is empty and 0 by 0 large. */
void kvm_frame_clear(KvmFrame *frame);

/* Says that this part changed; what lies outside the frame is left out. */
void kvm_frame_damage(KvmFrame *frame, int x, int y, int width, int height);

int kvm_frame_width(KvmFrame *frame);
int kvm_frame_height(KvmFrame *frame);

/* Draws the picture into (0,0)-(width,height); scale is device pixels per
 * unit, so that one guest pixel on one device pixel is not blurred. */
void kvm_frame_draw(KvmFrame *frame, GtkSnapshot *snapshot, double width, double height, double scale);

/* The whole picture as one texture, or NULL when there is none. */
GdkTexture *kvm_frame_texture(KvmFrame *frame);

/* The texture of one tile, or NULL; for tests. */
GdkTexture *kvm_frame_tile(KvmFrame *frame, int column, int row);
