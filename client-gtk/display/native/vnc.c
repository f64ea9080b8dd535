#include "vnc.h"

#include <gvnc.h>
#include <unistd.h>

#include "events.h"

struct KvmVnc {
    VncConnection *connection;
    KvmFrame *frame;
    guint64 id;
    guint8 *pixels;
    VncFramebuffer *framebuffer;
    guint request; /* idle source that asks for the next picture */
    gboolean active, wanted;
    char *error;
};

/* Blue, green, red and an unused byte: what KvmFrame reads. */
static const VncPixelFormat pixel_format = {
    .bits_per_pixel = 32,
    .depth = 24,
    .byte_order = G_LITTLE_ENDIAN,
    .true_color_flag = 1,
    .red_max = 255,
    .green_max = 255,
    .blue_max = 255,
    .red_shift = 16,
    .green_shift = 8,
    .blue_shift = 0,
};

/* In order of preference. The link is a local socket, so pictures are neither
 * lossy nor squeezed hard. */
static gint32 encodings[] = {
    VNC_CONNECTION_ENCODING_HEXTILE,
    VNC_CONNECTION_ENCODING_RRE,
    VNC_CONNECTION_ENCODING_COPY_RECT,
    VNC_CONNECTION_ENCODING_RAW,
    VNC_CONNECTION_ENCODING_EXT_KEY_EVENT,
    VNC_CONNECTION_ENCODING_EXTENDED_DESKTOP_RESIZE,
    VNC_CONNECTION_ENCODING_DESKTOP_RESIZE,
    VNC_CONNECTION_ENCODING_LAST_RECT,
    VNC_CONNECTION_ENCODING_WMVi,
    VNC_CONNECTION_ENCODING_ALPHA_CURSOR,
    VNC_CONNECTION_ENCODING_RICH_CURSOR,
    VNC_CONNECTION_ENCODING_XCURSOR,
    VNC_CONNECTION_ENCODING_POINTER_CHANGE,
};

static void request_picture(KvmVnc *vnc, gboolean incremental)
{
    vnc_connection_framebuffer_update_request(vnc->connection, incremental, 0, 0,
                                              vnc_connection_get_width(vnc->connection),
                                              vnc_connection_get_height(vnc->connection));
}

static gboolean request_next(gpointer data)
{
    KvmVnc *vnc = data;

    vnc->request = 0;
    request_picture(vnc, TRUE);
    return G_SOURCE_REMOVE;
}

/* Asks once per picture however many parts it came in, and after painting:
 * gvnc announces parts at idle priority, this comes behind them. */
static void request_soon(KvmVnc *vnc)
{
    vnc->wanted = !vnc->active;
    if (vnc->active && vnc->request == 0)
        vnc->request = g_idle_add_full(G_PRIORITY_DEFAULT_IDLE + 10, request_next, vnc, NULL);
}

static void replace_framebuffer(KvmVnc *vnc, int width, int height)
{
    guint8 *old = vnc->pixels;
    VncFramebuffer *old_framebuffer = vnc->framebuffer;

    vnc->pixels = g_malloc0((gsize)width * height * 4 + 4);
    vnc->framebuffer = VNC_FRAMEBUFFER(vnc_base_framebuffer_new(vnc->pixels, width, height, width * 4, &pixel_format,
                                                                vnc_connection_get_pixel_format(vnc->connection)));
    vnc_connection_set_framebuffer(vnc->connection, vnc->framebuffer);
    kvm_frame_lend(vnc->frame, vnc->pixels, width, height, width * 4);
    g_clear_object(&old_framebuffer);
    g_free(old);
    request_picture(vnc, FALSE);
}

/* What Go does on an event may close the connection: vnc is not to be touched
 * after the first one, here and below. */
static void on_initialized(VncConnection *connection, KvmVnc *vnc)
{
    guint64 id = vnc->id;
    int width = vnc_connection_get_width(connection), height = vnc_connection_get_height(connection);
    gboolean absolute = vnc_connection_get_abs_pointer(connection);

    vnc_connection_set_pixel_format(connection, &pixel_format);
    vnc_connection_set_encodings(connection, G_N_ELEMENTS(encodings), encodings);
    replace_framebuffer(vnc, width, height);
    kvmGoPointerMode(id, absolute);
    kvmGoConnected(id);
    kvmGoResized(id, width, height);
}

static void on_update(VncConnection *connection, guint x, guint y, guint width, guint height, KvmVnc *vnc)
{
    kvm_frame_damage(vnc->frame, x, y, width, height);
    request_soon(vnc);
}

/* A server announces its size also when it refuses another one, or passes it on
 * to a guest that does not follow. The picture is whole then, and a new
 * framebuffer would be black until the guest draws again. */
static void on_resize(VncConnection *connection, guint width, guint height, KvmVnc *vnc)
{
    if (vnc->framebuffer != NULL && vnc_framebuffer_get_width(vnc->framebuffer) == (gint)width
        && vnc_framebuffer_get_height(vnc->framebuffer) == (gint)height) {
        request_picture(vnc, FALSE);
        return;
    }
    replace_framebuffer(vnc, width, height);
    kvmGoResized(vnc->id, width, height);
}

static void on_pixel_format(VncConnection *connection, VncPixelFormat *format, KvmVnc *vnc)
{
    replace_framebuffer(vnc, vnc_connection_get_width(connection), vnc_connection_get_height(connection));
}

static void on_pointer_mode(VncConnection *connection, gboolean absolute, KvmVnc *vnc)
{
    kvmGoPointerMode(vnc->id, absolute);
}

static void on_cursor(VncConnection *connection, VncCursor *cursor, KvmVnc *vnc)
{
    if (cursor == NULL)
        kvmGoCursor(vnc->id, NULL, 0, 0, 0, 0);
    else
        kvmGoCursor(vnc->id, (guint8 *)vnc_cursor_get_data(cursor), vnc_cursor_get_width(cursor),
                    vnc_cursor_get_height(cursor), vnc_cursor_get_hotx(cursor), vnc_cursor_get_hoty(cursor));
}

static void on_text(VncConnection *connection, GString *text, KvmVnc *vnc)
{
    char *utf8 = g_convert(text->str, text->len, "UTF-8", "ISO-8859-1", NULL, NULL, NULL);

    if (utf8 != NULL)
        kvmGoGuestText(vnc->id, utf8);
    g_free(utf8);
}

static void on_error(VncConnection *connection, const char *message, KvmVnc *vnc)
{
    g_free(vnc->error);
    vnc->error = g_strdup(message);
}

/* gvnc waits for somebody to choose, even if there is nothing to choose from. */
static void on_choose_auth(VncConnection *connection, GValueArray *types, KvmVnc *vnc)
{
    for (guint i = 0; i < types->n_values; i++)
        if (g_value_get_enum(&types->values[i]) == VNC_CONNECTION_AUTH_NONE) {
            vnc_connection_set_auth_type(connection, VNC_CONNECTION_AUTH_NONE);
            return;
        }
    on_error(connection, "the display asks for a password", vnc);
    vnc_connection_shutdown(connection);
}

/* libvirt skips the authentication of a descriptor it hands out, so a server
 * that still asks for something gets no answer: nothing here could know it. */
static void on_credentials(VncConnection *connection, GValueArray *which, KvmVnc *vnc)
{
    on_error(connection, "the display asks for a password", vnc);
    vnc_connection_shutdown(connection);
}

static void on_auth_failure(VncConnection *connection, const char *reason, KvmVnc *vnc)
{
    on_error(connection, reason, vnc);
}

/* Go answers with kvm_vnc_close: vnc is not to be touched afterwards. */
static void on_disconnected(VncConnection *connection, KvmVnc *vnc)
{
    kvmGoClosed(vnc->id, vnc->error != NULL ? vnc->error : "the display was closed");
}

KvmVnc *kvm_vnc_open(int fd, KvmFrame *frame, guint64 id)
{
    KvmVnc *vnc = g_new0(KvmVnc, 1);

    vnc->connection = vnc_connection_new();
    vnc->frame = g_object_ref(frame);
    vnc->id = id;
    vnc->active = TRUE;
    g_signal_connect(vnc->connection, "vnc-initialized", G_CALLBACK(on_initialized), vnc);
    g_signal_connect(vnc->connection, "vnc-framebuffer-update", G_CALLBACK(on_update), vnc);
    g_signal_connect(vnc->connection, "vnc-desktop-resize", G_CALLBACK(on_resize), vnc);
    g_signal_connect(vnc->connection, "vnc-pixel-format-changed", G_CALLBACK(on_pixel_format), vnc);
    g_signal_connect(vnc->connection, "vnc-pointer-mode-changed", G_CALLBACK(on_pointer_mode), vnc);
    g_signal_connect(vnc->connection, "vnc-cursor-changed", G_CALLBACK(on_cursor), vnc);
    g_signal_connect(vnc->connection, "vnc-server-cut-text", G_CALLBACK(on_text), vnc);
    g_signal_connect(vnc->connection, "vnc-error", G_CALLBACK(on_error), vnc);
    g_signal_connect(vnc->connection, "vnc-auth-choose-type", G_CALLBACK(on_choose_auth), vnc);
    g_signal_connect(vnc->connection, "vnc-auth-credential", G_CALLBACK(on_credentials), vnc);
    g_signal_connect(vnc->connection, "vnc-auth-failure", G_CALLBACK(on_auth_failure), vnc);
    g_signal_connect(vnc->connection, "vnc-disconnected", G_CALLBACK(on_disconnected), vnc);
    vnc_connection_set_shared(vnc->connection, TRUE);
    vnc_connection_open_fd(vnc->connection, fd);
    return vnc;
}

/* Shutting a connection down before its coroutine ran leaks it, descriptor and
 * all: gvnc starts the coroutine at idle, so shutting down comes behind. */
static gboolean shutdown_later(gpointer data)
{
    VncConnection *connection = data;

    if (vnc_connection_is_open(connection))
        vnc_connection_shutdown(connection);
    g_object_unref(connection);
    return G_SOURCE_REMOVE;
}

void kvm_vnc_close(KvmVnc *vnc)
{
    g_signal_handlers_disconnect_by_data(vnc->connection, vnc);
    if (vnc->request != 0)
        g_source_remove(vnc->request);
    g_idle_add_full(G_PRIORITY_DEFAULT_IDLE, shutdown_later, vnc->connection, NULL);
    kvm_frame_freeze(vnc->frame);
    g_clear_object(&vnc->frame);
    /* The coroutine may be in the middle of a picture until it is shut down. */
    if (vnc->framebuffer != NULL)
        g_object_set_data_full(G_OBJECT(vnc->framebuffer), "kvm-pixels", vnc->pixels, g_free);
    g_clear_object(&vnc->framebuffer);
    g_free(vnc->error);
    g_free(vnc);
}

static gboolean ready(KvmVnc *vnc)
{
    return vnc_connection_is_initialized(vnc->connection) && !vnc_connection_has_error(vnc->connection);
}

void kvm_vnc_key(KvmVnc *vnc, guint scancode, guint keysym, gboolean pressed)
{
    if (ready(vnc))
        vnc_connection_key_event(vnc->connection, pressed, keysym, scancode);
}

void kvm_vnc_pointer(KvmVnc *vnc, guint buttons, int x, int y)
{
    if (ready(vnc))
        vnc_connection_pointer_event(vnc->connection, buttons, CLAMP(x, 0, 0xffff), CLAMP(y, 0, 0xffff));
}

gboolean kvm_vnc_resize(KvmVnc *vnc, int width, int height)
{
    if (!ready(vnc))
        return FALSE;
    return vnc_connection_set_size(vnc->connection, width, height) != VNC_CONNECTION_RESIZE_STATUS_UNSUPPORTED;
}

void kvm_vnc_text(KvmVnc *vnc, const char *text)
{
    gsize length;
    char *latin1;

    if (!ready(vnc))
        return;
    latin1 = g_convert_with_fallback(text, -1, "ISO-8859-1", "UTF-8", "?", NULL, &length, NULL);
    if (latin1 != NULL)
        vnc_connection_client_cut_text(vnc->connection, latin1, length);
    g_free(latin1);
}

void kvm_vnc_set_active(KvmVnc *vnc, gboolean active)
{
    vnc->active = active;
    if (active && vnc->wanted)
        request_soon(vnc);
}
