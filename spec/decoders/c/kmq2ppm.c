/* A .kmq file to a PPM, or a PAM if it has alpha: kmq2ppm FILE.kmq > FILE.ppm

   Exit code 1 and a line on standard error if that fails. It reads the file through a function, piece by
   piece, as from a card. */

#include <stdio.h>
#ifdef _WIN32
#include <fcntl.h>
#include <io.h>
#endif

#define KMQ_IMPLEMENTATION
#include "kmq.h"

static size_t read_file(void *from, uint32_t offset, uint8_t *to, size_t size)
{
    FILE *file = (FILE *)from;
    return fseek(file, (long)offset, SEEK_SET) ? 0 : fread(to, 1, size, file);
}

static int fail(const char *name, int error)
{
    static const char *const classes[] = {"ok", "format", "truncated", "unsupported", "limit", "read", "argument"};
    fprintf(stderr, "%s: %s\n", name, classes[error]);
    return 1;
}

int main(int count, char **words)
{
    static uint8_t pixels[4 * 4096];
    kmq picture;
    FILE *file;
    uint32_t x, y;
    long size;
    int error;
    if (count != 2) {
        fputs("usage: kmq2ppm FILE.kmq > FILE.ppm\n", stderr);
        return 2;
    }
    file = fopen(words[1], "rb");
    if (!file || fseek(file, 0, SEEK_END) || (size = ftell(file)) < 0) {
        perror(words[1]);
        return 1;
    }
#ifdef _WIN32
    _setmode(_fileno(stdout), _O_BINARY);
#endif
    if ((unsigned long)size > 0xFFFFFFFFul)
        return fail(words[1], KMQ_LIMIT);
    error = kmq_open_reader(&picture, read_file, file, (uint32_t)size);
    if (!error && (uint64_t)picture.width * picture.height > (uint64_t)1 << 28)
        error = KMQ_LIMIT;
    if (!error)
        error = kmq_verify(&picture);
    if (error)
        return fail(words[1], error);
    {
        const int layout = picture.channels == 4 ? KMQ_RGBA8888 : KMQ_RGB888;
        const unsigned long width = picture.width, height = picture.height;
        if (layout == KMQ_RGB888)
            printf("P6\n%lu %lu\n255\n", width, height);
        else
            printf("P7\nWIDTH %lu\nHEIGHT %lu\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n", width, height);
        for (y = 0; y < picture.height; y++) {
            for (x = 0; x < picture.width; x += 4096) {
                const uint32_t some = picture.width - x < 4096 ? picture.width - x : 4096;
                error = kmq_row(&picture, x, y, some, layout, pixels);
                if (error)
                    return fail(words[1], error);
                fwrite(pixels, (size_t)layout / 8, some, stdout);
            }
        }
    }
    fclose(file);
    return fflush(stdout) || ferror(stdout) ? 1 : 0;
}
