#pragma once

#include <gtk/gtk.h>

/* Shows an image file's content in a GtkPicture; what cannot be read changes
 * nothing. */
void kvm_picture_set(guintptr picture, const guint8 *image, gsize size);

/* Puts an image file's content on the clipboard, in the same way. */
void kvm_picture_copy(const guint8 *image, gsize size);
