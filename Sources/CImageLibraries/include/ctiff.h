// libtiff, loaded on first use.
#ifndef CNNZOO_CTIFF_H
#define CNNZOO_CTIFF_H

#include <stddef.h>
#include <stdint.h>

/// Loads libtiff once for all threads. Returns NULL, or the reason for failure. Must succeed before
/// any other function here is called.
const char *ctiff_load(void);

typedef struct ctiff_file ctiff_file;

/// Opens a file in memory, which must outlive the handle, at its first page. Returns NULL if it
/// cannot be opened. libtiff never allocates more than `largest` bytes at once, from version 4.5 on.
ctiff_file *ctiff_open(const void *bytes, size_t count, size_t largest);
void ctiff_close(ctiff_file *file);
/// libtiff's first error, or "the data is damaged".
const char *ctiff_message(const ctiff_file *file);

/// Whether the installed libtiff has the page's codec.
int ctiff_has_codec(uint16_t compression);
/// Makes the JPEG codec return RGB.
void ctiff_convert_jpeg(ctiff_file *file);
/// Says that YCbCr samples are not subsampled.
void ctiff_set_full_chroma(ctiff_file *file);

/// Decodes a strip or tile into `size` bytes; returns whether all were decoded.
int ctiff_read(ctiff_file *file, uint32_t index, int tiled, void *out, size_t size);
/// Decodes the page to `width * height` pixels of four bytes, R, G, B and A, from the top left.
int ctiff_read_rgba(ctiff_file *file, uint32_t width, uint32_t height, uint32_t *pixels);

#endif
