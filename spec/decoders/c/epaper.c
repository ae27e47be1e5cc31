/* A .kmq picture for a 7-colour e-paper panel: a frame buffer of 4 bits a pixel, the left one first.

   The picture has to have the panel's size, and its palette the panel's colours in the panel's order, as with

       kmq encode photo.png --palette e-paper-7 --dither floyd-steinberg --coding packed -o photo.kmq
       kmq decode photo.kmq -o photo.h      (the file as a C array) */

#define KMQ_IMPLEMENTATION
#include "kmq.h"

enum { PANEL_WIDTH = 600, PANEL_HEIGHT = 448 };

/* Sends a row to the panel: yours. */
void panel_row(const uint8_t *row, size_t bytes);

int show(const uint8_t *file, uint32_t size)
{
    uint8_t row[PANEL_WIDTH / 2];
    kmq picture;
    uint32_t y;
    int error = kmq_open(&picture, file, size);
    if (!error && (picture.width != PANEL_WIDTH || picture.height != PANEL_HEIGHT))
        error = KMQ_ARGUMENT;
    for (y = 0; y < PANEL_HEIGHT && !error; y++) {
        error = kmq_row(&picture, 0, y, PANEL_WIDTH, KMQ_I4, row);
        if (!error)
            panel_row(row, sizeof row);
    }
    return error;
}
