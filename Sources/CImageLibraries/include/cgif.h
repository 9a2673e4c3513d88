// giflib, loaded on first use.
#ifndef CNNZOO_CGIF_H
#define CNNZOO_CGIF_H

#include <stddef.h>
#include <stdint.h>

/// Loads giflib once for all threads. Returns NULL, or the reason for failure. Must succeed before
/// `cgif_decode` is called.
const char *cgif_load(void);

/// One frame of a GIF.
typedef struct {
  /// The screen's header and palette: the first bytes of the file.
  const uint8_t *screen;
  size_t screen_count;
  /// The frame from its image separator on.
  const uint8_t *frame;
  size_t frame_count;
  uint32_t width;
  uint32_t height;
  int interlaced;
  /// The 256 colours, three bytes each.
  const uint8_t *palette;
} cgif_frame;

/// Decodes a frame to RGB rows that begin `stride` bytes apart. Returns NULL, or the reason for
/// failure.
const char *cgif_decode(const cgif_frame *frame, uint8_t *pixels, size_t stride);

#endif
