/* Stubs of what the example takes of LVGL 9, to compile it without LVGL. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum { LV_RESULT_INVALID, LV_RESULT_OK } lv_result_t;
typedef enum { LV_IMAGE_SRC_VARIABLE } lv_image_src_t;
typedef uint8_t lv_color_format_t;
enum { LV_COLOR_FORMAT_I1 = 7, LV_COLOR_FORMAT_I2, LV_COLOR_FORMAT_I4, LV_COLOR_FORMAT_I8, LV_COLOR_FORMAT_ARGB8888 = 16 };
enum { LV_STRIDE_AUTO = 0 };
#define LV_COLOR_FORMAT_GET_BPP(cf) (1 << ((cf) - LV_COLOR_FORMAT_I1))

typedef struct { uint32_t cf : 8, w : 16, h : 16, stride : 16; } lv_image_header_t;
typedef struct { lv_image_header_t header; uint32_t data_size; const uint8_t *data; } lv_image_dsc_t;
typedef struct { lv_image_header_t header; uint8_t *data; } lv_draw_buf_t;
typedef struct lv_image_decoder lv_image_decoder_t;
typedef struct { const void *src; const lv_draw_buf_t *decoded; struct { bool use_indexed; } args; } lv_image_decoder_dsc_t;

lv_image_src_t lv_image_src_get_type(const void *src);
uint32_t lv_draw_buf_width_to_stride(uint32_t width, lv_color_format_t cf);
lv_draw_buf_t *lv_draw_buf_create(uint32_t width, uint32_t height, lv_color_format_t cf, uint32_t stride);
void *lv_draw_buf_goto_xy(const lv_draw_buf_t *buffer, uint32_t x, uint32_t y);
void lv_draw_buf_destroy(lv_draw_buf_t *buffer);
lv_image_decoder_t *lv_image_decoder_create(void);
void lv_image_decoder_set_info_cb(lv_image_decoder_t *, lv_result_t (*)(lv_image_decoder_t *, lv_image_decoder_dsc_t *, lv_image_header_t *));
void lv_image_decoder_set_open_cb(lv_image_decoder_t *, lv_result_t (*)(lv_image_decoder_t *, lv_image_decoder_dsc_t *));
void lv_image_decoder_set_close_cb(lv_image_decoder_t *, void (*)(lv_image_decoder_t *, lv_image_decoder_dsc_t *));
