/* Files from standard input, each behind its length of four bytes, decoded in every layout and region.

   For each a line: its class; and if that is ok, its width, height, channels, entries, and the CRC-32 of its
   RGBA pixels, of its packed rows and of a region in RGB565. */

#include <stdio.h>
#include <stdlib.h>

#define KMQ_IMPLEMENTATION
#include "kmq.h"

static const char *const CLASSES[] = {"ok", "format", "truncated", "unsupported", "limit", "read", "argument"};

typedef struct {
    const uint8_t *data;
    uint32_t size;
} input;

static size_t read_input(void *from, uint32_t offset, uint8_t *to, size_t size)
{
    const input *in = (const input *)from;
    if (offset > in->size || size > in->size - offset)
        abort(); /* it may ask for nothing beyond the file */
    memcpy(to, in->data + offset, size);
    return size;
}

static uint32_t crc(uint32_t crc, const uint8_t *data, size_t size)
{
    crc = ~crc;
    while (size--) {
        int bit;
        crc ^= *data++;
        for (bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (0xEDB88320u & (0u - (crc & 1u)));
    }
    return ~crc;
}

/* The CRC of a region in a layout, row by row; each row in a buffer of just its size. */
static int region(const kmq *p, uint32_t x, uint32_t y, uint32_t w, uint32_t h, int layout, uint32_t *found)
{
    const size_t bits = layout == KMQ_BGRA8888 ? 32 : (size_t)layout;
    const size_t size = (w * bits + 7) / 8;
    uint8_t *row = malloc(size ? size : 1);
    int error = KMQ_OK;
    *found = 0;
    for (; h && !error; h--, y++) {
        error = kmq_row(p, x, y, w, layout, row);
        *found = crc(*found, row, error ? 0 : size);
    }
    free(row);
    return error;
}

static int check(const uint8_t *data, uint32_t size, int by_function)
{
    input in;
    kmq p;
    uint32_t pixels, packed, part;
    uint8_t none[4];
    int layout, error;
    in.data = data;
    in.size = size;
    error = by_function ? kmq_open_reader(&p, read_input, &in, size) : kmq_open(&p, data, size);
    if (!error)
        error = kmq_verify(&p);
    if (error)
        return error;
    if (!p.bits && (uint64_t)p.width * p.height > 1 << 20) /* nobody has room for so many pixels of one colour */
        return kmq_row(&p, p.width - 1, p.height - 1, 1, KMQ_I1, none);
    for (layout = -1; layout < 40; layout++) /* a layout is known, or refused */
        if (kmq_bits(layout) ? kmq_entries(&p, 0, 0, layout, none) != (layout < 16 ? KMQ_ARGUMENT : KMQ_OK)
                             : kmq_row(&p, 0, 0, 1, layout, none) != KMQ_ARGUMENT)
            abort();
    layout = p.bits <= 1 ? KMQ_I1 : p.bits <= 2 ? KMQ_I2 : p.bits <= 4 ? KMQ_I4 : KMQ_I8;
    error = region(&p, 0, 0, p.width, p.height, KMQ_RGBA8888, &pixels);
    if (!error)
        error = region(&p, 0, 0, p.width, p.height, layout, &packed);
    if (!error)
        error = region(&p, p.width / 3, p.height / 3, p.width - p.width / 3, 1, KMQ_RGB565, &part);
    if (!error)
        printf("ok %lu %lu %d %d %lu %lu %lu\n", (unsigned long)p.width, (unsigned long)p.height, p.channels,
               p.entries, (unsigned long)pixels, (unsigned long)packed, (unsigned long)part);
    return error ? error : -1;
}

int main(void)
{
    uint8_t length[4];
    int number = 0;
    while (fread(length, 1, 4, stdin) == 4) {
        const uint32_t size = kmq_u32(length);
        uint8_t *data = malloc(size ? size : 1);
        int error;
        if (!data || fread(data, 1, size, stdin) != size)
            return 1;
        error = check(data, size, number++ & 1);
        if (error >= 0)
            puts(CLASSES[error]);
        free(data);
    }
    return 0;
}
