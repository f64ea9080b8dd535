#include "picture.h"

GdkTexture *kvm_picture_read(const guint8 *image, gsize size, int width, int height)
{
    GInputStream *stream = g_memory_input_stream_new_from_data(image, size, NULL);
    GdkPixbuf *pixbuf = gdk_pixbuf_new_from_stream_at_scale(stream, width, height, TRUE, NULL, NULL);
    GdkTexture *texture = pixbuf != NULL ? gdk_texture_new_for_pixbuf(pixbuf) : NULL;

    g_clear_object(&pixbuf);
    g_object_unref(stream);
    return texture;
}

void kvm_picture_set(guintptr picture, GdkTexture *texture)
{
    gtk_picture_set_paintable(GTK_PICTURE((gpointer)picture), GDK_PAINTABLE(texture));
}

void kvm_picture_copy(const guint8 *image, gsize size)
{
    GBytes *bytes = g_bytes_new(image, size);
    GdkTexture *texture = gdk_texture_new_from_bytes(bytes, NULL);

    if (texture != NULL)
        gdk_clipboard_set_texture(gdk_display_get_clipboard(gdk_display_get_default()), texture);
    g_clear_object(&texture);
    g_bytes_unref(bytes);
}
