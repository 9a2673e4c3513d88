// libpng reports errors with longjmp, which must not cross Swift's frames: this shim keeps both
// ends of every jump in C.
#ifndef CNNZOO_CPNG_H
#define CNNZOO_CPNG_H

#include <stddef.h>
#include <stdint.h>

/// What came of decoding.
typedef struct {
  /// Nonzero where the image could not be decoded; `message` then says why.
  int failed;
  /// Nonzero where a 16-bit gray sample above 255 was clipped.
  int clipped;
  /// libpng's reason, NUL-terminated.
  char message[128];
} cpng_result;

/// Decodes the PNG file of `count` bytes into `width * height` RGB pixels of 8 bits at `pixels`.
/// Fails, and may have written some of the pixels, where the file is damaged or of another size.
void cpng_decode_rgb(const void *bytes, size_t count, uint8_t *pixels, uint32_t width,
                     uint32_t height, cpng_result *result);

/// What came of encoding.
typedef struct {
  /// The file, `count` bytes; to be given to `cpng_free`.
  uint8_t *bytes;
  size_t count;
  size_t capacity;
  /// Nonzero where it could not be made; `message` then says why.
  int failed;
  /// libpng's reason, NUL-terminated.
  char message[128];
} cpng_file;

/// Encodes `width * height` RGB pixels of 8 bits as a PNG file.
void cpng_encode_rgb(const uint8_t *pixels, uint32_t width, uint32_t height, cpng_file *file);

/// Gives the file's memory back.
void cpng_free(cpng_file *file);

#endif
