#include "frame.h"

#include <malloc.h>

/* Tiles reach a little over their right and lower neighbours. Scaled tiles
 * have soft edges; without something below them the background would show
 * through as a grid of thin lines. */
#define OVERLAP 4

struct _KvmFrame {
    GObject parent;
    const guint8 *pixels; /* lent, NULL when frozen or empty */
    int stride;
    int width, height;
    int columns, rows;
    GdkTexture **tiles; /* columns * rows, NULL until first drawn */
    gboolean *dirty;
    gboolean announced; /* contents invalidated since the last drawing */
};

static void kvm_frame_paintable(GdkPaintableInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE(KvmFrame, kvm_frame, G_TYPE_OBJECT,
                              G_IMPLEMENT_INTERFACE(GDK_TYPE_PAINTABLE, kvm_frame_paintable))

KvmFrame *kvm_frame_new(void)
{
    return g_object_new(KVM_TYPE_FRAME, NULL);
}

static void kvm_frame_init(KvmFrame *frame)
{
}

static void drop_tiles(KvmFrame *frame)
{
    for (int i = 0; i < frame->columns * frame->rows; i++)
        g_clear_object(&frame->tiles[i]);
    g_clear_pointer(&frame->tiles, g_free);
    g_clear_pointer(&frame->dirty, g_free);
    frame->columns = frame->rows = 0;
}

static void kvm_frame_finalize(GObject *object)
{
    drop_tiles(KVM_FRAME(object));
    G_OBJECT_CLASS(kvm_frame_parent_class)->finalize(object);
}

/* Each frame needs new textures, and GTK copies them once more to paint them
 * without a GPU. Memory that goes back to the kernel each time has to be mapped
 * and cleared again, page by page: that took a third of a frame. */
static void keep_memory_of_pictures(void)
{
    mallopt(M_MMAP_THRESHOLD, 16 << 20);
    mallopt(M_TRIM_THRESHOLD, 64 << 20);
}

static void kvm_frame_class_init(KvmFrameClass *class)
{
    G_OBJECT_CLASS(class)->finalize = kvm_frame_finalize;
    keep_memory_of_pictures();
}

static void resize(KvmFrame *frame, int width, int height)
{
    if (frame->width == width && frame->height == height)
        return;
    drop_tiles(frame);
    frame->width = width;
    frame->height = height;
    frame->columns = (width + KVM_TILE - 1) / KVM_TILE;
    frame->rows = (height + KVM_TILE - 1) / KVM_TILE;
    frame->tiles = g_new0(GdkTexture *, frame->columns * frame->rows);
    frame->dirty = g_new0(gboolean, frame->columns * frame->rows);
    frame->announced = FALSE;
    gdk_paintable_invalidate_size(GDK_PAINTABLE(frame));
}

void kvm_frame_lend(KvmFrame *frame, const guint8 *pixels, int width, int height, int stride)
{
    frame->pixels = pixels;
    frame->stride = stride;
    resize(frame, MAX(width, 0), MAX(height, 0));
    kvm_frame_damage(frame, 0, 0, width, height);
}

void kvm_frame_clear(KvmFrame *frame)
{
    frame->pixels = NULL;
    resize(frame, 0, 0);
    gdk_paintable_invalidate_contents(GDK_PAINTABLE(frame));
}

int kvm_frame_width(KvmFrame *frame)
{
    return frame->width;
}

int kvm_frame_height(KvmFrame *frame)
{
    return frame->height;
}

void kvm_frame_damage(KvmFrame *frame, int x, int y, int width, int height)
{
    int right = MIN(x + width, frame->width), bottom = MIN(y + height, frame->height);

    x = MAX(x, 0);
    y = MAX(y, 0);
    if (frame->pixels == NULL || x >= right || y >= bottom)
        return;
    for (int row = MAX(y - OVERLAP, 0) / KVM_TILE; row <= (bottom - 1) / KVM_TILE; row++)
        for (int column = MAX(x - OVERLAP, 0) / KVM_TILE; column <= (right - 1) / KVM_TILE; column++)
            frame->dirty[row * frame->columns + column] = TRUE;
    if (!frame->announced) {
        frame->announced = TRUE;
        gdk_paintable_invalidate_contents(GDK_PAINTABLE(frame));
    }
}

/* Copies a part of the lent pixels, made opaque. Protocols leave the fourth
 * byte as it happens to be, and GDK has no opaque format that every renderer
 * draws as quickly as this one. */
static GdkTexture *copy_part(KvmFrame *frame, int x, int y, int width, int height)
{
    guint32 *copy = g_new(guint32, (gsize)width * height);
    GBytes *bytes = g_bytes_new_take(copy, (gsize)width * height * 4);
    GdkTexture *texture;

    for (int row = 0; row < height; row++) {
        const guint32 *from = (const guint32 *)(frame->pixels + (gsize)(y + row) * frame->stride) + x;
        guint32 *to = copy + (gsize)row * width;

        for (int column = 0; column < width; column++)
            to[column] = from[column] | GUINT32_TO_LE(0xff000000);
    }
    texture = gdk_memory_texture_new(width, height, GDK_MEMORY_B8G8R8A8_PREMULTIPLIED, bytes, (gsize)width * 4);
    g_bytes_unref(bytes);
    return texture;
}

static void tile_area(KvmFrame *frame, int column, int row, GdkRectangle *area)
{
    area->x = column * KVM_TILE;
    area->y = row * KVM_TILE;
    area->width = MIN(KVM_TILE + OVERLAP, frame->width - area->x);
    area->height = MIN(KVM_TILE + OVERLAP, frame->height - area->y);
}

GdkTexture *kvm_frame_tile(KvmFrame *frame, int column, int row)
{
    int i = row * frame->columns + column;

    if (column >= frame->columns || row >= frame->rows)
        return NULL;
    if (frame->dirty[i] && frame->pixels != NULL) {
        GdkRectangle area;

        tile_area(frame, column, row, &area);
        g_clear_object(&frame->tiles[i]);
        frame->tiles[i] = copy_part(frame, area.x, area.y, area.width, area.height);
        frame->dirty[i] = FALSE;
    }
    return frame->tiles[i];
}

void kvm_frame_freeze(KvmFrame *frame)
{
    for (int row = 0; row < frame->rows; row++)
        for (int column = 0; column < frame->columns; column++)
            kvm_frame_tile(frame, column, row);
    frame->pixels = NULL;
    malloc_trim(0);
}

static GskScalingFilter filter_for(double zoom)
{
    if (zoom >= 1 && zoom - (int)zoom < 0.001)
        return GSK_SCALING_FILTER_NEAREST;
    return zoom < 0.5 ? GSK_SCALING_FILTER_TRILINEAR : GSK_SCALING_FILTER_LINEAR;
}

void kvm_frame_draw(KvmFrame *frame, GtkSnapshot *snapshot, double width, double height, double scale)
{
    double sx = width / MAX(frame->width, 1), sy = height / MAX(frame->height, 1);
    GskScalingFilter filter = filter_for(MIN(sx, sy) * scale);

    for (int row = 0; row < frame->rows; row++)
        for (int column = 0; column < frame->columns; column++) {
            GdkTexture *tile = kvm_frame_tile(frame, column, row);
            GdkRectangle area;

            if (tile == NULL)
                continue;
            tile_area(frame, column, row, &area);
            gtk_snapshot_append_scaled_texture(
                snapshot, tile, filter,
                &GRAPHENE_RECT_INIT(area.x * sx, area.y * sy, area.width * sx, area.height * sy));
        }
    frame->announced = FALSE;
}

/* Puts the tiles back together, which also works when nothing is lent. */
GdkTexture *kvm_frame_texture(KvmFrame *frame)
{
    gsize stride = (gsize)frame->width * 4;
    guint8 *pixels;
    GBytes *bytes;
    GdkTexture *texture;

    if (frame->width == 0 || frame->height == 0)
        return NULL;
    if (frame->pixels != NULL)
        return copy_part(frame, 0, 0, frame->width, frame->height);
    pixels = g_malloc0(stride * frame->height);
    for (int row = 0; row < frame->rows; row++)
        for (int column = 0; column < frame->columns; column++) {
            GdkTexture *tile = kvm_frame_tile(frame, column, row);

            if (tile != NULL)
                gdk_texture_download(tile, pixels + row * KVM_TILE * stride + column * KVM_TILE * 4, stride);
        }
    bytes = g_bytes_new_take(pixels, stride * frame->height);
    texture = gdk_memory_texture_new(frame->width, frame->height, GDK_MEMORY_DEFAULT, bytes, stride);
    g_bytes_unref(bytes);
    return texture;
}

static void paintable_snapshot(GdkPaintable *paintable, GdkSnapshot *snapshot, double width, double height)
{
    kvm_frame_draw(KVM_FRAME(paintable), GTK_SNAPSHOT(snapshot), width, height, 1);
}

static int paintable_width(GdkPaintable *paintable)
{
    return KVM_FRAME(paintable)->width;
}

static int paintable_height(GdkPaintable *paintable)
{
    return KVM_FRAME(paintable)->height;
}

static void kvm_frame_paintable(GdkPaintableInterface *iface)
{
    iface->snapshot = paintable_snapshot;
    iface->get_intrinsic_width = paintable_width;
    iface->get_intrinsic_height = paintable_height;
}
