#pragma once

#include <glib.h>

/* How a picture is put into a widget. */
typedef enum {
    KVM_SCALING_FIT,      /* as large as fits, aspect kept */
    KVM_SCALING_ORIGINAL, /* one guest pixel on one device pixel */
} KvmScaling;

typedef struct {
    double x, y, width, height;
} KvmPlace;

/* Where a picture of guest_width by guest_height pixels lies in a widget of
 * width by height units, each of them scale device pixels: in the middle, its
 * corner on a device pixel. */
KvmPlace kvm_place(KvmScaling scaling, double width, double height, double scale, int guest_width, int guest_height);

/* The guest's pixel under a point of the widget, the nearest one for a point
 * beside the picture. FALSE when there is no picture. */
gboolean kvm_place_to_guest(const KvmPlace *place, int guest_width, int guest_height, double x, double y,
                            int *guest_x, int *guest_y);
