// libjpeg reports errors with longjmp, which must not cross Swift frames; this shim keeps both ends
// of every jump in C.
#ifndef CNNZOO_CJPEG_H
#define CNNZOO_CJPEG_H

#include <stddef.h>
#include <stdint.h>

/// A file that is decoded row by row.
typedef struct cjpeg_decoder cjpeg_decoder;

/// How to decode a file.
typedef struct {
  /// The size in the frame header; another one in the file is an error.
  uint32_t width, height;
  /// 3 for RGB, 4 for CMYK as stored.
  int samples;
  /// Eighths of the size to decode to: 8, 4, 2 or 1.
  int eighths;
  /// The columns to decode, of the decoded size. Receives those that are decoded: at least these,
  /// with exactly the samples of a full decode.
  uint32_t first_column, columns;
} cjpeg_request;

/// Starts to decode `count` bytes, which must stay in place. Returns NULL if memory runs out; all
/// other failures are `cjpeg_failed`. Pass the result to `cjpeg_close`.
cjpeg_decoder *cjpeg_open(const void *bytes, size_t count, cjpeg_request *request);

/// Decodes the next `count` rows to `rows`, `stride` bytes apart. Returns whether it succeeded.
int cjpeg_read(cjpeg_decoder *decoder, uint8_t *rows, size_t stride, uint32_t count);

/// Passes over the next `count` rows, decoding only what later rows depend on. Returns whether it
/// succeeded.
int cjpeg_skip(cjpeg_decoder *decoder, uint32_t count);

/// Reads what follows the last row. Returns whether it succeeded.
int cjpeg_finish(cjpeg_decoder *decoder);

/// Whether decoding has failed.
int cjpeg_failed(const cjpeg_decoder *decoder);

/// libjpeg's error, else its first warning, else an empty string.
const char *cjpeg_message(const cjpeg_decoder *decoder);

/// Frees the decoder; it may be NULL.
void cjpeg_close(cjpeg_decoder *decoder);

#endif
