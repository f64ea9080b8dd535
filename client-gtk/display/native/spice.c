#include "spice.h"

#include <spice-client.h>
#include <spice/vd_agent.h>
#include <string.h>
#include <unistd.h>

#include "events.h"

struct KvmSpice {
    SpiceSession *session;
    GPtrArray *channels; /* those that are used; the numbers start at 1 */
    SpiceMainChannel *main;
    SpiceInputsChannel *inputs;
    KvmFrame *frame;
    guint64 id;
    gboolean screen, keyboard, connected;
    guint buttons;
    guint8 *pixels; /* a copy with 32 bits, for screens that have 16 */
    const guint16 *pixels16;
    int width, height, stride16;
    char *text; /* offered to the guest */
};

static void say_closed(KvmSpice *spice, const char *why)
{
    kvmGoClosed(spice->id, (char *)why);
}

/* What Go does on an event may close the session: spice is not to be touched
 * after one, here and below. */
static void on_channel_event(SpiceChannel *channel, SpiceChannelEvent event, KvmSpice *spice)
{
    const GError *error = spice_channel_get_error(channel);

    switch (event) {
    case SPICE_CHANNEL_OPENED:
        spice->screen |= SPICE_IS_DISPLAY_CHANNEL(channel);
        spice->keyboard |= SPICE_IS_INPUTS_CHANNEL(channel);
        if (spice->screen && spice->keyboard && !spice->connected) {
            spice->connected = TRUE;
            kvmGoConnected(spice->id);
        }
        break;
    case SPICE_CHANNEL_NONE:
    case SPICE_CHANNEL_SWITCHING:
        break;
    case SPICE_CHANNEL_CLOSED:
        say_closed(spice, "another program may have taken it over");
        break;
    case SPICE_CHANNEL_ERROR_AUTH:
        say_closed(spice, "the display asks for a password");
        break;
    default:
        say_closed(spice, error != NULL ? error->message : "the connection broke");
    }
}

static void on_open_fd(SpiceChannel *channel, int with_tls, KvmSpice *spice)
{
    guint i;

    if (g_ptr_array_find(spice->channels, channel, &i))
        kvmGoMoreChannels(spice->id, i + 1);
}

/* Widens a part of a screen with 5 bits a colour. */
static void widen(KvmSpice *spice, int x, int y, int width, int height)
{
    for (int row = y; row < y + height; row++) {
        const guint16 *from = (const guint16 *)((const guint8 *)spice->pixels16 + (gssize)row * spice->stride16);
        guint32 *to = (guint32 *)spice->pixels + (gsize)row * spice->width;
        for (int column = x; column < x + width; column++) {
            guint32 red = from[column] >> 10 & 31, green = from[column] >> 5 & 31, blue = from[column] & 31;
            to[column] = (red << 3 | red >> 2) << 16 | (green << 3 | green >> 2) << 8 | (blue << 3 | blue >> 2);
        }
    }
}

static void forget_pixels(KvmSpice *spice)
{
    kvm_frame_freeze(spice->frame);
    g_clear_pointer(&spice->pixels, g_free);
    spice->pixels16 = NULL;
}

static void on_primary_create(SpiceChannel *channel, int format, int width, int height, int stride, int shmid, gpointer data, KvmSpice *spice)
{
    forget_pixels(spice);
    spice->width = width;
    spice->height = height;
    switch (format) {
    case SPICE_SURFACE_FMT_32_xRGB:
    case SPICE_SURFACE_FMT_32_ARGB:
        kvm_frame_lend(spice->frame, data, width, height, stride);
        break;
    case SPICE_SURFACE_FMT_16_555:
        spice->pixels16 = data;
        spice->stride16 = stride;
        spice->pixels = g_malloc0((gsize)width * height * 4 + 4);
        widen(spice, 0, 0, width, height);
        kvm_frame_lend(spice->frame, spice->pixels, width, height, width * 4);
        break;
    default:
        say_closed(spice, "the guest's screen has colours of a kind that cannot be shown");
        return;
    }
    kvmGoResized(spice->id, width, height);
}

static void on_primary_destroy(SpiceChannel *channel, KvmSpice *spice)
{
    forget_pixels(spice);
}

static void on_invalidate(SpiceChannel *channel, int x, int y, int width, int height, KvmSpice *spice)
{
    if (spice->pixels16 != NULL) {
        int right = MIN(x + width, spice->width), bottom = MIN(y + height, spice->height);
        x = MAX(x, 0);
        y = MAX(y, 0);
        widen(spice, x, y, right - x, bottom - y);
        width = right - x;
        height = bottom - y;
    }
    kvm_frame_damage(spice->frame, x, y, width, height);
}

static void on_gl_scanout(SpiceChannel *channel, GParamSpec *property, KvmSpice *spice)
{
    const SpiceGlScanout *scanout = spice_display_channel_get_gl_scanout(SPICE_DISPLAY_CHANNEL(channel));

    if (scanout != NULL && scanout->fd >= 0)
        say_closed(spice, "the guest draws with SPICE's OpenGL, which cannot be shown; turn it off in the VM's graphics, or use VNC");
}

static void on_cursor_set(SpiceChannel *channel, int width, int height, int hot_x, int hot_y, gpointer rgba, KvmSpice *spice)
{
    if (rgba != NULL)
        kvmGoCursor(spice->id, rgba, width, height, hot_x, hot_y);
}

static void on_cursor_hide(SpiceChannel *channel, KvmSpice *spice)
{
    kvmGoCursor(spice->id, NULL, 0, 0, 0, 0);
}

static void on_mouse_mode(SpiceChannel *channel, GParamSpec *property, KvmSpice *spice)
{
    int mode;

    g_object_get(channel, "mouse-mode", &mode, NULL);
    kvmGoPointerMode(spice->id, mode == SPICE_MOUSE_MODE_CLIENT);
}

/* Without an agent nothing can have another size: ask again with one. */
static void on_agent(SpiceChannel *channel, KvmSpice *spice)
{
    gboolean connected;

    g_object_get(channel, "agent-connected", &connected, NULL);
    if (connected)
        kvmGoSized(spice->id);
}

/* The guest has something on its clipboard. */
static gboolean on_clipboard_grab(SpiceMainChannel *channel, guint selection, gpointer types, guint n_types, KvmSpice *spice)
{
    const guint32 *type = types;

    if (selection != VD_AGENT_CLIPBOARD_SELECTION_CLIPBOARD)
        return FALSE;
    for (guint i = 0; i < n_types; i++)
        if (type[i] == VD_AGENT_CLIPBOARD_UTF8_TEXT) {
            spice_main_channel_clipboard_selection_request(channel, selection, VD_AGENT_CLIPBOARD_UTF8_TEXT);
            return TRUE;
        }
    return FALSE;
}

static gboolean crlf(SpiceMainChannel *channel)
{
    return spice_main_channel_agent_test_capability(channel, VD_AGENT_CAP_GUEST_LINEEND_CRLF);
}

/* The guest gives what it was asked for. */
static void on_clipboard(SpiceMainChannel *channel, guint selection, guint type, gpointer data, guint size, KvmSpice *spice)
{
    GString *text;

    if (selection != VD_AGENT_CLIPBOARD_SELECTION_CLIPBOARD || type != VD_AGENT_CLIPBOARD_UTF8_TEXT)
        return;
    text = g_string_new_len(data, strnlen(data, size));
    if (crlf(channel))
        g_string_replace(text, "\r\n", "\n", 0);
    if (g_utf8_validate(text->str, text->len, NULL))
        kvmGoGuestText(spice->id, text->str);
    g_string_free(text, TRUE);
}

/* Somebody pastes in the guest. */
static gboolean on_clipboard_request(SpiceMainChannel *channel, guint selection, guint type, KvmSpice *spice)
{
    GString *text;

    if (selection != VD_AGENT_CLIPBOARD_SELECTION_CLIPBOARD || type != VD_AGENT_CLIPBOARD_UTF8_TEXT || spice->text == NULL)
        return FALSE;
    text = g_string_new(spice->text);
    if (crlf(channel))
        g_string_replace(text, "\n", "\r\n", 0);
    spice_main_channel_clipboard_selection_notify(channel, selection, type, (const guchar *)text->str, text->len);
    g_string_free(text, TRUE);
    return TRUE;
}

static void watch_main(SpiceChannel *channel, KvmSpice *spice)
{
    spice->main = SPICE_MAIN_CHANNEL(channel);
    g_signal_connect(channel, "notify::mouse-mode", G_CALLBACK(on_mouse_mode), spice);
    g_signal_connect(channel, "main-agent-update", G_CALLBACK(on_agent), spice);
    g_signal_connect(channel, "main-clipboard-selection-grab", G_CALLBACK(on_clipboard_grab), spice);
    g_signal_connect(channel, "main-clipboard-selection", G_CALLBACK(on_clipboard), spice);
    g_signal_connect(channel, "main-clipboard-selection-request", G_CALLBACK(on_clipboard_request), spice);
}

static void watch_display(SpiceChannel *channel, KvmSpice *spice)
{
    g_signal_connect(channel, "display-primary-create", G_CALLBACK(on_primary_create), spice);
    g_signal_connect(channel, "display-primary-destroy", G_CALLBACK(on_primary_destroy), spice);
    g_signal_connect(channel, "display-invalidate", G_CALLBACK(on_invalidate), spice);
    g_signal_connect(channel, "notify::gl-scanout", G_CALLBACK(on_gl_scanout), spice);
}

static void watch_cursor(SpiceChannel *channel, KvmSpice *spice)
{
    g_signal_connect(channel, "cursor-set", G_CALLBACK(on_cursor_set), spice);
    g_signal_connect(channel, "cursor-hide", G_CALLBACK(on_cursor_hide), spice);
}

/* Of all that SPICE can do a guest gets the keyboard, the pointer, one screen
 * and the speakers: not the microphone, smartcards or USB devices. The main
 * channel is connected by the session, playback by the audio object. */
static void on_channel_new(SpiceSession *session, SpiceChannel *channel, KvmSpice *spice)
{
    gboolean connect = FALSE, playback = SPICE_IS_PLAYBACK_CHANNEL(channel);
    int number;

    g_object_get(channel, "channel-id", &number, NULL);
    if (SPICE_IS_MAIN_CHANNEL(channel)) {
        watch_main(channel, spice);
    } else if (SPICE_IS_DISPLAY_CHANNEL(channel) && number == 0) {
        watch_display(channel, spice);
        connect = TRUE;
    } else if (SPICE_IS_INPUTS_CHANNEL(channel)) {
        spice->inputs = SPICE_INPUTS_CHANNEL(channel);
        connect = TRUE;
    } else if (SPICE_IS_CURSOR_CHANNEL(channel) && number == 0) {
        watch_cursor(channel, spice);
        connect = TRUE;
    } else if (!playback) {
        return;
    }
    g_ptr_array_add(spice->channels, g_object_ref(channel));
    g_signal_connect(channel, "open-fd", G_CALLBACK(on_open_fd), spice);
    if (playback)
        spice_audio_get(session, NULL);
    else
        g_signal_connect(channel, "channel-event", G_CALLBACK(on_channel_event), spice);
    if (connect)
        spice_channel_connect(channel);
}

KvmSpice *kvm_spice_open(int fd, KvmFrame *frame, guint64 id)
{
    KvmSpice *spice = g_new0(KvmSpice, 1);

    spice->session = spice_session_new();
    spice->channels = g_ptr_array_new_with_free_func(g_object_unref);
    spice->frame = g_object_ref(frame);
    spice->id = id;
    g_object_set(spice->session, "enable-usbredir", FALSE, "enable-smartcard", FALSE, NULL);
    g_signal_connect(spice->session, "channel-new", G_CALLBACK(on_channel_new), spice);
    spice_session_open_fd(spice->session, fd);
    return spice;
}

void kvm_spice_close(KvmSpice *spice)
{
    g_signal_handlers_disconnect_by_data(spice->session, spice);
    for (guint i = 0; i < spice->channels->len; i++)
        g_signal_handlers_disconnect_by_data(spice->channels->pdata[i], spice);
    forget_pixels(spice);
    spice_session_disconnect(spice->session);
    g_ptr_array_unref(spice->channels);
    g_object_unref(spice->session);
    g_object_unref(spice->frame);
    g_free(spice->text);
    g_free(spice);
}

void kvm_spice_channel(KvmSpice *spice, guint64 number, int fd)
{
    if (number < 1 || number > spice->channels->len || !spice_channel_open_fd(spice->channels->pdata[number - 1], fd))
        close(fd);
}

void kvm_spice_key(KvmSpice *spice, guint scancode, gboolean pressed)
{
    if (spice->inputs == NULL)
        return;
    if (pressed)
        spice_inputs_channel_key_press(spice->inputs, scancode);
    else
        spice_inputs_channel_key_release(spice->inputs, scancode);
}

/* SPICE's button of each of VNC's bits; it knows no wheel to the sides. */
static const int spice_buttons[] = {
    SPICE_MOUSE_BUTTON_LEFT, SPICE_MOUSE_BUTTON_MIDDLE, SPICE_MOUSE_BUTTON_RIGHT, SPICE_MOUSE_BUTTON_UP, SPICE_MOUSE_BUTTON_DOWN,
};

#define SPICE_BUTTON_MASK 7 /* left, middle and right have the same bits */

static void change_buttons(KvmSpice *spice, guint buttons)
{
    for (guint i = 0; i < G_N_ELEMENTS(spice_buttons); i++) {
        guint bit = 1u << i;
        if ((buttons ^ spice->buttons) & bit) {
            spice->buttons ^= bit;
            if (buttons & bit)
                spice_inputs_channel_button_press(spice->inputs, spice_buttons[i], spice->buttons & SPICE_BUTTON_MASK);
            else
                spice_inputs_channel_button_release(spice->inputs, spice_buttons[i], spice->buttons & SPICE_BUTTON_MASK);
        }
    }
}

void kvm_spice_pointer(KvmSpice *spice, guint buttons, int x, int y)
{
    if (spice->inputs == NULL)
        return;
    spice_inputs_channel_position(spice->inputs, x, y, 0, spice->buttons & SPICE_BUTTON_MASK);
    change_buttons(spice, buttons);
}

void kvm_spice_move(KvmSpice *spice, guint buttons, int dx, int dy)
{
    if (spice->inputs == NULL)
        return;
    if (dx != 0 || dy != 0)
        spice_inputs_channel_motion(spice->inputs, dx, dy, spice->buttons & SPICE_BUTTON_MASK);
    change_buttons(spice, buttons);
}

gboolean kvm_spice_resize(KvmSpice *spice, int width, int height)
{
    gboolean connected = FALSE;

    if (spice->main != NULL)
        g_object_get(spice->main, "agent-connected", &connected, NULL);
    if (!connected)
        return FALSE;
    spice_main_channel_update_display_enabled(spice->main, 0, TRUE, FALSE);
    spice_main_channel_update_display(spice->main, 0, 0, 0, width, height, TRUE);
    return TRUE;
}

void kvm_spice_text(KvmSpice *spice, const char *text)
{
    guint32 type = VD_AGENT_CLIPBOARD_UTF8_TEXT;

    g_free(spice->text);
    spice->text = g_strdup(text);
    if (spice->main != NULL)
        spice_main_channel_clipboard_selection_grab(spice->main, VD_AGENT_CLIPBOARD_SELECTION_CLIPBOARD, &type, 1);
}
