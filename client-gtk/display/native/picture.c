#include "picture.h"

static GdkTexture *texture_of(const guint8 *image, gsize size)
{
    GBytes *bytes = g_bytes_new(image, size);
    GdkTexture *texture = gdk_texture_new_from_bytes(bytes, NULL);

    g_bytes_unref(bytes);
    return texture;
}

void kvm_picture_set(guintptr picture, const guint8 *image, gsize size)
{
    GdkTexture *texture = texture_of(image, size);

    if (texture != NULL)
        gtk_picture_set_paintable(GTK_PICTURE((gpointer)picture), GDK_PAINTABLE(texture));
    g_clear_object(&texture);
}

void kvm_picture_copy(const guint8 *image, gsize size)
{
    GdkTexture *texture = texture_of(image, size);

    if (texture != NULL)
        gdk_clipboard_set_texture(gdk_display_get_clipboard(gdk_display_get_default()), texture);
    g_clear_object(&texture);
}
