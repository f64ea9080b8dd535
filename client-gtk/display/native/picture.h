#pragma once

#include <gtk/gtk.h>

/* Images that are files' contents: PNG, JPEG and whatever else gdk-pixbuf
 * reads. */

/* Makes a texture that fits into a size. It may be called in any thread. NULL
 * when the image cannot be read. */
GdkTexture *kvm_picture_read(const guint8 *image, gsize size, int width, int height);

/* Shows a texture in a GtkPicture. */
void kvm_picture_set(guintptr picture, GdkTexture *texture);

/* Puts an image in its own size on the clipboard; one that cannot be read
 * changes nothing. */
void kvm_picture_copy(const guint8 *image, gsize size);
