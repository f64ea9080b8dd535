#include "view.h"

#include <gdk/x11/gdkx.h>

#include "events.h"

/* A touchpad's scrolling comes in pixels; this many are one click of a wheel. */
#define PIXELS_PER_CLICK 40

struct _KvmView {
    GtkWidget parent;
    guint64 id;
    KvmFrame *frame;
    KvmScaling scaling;
    GdkSurface *surface; /* while realized, to hear of its scale */
    GdkClipboard *clipboard; /* while watched */
    GCancellable *reading;
};

G_DEFINE_FINAL_TYPE(KvmView, kvm_view, GTK_TYPE_WIDGET)

static double device_scale(KvmView *view)
{
    GtkNative *native = gtk_widget_get_native(GTK_WIDGET(view));
    GdkSurface *surface = native != NULL ? gtk_native_get_surface(native) : NULL;

    return surface != NULL ? gdk_surface_get_scale(surface) : gtk_widget_get_scale_factor(GTK_WIDGET(view));
}

static KvmPlace current_place(KvmView *view)
{
    GtkWidget *widget = GTK_WIDGET(view);

    return kvm_place(view->scaling, gtk_widget_get_width(widget), gtk_widget_get_height(widget), device_scale(view),
                     kvm_frame_width(view->frame), kvm_frame_height(view->frame));
}

/* Drawing and layout. */

static void view_snapshot(GtkWidget *widget, GtkSnapshot *snapshot)
{
    KvmView *view = KVM_VIEW(widget);
    KvmPlace place = current_place(view);

    if (place.width <= 0)
        return;
    gtk_snapshot_save(snapshot);
    gtk_snapshot_translate(snapshot, &GRAPHENE_POINT_INIT(place.x, place.y));
    kvm_frame_draw(view->frame, snapshot, place.width, place.height, device_scale(view));
    gtk_snapshot_restore(snapshot);
}

static void view_measure(GtkWidget *widget, GtkOrientation orientation, int for_size, int *minimum, int *natural,
                         int *minimum_baseline, int *natural_baseline)
{
    KvmView *view = KVM_VIEW(widget);
    int pixels = orientation == GTK_ORIENTATION_HORIZONTAL ? kvm_frame_width(view->frame)
                                                           : kvm_frame_height(view->frame);

    *natural = (int)(pixels / device_scale(view) + 0.999);
    *minimum = view->scaling == KVM_SCALING_ORIGINAL ? *natural : 0;
    *minimum_baseline = *natural_baseline = -1;
}

static void view_size_allocate(GtkWidget *widget, int width, int height, int baseline)
{
    GTK_WIDGET_CLASS(kvm_view_parent_class)->size_allocate(widget, width, height, baseline);
    kvmGoSized(KVM_VIEW(widget)->id);
}

static void scale_changed(KvmView *view)
{
    gtk_widget_queue_resize(GTK_WIDGET(view));
    kvmGoSized(view->id);
}

static void view_realize(GtkWidget *widget)
{
    KvmView *view = KVM_VIEW(widget);

    GTK_WIDGET_CLASS(kvm_view_parent_class)->realize(widget);
    view->surface = g_object_ref(gtk_native_get_surface(gtk_widget_get_native(widget)));
    g_signal_connect_swapped(view->surface, "notify::scale", G_CALLBACK(scale_changed), view);
}

static void view_unrealize(GtkWidget *widget)
{
    KvmView *view = KVM_VIEW(widget);

    kvm_view_inhibit_shortcuts(view, FALSE);
    g_signal_handlers_disconnect_by_data(view->surface, view);
    g_clear_object(&view->surface);
    GTK_WIDGET_CLASS(kvm_view_parent_class)->unrealize(widget);
}

static void view_map(GtkWidget *widget)
{
    GTK_WIDGET_CLASS(kvm_view_parent_class)->map(widget);
    kvmGoMapped(KVM_VIEW(widget)->id, TRUE);
}

static void view_unmap(GtkWidget *widget)
{
    kvmGoMapped(KVM_VIEW(widget)->id, FALSE);
    GTK_WIDGET_CLASS(kvm_view_parent_class)->unmap(widget);
}

/* Keyboard and pointer. */

static gboolean key_pressed(KvmView *view, guint keysym, guint keycode)
{
    kvmGoKey(view->id, keycode, keysym, TRUE);
    return GDK_EVENT_STOP;
}

static void key_released(KvmView *view, guint keysym, guint keycode)
{
    kvmGoKey(view->id, keycode, keysym, FALSE);
}

static void focus_in(KvmView *view)
{
    kvmGoFocus(view->id, TRUE);
}

static void focus_out(KvmView *view)
{
    kvmGoFocus(view->id, FALSE);
}

static void motion(KvmView *view, double x, double y)
{
    kvmGoMotion(view->id, x, y);
}

static gboolean scroll(KvmView *view, double dx, double dy, GtkEventControllerScroll *controller)
{
    double click = gtk_event_controller_scroll_get_unit(controller) == GDK_SCROLL_UNIT_SURFACE ? PIXELS_PER_CLICK : 1;

    kvmGoScroll(view->id, dx / click, dy / click);
    return GDK_EVENT_STOP;
}

/* A gesture follows one button at a time; a guest wants all of them. */
static gboolean raw_event(KvmView *view, GdkEvent *event)
{
    GdkEventType type = gdk_event_get_event_type(event);

    if (type != GDK_BUTTON_PRESS && type != GDK_BUTTON_RELEASE)
        return GDK_EVENT_PROPAGATE;
    if (type == GDK_BUTTON_PRESS)
        gtk_widget_grab_focus(GTK_WIDGET(view));
    kvmGoButton(view->id, gdk_button_event_get_button(event), type == GDK_BUTTON_PRESS);
    return GDK_EVENT_STOP;
}

static void touch_begin(KvmView *view, double x, double y)
{
    gtk_widget_grab_focus(GTK_WIDGET(view));
    kvmGoMotion(view->id, x, y);
    kvmGoButton(view->id, GDK_BUTTON_PRIMARY, TRUE);
}

static void touch_update(KvmView *view, double dx, double dy, GtkGestureDrag *drag)
{
    double x, y;

    if (gtk_gesture_drag_get_start_point(drag, &x, &y))
        kvmGoMotion(view->id, x + dx, y + dy);
}

static void touch_end(KvmView *view)
{
    kvmGoButton(view->id, GDK_BUTTON_PRIMARY, FALSE);
}

static void add(KvmView *view, GtkEventController *controller, const char *signal, GCallback callback)
{
    g_signal_connect_swapped(controller, signal, callback, view);
    if (gtk_event_controller_get_widget(controller) == NULL)
        gtk_widget_add_controller(GTK_WIDGET(view), controller);
}

static void add_keyboard(KvmView *view)
{
    GtkEventController *keys = gtk_event_controller_key_new();
    GtkEventController *focus = gtk_event_controller_focus_new();

    add(view, keys, "key-pressed", G_CALLBACK(key_pressed));
    add(view, keys, "key-released", G_CALLBACK(key_released));
    add(view, focus, "enter", G_CALLBACK(focus_in));
    add(view, focus, "leave", G_CALLBACK(focus_out));
}

static void add_pointer(KvmView *view)
{
    GtkEventController *pointer = gtk_event_controller_motion_new();
    GtkEventController *wheel = gtk_event_controller_scroll_new(GTK_EVENT_CONTROLLER_SCROLL_BOTH_AXES);
    GtkGesture *touch = gtk_gesture_drag_new();

    add(view, pointer, "enter", G_CALLBACK(motion));
    add(view, pointer, "motion", G_CALLBACK(motion));
    add(view, wheel, "scroll", G_CALLBACK(scroll));
    add(view, gtk_event_controller_legacy_new(), "event", G_CALLBACK(raw_event));
    gtk_gesture_single_set_touch_only(GTK_GESTURE_SINGLE(touch), TRUE);
    add(view, GTK_EVENT_CONTROLLER(touch), "drag-begin", G_CALLBACK(touch_begin));
    add(view, GTK_EVENT_CONTROLLER(touch), "drag-update", G_CALLBACK(touch_update));
    add(view, GTK_EVENT_CONTROLLER(touch), "drag-end", G_CALLBACK(touch_end));
}

gboolean kvm_view_to_guest(KvmView *view, double x, double y, int *guest_x, int *guest_y)
{
    KvmPlace place = current_place(view);

    return kvm_place_to_guest(&place, kvm_frame_width(view->frame), kvm_frame_height(view->frame), x, y, guest_x,
                              guest_y);
}

gboolean kvm_view_near_edge(KvmView *view, double x, double y, double part)
{
    double width = gtk_widget_get_width(GTK_WIDGET(view)), height = gtk_widget_get_height(GTK_WIDGET(view));

    return MIN(x, width - x) < width * part || MIN(y, height - y) < height * part;
}

gboolean kvm_view_centre_pointer(KvmView *view)
{
    GtkWidget *widget = GTK_WIDGET(view);
    graphene_point_t point = GRAPHENE_POINT_INIT(gtk_widget_get_width(widget) / 2.0f,
                                                 gtk_widget_get_height(widget) / 2.0f);
    double dx, dy;

    if (view->surface == NULL || !GDK_IS_X11_SURFACE(view->surface))
        return FALSE;
    G_GNUC_BEGIN_IGNORE_DEPRECATIONS
    gtk_native_get_surface_transform(gtk_widget_get_native(widget), &dx, &dy);
    if (gtk_widget_compute_point(widget, GTK_WIDGET(gtk_widget_get_native(widget)), &point, &point)) {
        int scale = gdk_surface_get_scale_factor(view->surface);

        XWarpPointer(gdk_x11_display_get_xdisplay(gdk_surface_get_display(view->surface)), None,
                     gdk_x11_surface_get_xid(view->surface), 0, 0, 0, 0, (int)((point.x + dx) * scale),
                     (int)((point.y + dy) * scale));
    }
    G_GNUC_END_IGNORE_DEPRECATIONS
    return TRUE;
}

void kvm_view_inhibit_shortcuts(KvmView *view, gboolean inhibit)
{
    if (view->surface == NULL || !GDK_IS_TOPLEVEL(view->surface))
        return;
    if (inhibit)
        gdk_toplevel_inhibit_system_shortcuts(GDK_TOPLEVEL(view->surface), NULL);
    else
        gdk_toplevel_restore_system_shortcuts(GDK_TOPLEVEL(view->surface));
}

void kvm_view_focus(KvmView *view, gboolean focus)
{
    GtkRoot *root = gtk_widget_get_root(GTK_WIDGET(view));

    if (focus)
        gtk_widget_grab_focus(GTK_WIDGET(view));
    else if (root != NULL && gtk_widget_has_focus(GTK_WIDGET(view)))
        gtk_root_set_focus(root, NULL);
}

void kvm_view_name(KvmView *view, const char *name)
{
    gtk_accessible_update_property(GTK_ACCESSIBLE(view), GTK_ACCESSIBLE_PROPERTY_LABEL, name, -1);
}

guint kvm_view_keysym(KvmView *view, guint keycode)
{
    guint keysym = 0;

    if (!gdk_display_translate_key(gtk_widget_get_display(GTK_WIDGET(view)), keycode, 0, 0, &keysym, NULL, NULL, NULL))
        return GDK_KEY_VoidSymbol;
    return keysym;
}

/* Shape of the pointer. */

void kvm_view_set_cursor(KvmView *view, const guint8 *rgba, int width, int height, int hot_x, int hot_y)
{
    GdkCursor *cursor;

    if (rgba == NULL || width <= 0 || height <= 0) {
        cursor = gdk_cursor_new_from_name("none", NULL);
    } else {
        GBytes *bytes = g_bytes_new(rgba, (gsize)width * height * 4);
        GdkTexture *shape = gdk_memory_texture_new(width, height, GDK_MEMORY_R8G8B8A8, bytes, (gsize)width * 4);

        cursor = gdk_cursor_new_from_texture(shape, CLAMP(hot_x, 0, width - 1), CLAMP(hot_y, 0, height - 1), NULL);
        g_object_unref(shape);
        g_bytes_unref(bytes);
    }
    gtk_widget_set_cursor(GTK_WIDGET(view), cursor);
    g_object_unref(cursor);
}

void kvm_view_default_cursor(KvmView *view)
{
    gtk_widget_set_cursor(GTK_WIDGET(view), NULL);
}

/* Clipboard. */

static void clipboard_read(GObject *clipboard, GAsyncResult *result, gpointer data)
{
    GWeakRef *weak = data;
    KvmView *view = g_weak_ref_get(weak);
    char *text = gdk_clipboard_read_text_finish(GDK_CLIPBOARD(clipboard), result, NULL);

    if (view != NULL && text != NULL && view->clipboard != NULL)
        kvmGoClipboard(view->id, text);
    g_free(text);
    g_clear_object(&view);
    g_weak_ref_clear(weak);
    g_free(weak);
}

static void clipboard_changed(KvmView *view)
{
    GWeakRef *weak = g_new0(GWeakRef, 1);

    g_weak_ref_init(weak, view);
    gdk_clipboard_read_text_async(view->clipboard, view->reading, clipboard_read, weak);
}

void kvm_view_watch_clipboard(KvmView *view, gboolean watch)
{
    if (watch == (view->clipboard != NULL))
        return;
    if (watch) {
        view->clipboard = g_object_ref(gtk_widget_get_clipboard(GTK_WIDGET(view)));
        view->reading = g_cancellable_new();
        g_signal_connect_swapped(view->clipboard, "changed", G_CALLBACK(clipboard_changed), view);
        clipboard_changed(view);
        return;
    }
    g_cancellable_cancel(view->reading);
    g_clear_object(&view->reading);
    g_signal_handlers_disconnect_by_data(view->clipboard, view);
    g_clear_object(&view->clipboard);
}

void kvm_view_set_clipboard(KvmView *view, const char *text)
{
    gdk_clipboard_set_text(gtk_widget_get_clipboard(GTK_WIDGET(view)), text);
}

/* Life. */

KvmFrame *kvm_view_frame(KvmView *view)
{
    return view->frame;
}

void kvm_view_set_id(KvmView *view, guint64 id)
{
    view->id = id;
}

void kvm_view_set_scaling(KvmView *view, KvmScaling scaling)
{
    GtkWidget *scroller = gtk_widget_get_ancestor(GTK_WIDGET(view), GTK_TYPE_SCROLLED_WINDOW);
    GtkPolicyType policy = scaling == KVM_SCALING_ORIGINAL ? GTK_POLICY_AUTOMATIC : GTK_POLICY_NEVER;

    view->scaling = scaling;
    if (scroller != NULL)
        gtk_scrolled_window_set_policy(GTK_SCROLLED_WINDOW(scroller), policy, policy);
    gtk_widget_queue_resize(GTK_WIDGET(view));
}

void kvm_view_device_size(KvmView *view, int *width, int *height)
{
    double scale = device_scale(view);

    *width = (int)(gtk_widget_get_width(GTK_WIDGET(view)) * scale);
    *height = (int)(gtk_widget_get_height(GTK_WIDGET(view)) * scale);
}

static void kvm_view_init(KvmView *view)
{
    view->frame = kvm_frame_new();
    g_signal_connect_swapped(view->frame, "invalidate-contents", G_CALLBACK(gtk_widget_queue_draw), view);
    g_signal_connect_swapped(view->frame, "invalidate-size", G_CALLBACK(gtk_widget_queue_resize), view);
    gtk_widget_set_focusable(GTK_WIDGET(view), TRUE);
    gtk_widget_set_hexpand(GTK_WIDGET(view), TRUE);
    gtk_widget_set_vexpand(GTK_WIDGET(view), TRUE);
    add_keyboard(view);
    add_pointer(view);
}

static void kvm_view_dispose(GObject *object)
{
    KvmView *view = KVM_VIEW(object);

    kvmGoGone(view->id);
    view->id = 0;
    kvm_view_watch_clipboard(view, FALSE);
    if (view->frame != NULL)
        g_signal_handlers_disconnect_by_data(view->frame, view);
    G_OBJECT_CLASS(kvm_view_parent_class)->dispose(object);
}

static void kvm_view_finalize(GObject *object)
{
    g_clear_object(&KVM_VIEW(object)->frame);
    G_OBJECT_CLASS(kvm_view_parent_class)->finalize(object);
}

static void kvm_view_class_init(KvmViewClass *class)
{
    GtkWidgetClass *widget = GTK_WIDGET_CLASS(class);

    G_OBJECT_CLASS(class)->dispose = kvm_view_dispose;
    G_OBJECT_CLASS(class)->finalize = kvm_view_finalize;
    widget->snapshot = view_snapshot;
    widget->measure = view_measure;
    widget->size_allocate = view_size_allocate;
    widget->realize = view_realize;
    widget->unrealize = view_unrealize;
    widget->map = view_map;
    widget->unmap = view_unmap;
    gtk_widget_class_set_css_name(widget, "guestscreen");
    gtk_widget_class_set_accessible_role(widget, GTK_ACCESSIBLE_ROLE_IMG);
}

GtkWidget *kvm_view_new(KvmView **view)
{
    GtkWidget *scroller = gtk_scrolled_window_new();

    *view = g_object_new(KVM_TYPE_VIEW, NULL);
    gtk_scrolled_window_set_child(GTK_SCROLLED_WINDOW(scroller), GTK_WIDGET(*view));
    gtk_widget_set_focusable(scroller, FALSE); /* the view is, which is enough */
    kvm_view_set_scaling(*view, KVM_SCALING_FIT);
    return scroller;
}
