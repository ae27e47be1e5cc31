/* .kmq pictures in LVGL 9: an image decoder to register once, with kmq_lvgl_init().

   lv_image_set_src(image, &file) then takes a .kmq file in memory, as an lv_image_dsc_t whose `data` and
   `data_size` are the file's and whose header.cf is LV_COLOR_FORMAT_RAW. The whole picture is decoded into a
   draw buffer of LVGL's: in ARGB8888, which its software renderer draws, or indexed where the caller asks for
   that (`use_indexed`). */

#define KMQ_IMPLEMENTATION
#include "kmq.h"
#include "lvgl.h"
#include "lvgl_private.h"

static int open_picture(kmq *picture, const void *source)
{
    const lv_image_dsc_t *file = (const lv_image_dsc_t *)source;
    if (lv_image_src_get_type(source) != LV_IMAGE_SRC_VARIABLE)
        return KMQ_UNSUPPORTED;
    return kmq_open(picture, file->data, file->data_size);
}

static lv_color_format_t format_of(const kmq *picture, bool indexed)
{
    if (!indexed)
        return LV_COLOR_FORMAT_ARGB8888;
    if (picture->bits <= 1)
        return LV_COLOR_FORMAT_I1;
    if (picture->bits <= 2)
        return LV_COLOR_FORMAT_I2;
    return picture->bits <= 4 ? LV_COLOR_FORMAT_I4 : LV_COLOR_FORMAT_I8;
}

/* Opens a picture that LVGL can hold, whose sides and rows have 16 bits. */
static int open_for(const lv_image_decoder_dsc_t *dsc, kmq *picture, lv_color_format_t *format)
{
    int error = open_picture(picture, dsc->src);
    *format = format_of(picture, dsc->args.use_indexed);
    if (!error && (picture->width > 0xFFFF || picture->height > 0xFFFF ||
                   lv_draw_buf_width_to_stride(picture->width, *format) > 0xFFFF))
        error = KMQ_LIMIT;
    return error;
}

static lv_result_t kmq_info(lv_image_decoder_t *decoder, lv_image_decoder_dsc_t *dsc, lv_image_header_t *header)
{
    kmq picture;
    lv_color_format_t format;
    (void)decoder;
    if (open_for(dsc, &picture, &format))
        return LV_RESULT_INVALID;
    header->w = (uint16_t)picture.width;
    header->h = (uint16_t)picture.height;
    header->cf = format;
    header->stride = (uint16_t)lv_draw_buf_width_to_stride(picture.width, format);
    return LV_RESULT_OK;
}

static lv_result_t kmq_decode(lv_image_decoder_t *decoder, lv_image_decoder_dsc_t *dsc)
{
    kmq picture;
    lv_color_format_t format;
    lv_draw_buf_t *buffer;
    uint8_t *rows;
    uint32_t y;
    int layout = KMQ_BGRA8888, error = open_for(dsc, &picture, &format);
    (void)decoder;
    if (error)
        return LV_RESULT_INVALID;
    buffer = lv_draw_buf_create(picture.width, picture.height, format, LV_STRIDE_AUTO);
    if (!buffer)
        return LV_RESULT_INVALID;
    if (format != LV_COLOR_FORMAT_ARGB8888) {
        layout = LV_COLOR_FORMAT_GET_BPP(format);
        error = kmq_entries(&picture, 0, picture.entries, KMQ_BGRA8888, buffer->data);
    }
    rows = (uint8_t *)lv_draw_buf_goto_xy(buffer, 0, 0);
    for (y = 0; y < picture.height && !error; y++)
        error = kmq_row(&picture, 0, y, picture.width, layout, rows + y * buffer->header.stride);
    if (error) {
        lv_draw_buf_destroy(buffer);
        return LV_RESULT_INVALID;
    }
    dsc->decoded = buffer;
    return LV_RESULT_OK;
}

static void kmq_close(lv_image_decoder_t *decoder, lv_image_decoder_dsc_t *dsc)
{
    (void)decoder;
    lv_draw_buf_destroy((lv_draw_buf_t *)dsc->decoded);
}

void kmq_lvgl_init(void)
{
    lv_image_decoder_t *decoder = lv_image_decoder_create();
    lv_image_decoder_set_info_cb(decoder, kmq_info);
    lv_image_decoder_set_open_cb(decoder, kmq_decode);
    lv_image_decoder_set_close_cb(decoder, kmq_close);
}
