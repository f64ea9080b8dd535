#include "geometry.h"

#include <math.h>

KvmPlace kvm_place(KvmScaling scaling, double width, double height, double scale, int guest_width, int guest_height)
{
    KvmPlace place = {0};
    double zoom;

    if (guest_width <= 0 || guest_height <= 0 || width <= 0 || height <= 0)
        return place;
    zoom = scaling == KVM_SCALING_ORIGINAL ? 1 / scale : MIN(width / guest_width, height / guest_height);
    place.width = guest_width * zoom;
    place.height = guest_height * zoom;
    place.x = floor(MAX(width - place.width, 0) / 2 * scale) / scale;
    place.y = floor(MAX(height - place.height, 0) / 2 * scale) / scale;
    return place;
}

static int guest_coordinate(double at, double start, double length, int guest)
{
    double position = (at - start) / length * guest;

    return (int)CLAMP(floor(position), 0, guest - 1);
}

gboolean kvm_place_to_guest(const KvmPlace *place, int guest_width, int guest_height, double x, double y,
                            int *guest_x, int *guest_y)
{
    if (place->width <= 0 || place->height <= 0)
        return FALSE;
    *guest_x = guest_coordinate(x, place->x, place->width, guest_width);
    *guest_y = guest_coordinate(y, place->y, place->height, guest_height);
    return TRUE;
}
