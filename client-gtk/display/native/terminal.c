#include "terminal.h"

#include <errno.h>
#include <glib-unix.h>
#include <unistd.h>
#include <vte/vte.h>

#include "events.h"

/* More typed bytes than this wait for nobody: the guest does not read. */
#define MAX_PENDING (1 << 20)

struct KvmTerminal {
    VteTerminal *vte; /* owns this struct */
    guint64 id;
    int fd;
    guint reading, writing;
    GByteArray *pending; /* typed, not written yet */
};

void kvm_terminal_close(KvmTerminal *terminal)
{
    g_clear_handle_id(&terminal->reading, g_source_remove);
    g_clear_handle_id(&terminal->writing, g_source_remove);
    g_byte_array_set_size(terminal->pending, 0);
    if (terminal->fd >= 0)
        close(terminal->fd);
    terminal->fd = -1;
}

/* Ends the connection and says so; error is an errno, 0 for an orderly end. */
static void end(KvmTerminal *terminal, int error)
{
    kvm_terminal_close(terminal);
    kvmGoTerminalClosed(terminal->id, error);
}

static gboolean again(int error)
{
    return error == EAGAIN || error == EINTR;
}

static gboolean readable(int fd, GIOCondition condition, gpointer data)
{
    KvmTerminal *terminal = data;
    char buffer[16384];
    gssize got = read(fd, buffer, sizeof buffer);

    if (got > 0) {
        vte_terminal_feed(terminal->vte, buffer, got);
        return G_SOURCE_CONTINUE;
    }
    if (got < 0 && again(errno))
        return G_SOURCE_CONTINUE;
    terminal->reading = 0;
    end(terminal, got < 0 ? errno : 0);
    return G_SOURCE_REMOVE;
}

/* Writes what it can; TRUE when something is left. */
static gboolean flush(KvmTerminal *terminal)
{
    gssize written = write(terminal->fd, terminal->pending->data, terminal->pending->len);

    if (written > 0)
        g_byte_array_remove_range(terminal->pending, 0, written);
    else if (written < 0 && !again(errno))
        g_byte_array_set_size(terminal->pending, 0); /* reading says why */
    return terminal->pending->len > 0;
}

static gboolean writable(int fd, GIOCondition condition, gpointer data)
{
    KvmTerminal *terminal = data;

    if (flush(terminal))
        return G_SOURCE_CONTINUE;
    terminal->writing = 0;
    return G_SOURCE_REMOVE;
}

static void typed(KvmTerminal *terminal, const char *text, guint size)
{
    if (terminal->fd < 0 || terminal->pending->len + size > MAX_PENDING)
        return;
    g_byte_array_append(terminal->pending, (const guint8 *)text, size);
    if (terminal->writing == 0 && flush(terminal))
        terminal->writing = g_unix_fd_add(terminal->fd, G_IO_OUT, writable, terminal);
}

/* Text comes behind painting, so that a flood of it leaves the window alive. */
void kvm_terminal_open(KvmTerminal *terminal, int fd, guint64 id)
{
    kvm_terminal_close(terminal);
    terminal->fd = fd;
    terminal->id = id;
    g_unix_set_fd_nonblocking(fd, TRUE, NULL);
    terminal->reading =
        g_unix_fd_add_full(G_PRIORITY_DEFAULT_IDLE, fd, G_IO_IN | G_IO_HUP | G_IO_ERR, readable, terminal, NULL);
}

void kvm_terminal_clear(KvmTerminal *terminal)
{
    vte_terminal_reset(terminal->vte, TRUE, TRUE);
}

void kvm_terminal_copy(KvmTerminal *terminal)
{
    vte_terminal_copy_clipboard_format(terminal->vte, VTE_FORMAT_TEXT);
}

void kvm_terminal_paste(KvmTerminal *terminal)
{
    vte_terminal_paste_clipboard(terminal->vte);
}

void kvm_terminal_focus(KvmTerminal *terminal)
{
    gtk_widget_grab_focus(GTK_WIDGET(terminal->vte));
}

void kvm_terminal_name(KvmTerminal *terminal, const char *name)
{
    gtk_accessible_update_property(GTK_ACCESSIBLE(terminal->vte), GTK_ACCESSIBLE_PROPERTY_LABEL, name, -1);
}

void kvm_terminal_type(KvmTerminal *terminal, const char *text)
{
    vte_terminal_feed_child(terminal->vte, text, -1);
}

char *kvm_terminal_text(KvmTerminal *terminal)
{
    return vte_terminal_get_text_format(terminal->vte, VTE_FORMAT_TEXT);
}

/* The terminal's own keys, as every terminal of the desktop has them. */
static gboolean shortcut(KvmTerminal *terminal, guint keysym, guint keycode, GdkModifierType state)
{
    if ((state & gtk_accelerator_get_default_mod_mask()) != (GDK_CONTROL_MASK | GDK_SHIFT_MASK))
        return GDK_EVENT_PROPAGATE;
    if (gdk_keyval_to_lower(keysym) == GDK_KEY_c)
        kvm_terminal_copy(terminal);
    else if (gdk_keyval_to_lower(keysym) == GDK_KEY_v)
        kvm_terminal_paste(terminal);
    else
        return GDK_EVENT_PROPAGATE;
    return GDK_EVENT_STOP;
}

static void terminal_free(gpointer data)
{
    KvmTerminal *terminal = data;

    kvm_terminal_close(terminal);
    g_byte_array_unref(terminal->pending);
    g_free(terminal);
}

GtkWidget *kvm_terminal_new(KvmTerminal **out)
{
    GtkWidget *scroller = gtk_scrolled_window_new(), *vte = vte_terminal_new();
    GtkEventController *keys = gtk_event_controller_key_new();
    KvmTerminal *terminal = g_new0(KvmTerminal, 1);

    terminal->vte = VTE_TERMINAL(vte);
    terminal->fd = -1;
    terminal->pending = g_byte_array_new();
    g_object_set_data_full(G_OBJECT(vte), "kvm-terminal", terminal, terminal_free);
    g_signal_connect_swapped(vte, "commit", G_CALLBACK(typed), terminal);
    gtk_event_controller_set_propagation_phase(keys, GTK_PHASE_CAPTURE);
    g_signal_connect_swapped(keys, "key-pressed", G_CALLBACK(shortcut), terminal);
    gtk_widget_add_controller(vte, keys);
    vte_terminal_set_scrollback_lines(terminal->vte, 10000);
    vte_terminal_set_audible_bell(terminal->vte, FALSE);
    gtk_scrolled_window_set_policy(GTK_SCROLLED_WINDOW(scroller), GTK_POLICY_NEVER, GTK_POLICY_AUTOMATIC);
    gtk_scrolled_window_set_child(GTK_SCROLLED_WINDOW(scroller), vte);
    gtk_widget_set_focusable(scroller, FALSE); /* the terminal is, which is enough */
    *out = terminal;
    return scroller;
}
