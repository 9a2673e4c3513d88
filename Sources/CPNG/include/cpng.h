// libpng reports errors with longjmp, which must not cross Swift frames; this shim keeps both ends
// of every jump in C.
#ifndef CNNZOO_CPNG_H
#define CNNZOO_CPNG_H

#include <stddef.h>
#include <stdint.h>

/// The result of decoding.
typedef struct {
  /// Nonzero if the image could not be decoded; `message` then says why.
  int failed;
  /// Nonzero if a 16-bit gray sample above 255 was clipped.
  int clipped;
  /// libpng's reason, NUL-terminated.
  char message[128];
} cpng_result;

/// Decodes the PNG file of `count` bytes into `width * height` RGB pixels of 8 bits at `pixels`.
/// Fails, possibly after writing some of the pixels, if the file is damaged or has another size.
void cpng_decode_rgb(const void *bytes, size_t count, uint8_t *pixels, uint32_t width,
                     uint32_t height, cpng_result *result);

/// Unpacks a zlib stream of `count` bytes, at most its first `capacity` bytes, to `out`. Returns their
/// number, or -1 if the stream is damaged.
long cpng_inflate(const void *bytes, size_t count, void *out, size_t capacity);

/// The result of encoding.
typedef struct {
  /// The file, `count` bytes; pass it to `cpng_free`.
  uint8_t *bytes;
  size_t count;
  size_t capacity;
  /// Nonzero if the file could not be created; `message` then says why.
  int failed;
  /// libpng's reason, NUL-terminated.
  char message[128];
} cpng_file;

/// Encodes `width * height` RGB pixels of 8 bits as a PNG file.
void cpng_encode_rgb(const uint8_t *pixels, uint32_t width, uint32_t height, cpng_file *file);

/// Frees the file's memory.
void cpng_free(cpng_file *file);

#endif
