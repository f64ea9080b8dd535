#include "picture.h"

void kvm_picture_set(guintptr picture, const guint8 *image, gsize size)
{
    GBytes *bytes = g_bytes_new(image, size);
    GdkTexture *texture = gdk_texture_new_from_bytes(bytes, NULL);

    if (texture != NULL) {
        gtk_picture_set_paintable(GTK_PICTURE((gpointer)picture), GDK_PAINTABLE(texture));
        g_object_unref(texture);
    }
    g_bytes_unref(bytes);
}
