// libheif, loaded on first use.
#ifndef CNNZOO_CHEIF_H
#define CNNZOO_CHEIF_H

#include <stddef.h>
#include <stdint.h>

/// Loads libheif once for all threads. Returns NULL, or the reason for failure. Must succeed before
/// any other function here is called.
const char *cheif_load(void);

/// Whether libheif has a decoder for AV1, or else for HEVC.
int cheif_has_decoder(int av1);

/// Whether libheif returns luma and chroma as they are in the bit stream; versions up to 1.15 convert
/// them to red, green and blue, and back.
int cheif_returns_planes(void);

/// One plane of samples: of one byte, or two in the machine's order if `bits` exceeds 8.
typedef struct {
  const uint8_t *samples;
  int stride;
  int width;
  int height;
  int bits;
} cheif_plane;

typedef struct {
  /// Luma and chroma, or red, green and blue; gray has only the first.
  cheif_plane planes[3];
  int is_rgb;
  void *image;
  char message[160];
} cheif_image;

/// Decodes the primary image, without turning or cropping it. Returns whether it succeeded; if not,
/// `message` says why.
///
/// `chroma` is what the bit stream has, 0 for none, else the digits of 4:2:0, 4:2:2 or 4:4:4, to get
/// these planes; or -1 for red, green and blue.
int cheif_decode(const void *bytes, size_t count, int chroma, cheif_image *image);
void cheif_free(cheif_image *image);

#endif
