/* kmq.h: packed .kmq pictures on small machines. One header in C99; no allocation, no file system.

   In one file of your program, before you include it:

       #define KMQ_IMPLEMENTATION

   A picture is read where it lies, from memory (flash, say) or through a function of yours. It needs no more
   memory than the struct below, some 60 bytes, and less than 512 bytes of stack:

       kmq picture;
       if (kmq_open(&picture, photo_kmq, sizeof photo_kmq) == KMQ_OK)
           for (uint32_t y = 0; y < picture.height; y++)
               if (kmq_row(&picture, 0, y, picture.width, KMQ_RGB565, line) == KMQ_OK)
                   show(line);

   It reads files in the packed coding of at most 256 entries (`kmq encode --coding packed`), tiled or not.
   What it does with any other file is in spec/SPEC.md, section 9; a number Mn there is beside each check.

   KMQ_NO_CRC leaves out all checksums. Licence: that of kmq, see LICENSE. */

#ifndef KMQ_H
#define KMQ_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a function returns. The classes of errors are those of the spec. */
enum {
    KMQ_OK,
    KMQ_FORMAT,      /* the file breaks a rule of the format */
    KMQ_TRUNCATED,   /* the file ends too early */
    KMQ_UNSUPPORTED, /* a later version, another coding, a critical section, a coded palette */
    KMQ_LIMIT,       /* more than 256 entries or 64 sections; a layout with too few bits for the indices */
    KMQ_READ,        /* your function gave fewer bytes than it was asked for */
    KMQ_ARGUMENT     /* pixels outside the picture, entries outside the palette, no layout */
};

/* How pixels and entries lie in memory. */
enum {
    KMQ_I1 = 1,       /* indices of 1, 2, 4 or 8 bits, the first pixel in the highest bits; a row ends */
    KMQ_I2 = 2,       /* with zeros that fill its last byte. As LVGL's I1, I2, I4 and I8. */
    KMQ_I4 = 4,
    KMQ_I8 = 8,
    KMQ_RGB565 = 16,  /* uint16_t of this machine, red in the highest bits */
    KMQ_RGB888 = 24,  /* red, green, blue */
    KMQ_RGBA8888 = 32, /* red, green, blue, alpha */
    KMQ_BGRA8888 = 33 /* blue, green, red, alpha: LVGL's palettes */
};

/* Copies `size` bytes of the file, from byte `offset` on, to `to`. Returns how many it copied. */
typedef size_t kmq_reader(void *from, uint32_t offset, uint8_t *to, size_t size);

typedef struct {
    uint32_t width, height; /* pixels */
    uint16_t entries;       /* 1 to 256 */
    uint8_t channels;       /* bytes an entry: 1 grey, 3 RGB, 4 RGBA */
    uint8_t bits;           /* of an index: 0 to 8 */
    uint8_t tile_exponent;  /* a tile is 2^tile_exponent pixels wide and high; 31: one tile */
    /* What follows is not for you. */
    const uint8_t *memory;
    kmq_reader *reader;
    void *from;
    uint32_t size, palette, index, payloads;
} kmq;

/* Opens a file of `size` bytes in memory, which must stay there. */
int kmq_open(kmq *picture, const uint8_t *memory, uint32_t size);

/* Opens a file of `size` bytes that `reader` reads; `from` is passed on to it. */
int kmq_open_reader(kmq *picture, kmq_reader *reader, void *from, uint32_t size);

/* Checks what rows don't: the checksum of every tile, and the bits that are left over at its end. */
int kmq_verify(const kmq *picture);

/* Writes `count` pixels from (x, y) on, to the right, in a layout: KMQ_I1 to KMQ_BGRA8888. */
int kmq_row(const kmq *picture, uint32_t x, uint32_t y, uint32_t count, int layout, void *to);

/* Writes `count` entries from `first` on, in a layout from KMQ_RGB565 on. */
int kmq_entries(const kmq *picture, unsigned first, unsigned count, int layout, void *to);

#ifdef __cplusplus
}
#endif

#endif

#if defined KMQ_IMPLEMENTATION && !defined KMQ_IMPLEMENTED
#define KMQ_IMPLEMENTED

#include <string.h>

/* Sections that a file may have: each is compared with those before it. */
#define KMQ_SECTIONS 64

/* Bytes that are read at a time. */
#define KMQ_WINDOW 32

static int kmq_get(const kmq *p, uint32_t offset, uint8_t *to, uint32_t size)
{
    if (p->memory) {
        memcpy(to, p->memory + offset, size);
        return KMQ_OK;
    }
    return p->reader(p->from, offset, to, size) == size ? KMQ_OK : KMQ_READ;
}

#ifndef KMQ_NO_CRC
/* The CRC-32 of the bytes from `offset` to `end`. */
static int kmq_crc(const kmq *p, uint32_t offset, uint32_t end, uint32_t *crc)
{
    uint8_t window[KMQ_WINDOW];
    *crc = 0xFFFFFFFFu;
    while (offset < end) {
        uint32_t i, size = end - offset < KMQ_WINDOW ? end - offset : KMQ_WINDOW;
        int error = kmq_get(p, offset, window, size);
        if (error)
            return error;
        for (i = 0; i < size; i++) {
            int bit;
            *crc ^= window[i];
            for (bit = 0; bit < 8; bit++)
                *crc = *crc >> 1 ^ (0xEDB88320u & (0u - (*crc & 1u)));
        }
        offset += size;
    }
    *crc = ~*crc;
    return KMQ_OK;
}

static uint32_t kmq_u32(const uint8_t *four)
{
    return four[0] | (uint32_t)four[1] << 8 | (uint32_t)four[2] << 16 | (uint32_t)four[3] << 24;
}
#endif

/* Compares the CRC-32 of the bytes up to `end` with the four bytes at `at`, which are in the file. */
static int kmq_crc_is(const kmq *p, uint32_t offset, uint32_t end, uint32_t at)
{
#ifdef KMQ_NO_CRC
    (void)p, (void)offset, (void)end, (void)at;
    return KMQ_OK;
#else
    uint8_t stored[4];
    uint32_t crc;
    int error = kmq_crc(p, offset, end, &crc);
    if (!error)
        error = kmq_get(p, at, stored, 4);
    if (!error && crc != kmq_u32(stored))
        error = KMQ_FORMAT;
    return error;
#endif
}

/* A place in the file, and the first error on the way there: after one, nothing more is read. */
typedef struct {
    const kmq *p;
    uint32_t at, end;
    int missing; /* the error if it goes beyond `end` */
    int error;
} kmq_cursor;

static void kmq_must(kmq_cursor *c, int holds, int error)
{
    if (!holds && !c->error)
        c->error = error;
}

static uint32_t kmq_next(kmq_cursor *c)
{
    uint8_t byte = 0;
    kmq_must(c, c->at < c->end, c->missing);
    if (!c->error)
        c->error = kmq_get(c->p, c->at++, &byte, 1);
    return byte;
}

/* Reads a uleb (M1). */
static uint32_t kmq_uleb(kmq_cursor *c)
{
    uint32_t byte, value = 0;
    unsigned shift = 0;
    do {
        byte = kmq_next(c);
        kmq_must(c, shift < 28 || byte < 16, KMQ_FORMAT);
        value |= (byte & 127) << shift;
        shift += 7;
    } while (byte > 127 && !c->error);
    kmq_must(c, byte || shift == 7, KMQ_FORMAT);
    return value;
}

/* Bytes that n pixels take. n is below 2^62. */
static uint64_t kmq_packed(const kmq *p, uint64_t n)
{
    return (n >> 3) * p->bits + (((n & 7) * p->bits + 7) >> 3);
}

/* A tile: its size in pixels, and where its payload begins. */
typedef struct {
    uint32_t width, height;
    uint32_t offset, bytes;
} kmq_tile;

static uint32_t kmq_tiles(uint32_t pixels, unsigned exponent)
{
    return ((pixels - 1) >> exponent) + 1;
}

static uint32_t kmq_part(uint32_t pixels, uint32_t number, unsigned exponent)
{
    uint32_t left = pixels - (number << exponent);
    return left < (uint32_t)1 << exponent ? left : (uint32_t)1 << exponent;
}

/* Bytes of all payloads in the rows of tiles above row `rows`. */
static uint64_t kmq_above(const kmq *p, uint32_t rows)
{
    const unsigned exponent = p->tile_exponent;
    const uint32_t columns = kmq_tiles(p->width, exponent), all = kmq_tiles(p->height, exponent);
    const uint32_t last = kmq_part(p->width, columns - 1, exponent);
    const uint32_t whole = rows == all ? rows - 1 : rows;
    const uint64_t side = (uint64_t)1 << exponent;
    uint64_t bytes = 0;
    if (whole) /* not with one tile, whose side may be larger than the picture */
        bytes = whole * ((columns - 1) * kmq_packed(p, side * side) + kmq_packed(p, last * side));
    if (whole < rows) {
        const uint64_t height = kmq_part(p->height, whole, exponent);
        bytes += kmq_packed(p, last * height);
        if (columns > 1)
            bytes += (columns - 1) * kmq_packed(p, side * height);
    }
    return bytes;
}

/* All sizes have been compared with that of the file by now: offsets have 32 bits. */
static kmq_tile kmq_tile_at(const kmq *p, uint32_t column, uint32_t row)
{
    const unsigned exponent = p->tile_exponent;
    kmq_tile tile;
    tile.width = kmq_part(p->width, column, exponent);
    tile.height = kmq_part(p->height, row, exponent);
    tile.bytes = (uint32_t)kmq_packed(p, (uint64_t)tile.width * tile.height);
    tile.offset = p->payloads + (uint32_t)kmq_above(p, row);
    if (column)
        tile.offset += column * (uint32_t)kmq_packed(p, ((uint64_t)1 << exponent) * tile.height);
    return tile;
}

/* Passes over a section, M18 to M22 checked but for M19. Returns its tag. */
static uint32_t kmq_section(kmq_cursor *c)
{
    const uint32_t begin = c->at;
    uint32_t tag = 0, size, i;
    for (i = 0; i < 4; i++) {
        const uint32_t byte = kmq_next(c);
        kmq_must(c, i ? byte - 0x20 < 0x5F : (byte | 32) - 'a' < 26, KMQ_FORMAT); /* M18 */
        tag = tag << 8 | byte;
    }
    size = kmq_uleb(c);
    kmq_must(c, c->end - c->at >= 4 && c->end - c->at - 4 >= size, KMQ_FORMAT); /* M21 */
    if (!c->error) {
        c->at += size + 4;
        c->error = kmq_crc_is(c->p, begin, c->at - 4, c->at - 4); /* M20 */
    }
    return tag;
}

/* Steps 1 to 5 of section 9. */
static int kmq_read_header(kmq *p)
{
    kmq_cursor c, before;
    uint32_t value, flags, tag, sections = 0;
    uint64_t need;
    unsigned i, count = 0;
    c.p = p;
    c.at = 0;
    c.end = p->size;
    c.missing = KMQ_TRUNCATED;
    c.error = KMQ_OK;
    for (i = 0; i < 3; i++)
        kmq_must(&c, kmq_next(&c) == (uint32_t)(0x514D4B >> 8 * i & 255), KMQ_FORMAT); /* M3: "KMQ" */
    kmq_must(&c, kmq_next(&c) == 1, KMQ_UNSUPPORTED); /* M4 */
    flags = kmq_next(&c);
    kmq_must(&c, (flags & 3) < 3, KMQ_FORMAT); /* M11 */
    kmq_must(&c, !(flags & 0x3C), KMQ_UNSUPPORTED); /* M12, and what this decoder lacks: coded palettes too */
    p->channels = (uint8_t)((flags & 3) + 1 + ((flags & 3) > 0));
    for (i = 0; i < 2; i++) {
        value = kmq_uleb(&c);
        kmq_must(&c, value <= 0x7FFFFFFE, KMQ_FORMAT); /* M5, M6 */
        *(i ? &p->height : &p->width) = value + 1;
    }
    value = kmq_uleb(&c);
    kmq_must(&c, value <= 65535, KMQ_FORMAT); /* M7 */
    p->tile_exponent = 31;
    if (flags & 0x40) {
        p->tile_exponent = (uint8_t)kmq_next(&c);
        kmq_must(&c, p->tile_exponent >= 4 && p->tile_exponent <= 15, KMQ_FORMAT); /* M8 */
    }
    if (flags & 0x80) {
        sections = kmq_uleb(&c);
        kmq_must(&c, sections > 0, KMQ_FORMAT); /* M9 */
    }
    if (c.error)
        return c.error;
    while (value >> p->bits)
        p->bits++;
    value++; /* k */
    p->palette = c.at;
    p->index = c.at + value * p->channels;
    need = (uint64_t)kmq_tiles(p->width, p->tile_exponent) * kmq_tiles(p->height, p->tile_exponent);
    need = 4 * need + value * p->channels + 4;
    if (need > c.end - c.at)
        return KMQ_TRUNCATED;
    c.at += (uint32_t)need;
    c.error = kmq_crc_is(p, 0, c.at - 4, c.at - 4); /* M10 */
    kmq_must(&c, value <= 256, KMQ_LIMIT);
    if (c.error)
        return c.error;
    p->entries = (uint16_t)value;
    need = kmq_above(p, kmq_tiles(p->height, p->tile_exponent)) + sections;
    kmq_must(&c, need <= c.end - c.at, KMQ_TRUNCATED);
    kmq_must(&c, need == c.end - c.at, KMQ_FORMAT); /* M2 */
    p->payloads = c.at + sections;
    if (c.error)
        return c.error;
    c.end = p->payloads;
    c.missing = KMQ_FORMAT; /* M21 */
    before = c;
    while (c.at < c.end && !c.error) {
        kmq_cursor other = before;
        const uint32_t begin = c.at;
        tag = kmq_section(&c);
        kmq_must(&c, ++count <= KMQ_SECTIONS, KMQ_LIMIT);
        while (!c.error && other.at < begin) { /* those before it have been checked */
            uint32_t earlier = 0;
            for (i = 0; i < 4; i++)
                earlier = earlier << 8 | kmq_next(&other);
            value = kmq_uleb(&other);
            other.at += value + 4;
            kmq_must(&c, !other.error, other.error);
            kmq_must(&c, earlier != tag, KMQ_FORMAT); /* M19 */
        }
        kmq_must(&c, tag >> 24 >= 'a', KMQ_UNSUPPORTED); /* M22: it knows no critical one */
    }
    return c.error;
}

int kmq_open(kmq *picture, const uint8_t *memory, uint32_t size)
{
    memset(picture, 0, sizeof *picture);
    picture->memory = memory;
    picture->size = size;
    return kmq_read_header(picture);
}

int kmq_open_reader(kmq *picture, kmq_reader *reader, void *from, uint32_t size)
{
    memset(picture, 0, sizeof *picture);
    picture->reader = reader;
    picture->from = from;
    picture->size = size;
    return kmq_read_header(picture);
}

/* Bits that a pixel takes in a layout; 0 if there is none such. */
static unsigned kmq_bits(int layout)
{
    switch (layout) {
    case KMQ_I1: case KMQ_I2: case KMQ_I4: case KMQ_I8: case KMQ_RGB565: case KMQ_RGB888: case KMQ_RGBA8888:
        return (unsigned)layout;
    default:
        return layout == KMQ_BGRA8888 ? 32 : 0;
    }
}

int kmq_entries(const kmq *picture, unsigned first, unsigned count, int layout, void *to)
{
    uint8_t entry[4], *out = (uint8_t *)to;
    if (first > picture->entries || count > picture->entries - first || kmq_bits(layout) < 16)
        return KMQ_ARGUMENT;
    for (; count; count--, first++) {
        int error = kmq_get(picture, picture->palette + first * picture->channels, entry, picture->channels);
        if (error)
            return error;
        if (picture->channels == 1)
            entry[1] = entry[2] = entry[0];
        if (picture->channels < 4)
            entry[3] = 255;
        if (layout == KMQ_RGB565) {
            const unsigned red = entry[0] >> 3, green = entry[1] >> 2, blue = entry[2] >> 3;
            const uint16_t colour = (uint16_t)(red << 11 | green << 5 | blue);
            memcpy(out, &colour, 2);
            out += 2;
            continue;
        }
        *out++ = entry[layout == KMQ_BGRA8888 ? 2 : 0];
        *out++ = entry[1];
        *out++ = entry[layout == KMQ_BGRA8888 ? 0 : 2];
        if (layout != KMQ_RGB888)
            *out++ = entry[3];
    }
    return KMQ_OK;
}

/* Writes indices, each a byte, of `count` pixels of a tile from its pixel `n` on. At most KMQ_WINDOW. */
static int kmq_indices(const kmq *p, const kmq_tile *tile, uint64_t n, uint32_t count, uint8_t *to)
{
    uint8_t window[KMQ_WINDOW + 1]; /* pixels may begin within a byte */
    const uint32_t from = (uint32_t)((n >> 3) * p->bits + (((n & 7) * p->bits) >> 3));
    uint32_t i, bit = (uint32_t)((n & 7) * p->bits) & 7;
    const uint32_t bytes = (bit + count * p->bits + 7) >> 3;
    int error = kmq_get(p, tile->offset + from, window, bytes);
    if (error)
        return error;
    for (i = 0; i < count; i++, bit += p->bits) {
        uint32_t two = (uint32_t)window[bit >> 3] << 8;
        if ((bit & 7) + p->bits > 8) /* the next byte is read only if the index goes on there */
            two |= window[(bit >> 3) + 1];
        to[i] = (uint8_t)(two >> (16 - (bit & 7) - p->bits) & ((1u << p->bits) - 1));
        if (to[i] >= p->entries)
            return KMQ_FORMAT; /* M17 */
    }
    return KMQ_OK;
}

int kmq_row(const kmq *picture, uint32_t x, uint32_t y, uint32_t count, int layout, void *to)
{
    const kmq *p = picture;
    const unsigned exponent = p->tile_exponent;
    uint8_t indices[KMQ_WINDOW], *out = (uint8_t *)to;
    unsigned filled = 0; /* bits of *out */
    if (y >= p->height || x > p->width || count > p->width - x || !kmq_bits(layout))
        return KMQ_ARGUMENT;
    if (layout <= KMQ_I8 && p->bits > layout)
        return KMQ_LIMIT;
    while (count) {
        const uint32_t column = x >> exponent, inside = x - (column << exponent);
        const kmq_tile tile = kmq_tile_at(p, column, y >> exponent);
        const uint64_t n = (uint64_t)(y - ((y >> exponent) << exponent)) * tile.width + inside;
        uint32_t i, some = tile.width - inside < count ? tile.width - inside : count;
        int error = KMQ_OK;
        if (some > KMQ_WINDOW)
            some = KMQ_WINDOW;
        if (p->bits)
            error = kmq_indices(p, &tile, n, some, indices);
        else
            memset(indices, 0, some); /* k = 1: a payload has no bytes */
        for (i = 0; i < some && !error; i++) {
            if (layout > KMQ_I8) {
                error = kmq_entries(p, indices[i], 1, layout, out);
                out += kmq_bits(layout) >> 3;
                continue;
            }
            *out = (uint8_t)((filled ? *out : 0) | indices[i] << (8 - (unsigned)layout - filled));
            filled += (unsigned)layout;
            if (filled == 8) {
                filled = 0;
                out++;
            }
        }
        if (error)
            return error;
        x += some;
        count -= some;
    }
    return KMQ_OK;
}

int kmq_verify(const kmq *picture)
{
    const kmq *p = picture;
    const uint32_t columns = kmq_tiles(p->width, p->tile_exponent), rows = kmq_tiles(p->height, p->tile_exponent);
    uint32_t row, column, at = p->index;
    for (row = 0; row < rows; row++) {
        for (column = 0; column < columns; column++, at += 4) {
            const kmq_tile tile = kmq_tile_at(p, column, row);
            const uint64_t pixels = (uint64_t)tile.width * tile.height;
            uint64_t n = 0;
            uint8_t indices[KMQ_WINDOW], last;
            int error = kmq_crc_is(p, tile.offset, tile.offset + tile.bytes, at); /* M14 */
            const unsigned used = (unsigned)((pixels & 7) * p->bits) & 7;
            if (!error && used) {
                error = kmq_get(p, tile.offset + tile.bytes - 1, &last, 1);
                if (!error && last & 255 >> used)
                    error = KMQ_FORMAT; /* M16 */
            }
            while (!error && p->bits && n < pixels) { /* M17 */
                const uint32_t some = pixels - n < KMQ_WINDOW ? (uint32_t)(pixels - n) : KMQ_WINDOW;
                error = kmq_indices(p, &tile, n, some, indices);
                n += some;
            }
            if (error)
                return error;
        }
    }
    return KMQ_OK;
}

#endif
