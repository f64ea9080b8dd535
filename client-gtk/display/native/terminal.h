#pragma once

#include <gtk/gtk.h>

/* A serial console: a VTE terminal within a GtkScrolledWindow, joined to a
 * descriptor. What belongs to it is freed with its widget. */

typedef struct KvmTerminal KvmTerminal;

GtkWidget *kvm_terminal_new(KvmTerminal **terminal);

/* Takes the descriptor over; its end is said once by kvmGoTerminalClosed. */
void kvm_terminal_open(KvmTerminal *terminal, int fd, guint64 id);

/* Closes the descriptor without an event. What was shown stays. */
void kvm_terminal_close(KvmTerminal *terminal);

/* Forgets what was shown. */
void kvm_terminal_clear(KvmTerminal *terminal);

void kvm_terminal_copy(KvmTerminal *terminal);
void kvm_terminal_paste(KvmTerminal *terminal);

/* Takes the keyboard. */
void kvm_terminal_focus(KvmTerminal *terminal);

/* What a screen reader calls it. */
void kvm_terminal_name(KvmTerminal *terminal, const char *name);

/* Sends text as if it was typed. */
void kvm_terminal_type(KvmTerminal *terminal, const char *text);

/* What is on the screen, to be freed. */
char *kvm_terminal_text(KvmTerminal *terminal);
