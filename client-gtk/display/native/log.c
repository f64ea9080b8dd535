#include <glib.h>

/* gvnc and spice-client-glib log on the stacks of their coroutines. gotk4 hands
 * every message to Go, which dies of a stack that it does not know. */
static void log_plainly(const char *domain, GLogLevelFlags level, const char *message, gpointer data)
{
    const GLogField fields[] = {
        {"GLIB_DOMAIN", domain != NULL ? domain : "", -1},
        {"MESSAGE", message != NULL ? message : "", -1},
    };

    if (!g_log_writer_default_would_drop(level & G_LOG_LEVEL_MASK, domain))
        g_log_writer_standard_streams(level & G_LOG_LEVEL_MASK, fields, G_N_ELEMENTS(fields), NULL);
}

static void __attribute__((constructor)) log_init(void)
{
    g_log_set_default_handler(log_plainly, NULL);
}
