#include "cpng.h"

#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  const uint8_t *next;
  size_t left;
} source;

static void read_bytes(png_structp png, png_bytep out, size_t count) {
  source *from = png_get_io_ptr(png);
  if (count > from->left) png_error(png, "the data ends too early");
  memcpy(out, from->next, count);
  from->next += count;
  from->left -= count;
}

static void keep_error(png_structp png, png_const_charp message) {
  cpng_result *result = png_get_error_ptr(png);
  snprintf(result->message, sizeof result->message, "%s", message);
  png_longjmp(png, 1);
}

static void drop_warning(png_structp png, png_const_charp message) {
  (void)png;
  (void)message;
}

// Spreads the 16-bit gray samples at the start of a row over its RGB pixels, from the last to the
// first, since both share the row.
static int spread_gray16(uint8_t *row, uint32_t width) {
  int clipped = 0;
  for (size_t x = width; x-- > 0;) {
    const uint8_t high = row[2 * x], low = row[2 * x + 1];
    clipped |= high;
    memset(row + 3 * x, high ? 255 : low, 3);
  }
  return clipped != 0;
}

static void decode(png_structp png, png_infop info, uint8_t *pixels, png_bytepp rows,
                   uint32_t width, uint32_t height, cpng_result *result) {
  // Only the pixels are needed: no ancillary chunks are unpacked, so none can be a decompression
  // bomb.
  png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
  png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, (png_const_bytep) "tRNS", 1);
  png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
  png_set_user_limits(png, width, height);
  png_read_info(png, info);
  if (png_get_image_width(png, info) != width || png_get_image_height(png, info) != height)
    png_error(png, "the size is not the one expected");

  const int color = png_get_color_type(png, info);
  const int gray16 = color == PNG_COLOR_TYPE_GRAY && png_get_bit_depth(png, info) == 16;
  if (!gray16) {
    png_set_strip_16(png);
    png_set_strip_alpha(png);
    if (color == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
    if (!(color & PNG_COLOR_MASK_COLOR)) {
      png_set_expand_gray_1_2_4_to_8(png);
      png_set_gray_to_rgb(png);
    }
  }
  png_set_interlace_handling(png);
  png_read_update_info(png, info);
  if (png_get_rowbytes(png, info) != (size_t)width * (gray16 ? 2 : 3))
    png_error(png, "the rows have an unexpected length");
  png_read_image(png, rows);
  if (gray16)
    for (uint32_t y = 0; y < height; y++)
      result->clipped |= spread_gray16(rows[y], width);
}

void cpng_decode_rgb(const void *bytes, size_t count, uint8_t *pixels, uint32_t width,
                     uint32_t height, cpng_result *result) {
  memset(result, 0, sizeof *result);
  result->failed = 1;
  source from = {bytes, count};
  png_bytepp rows = malloc(height * sizeof *rows);
  png_structp png =
      png_create_read_struct(PNG_LIBPNG_VER_STRING, result, keep_error, drop_warning);
  png_infop info = png ? png_create_info_struct(png) : NULL;
  if (!rows || !info) {
    snprintf(result->message, sizeof result->message, "out of memory");
  } else if (setjmp(png_jmpbuf(png)) == 0) {
    // Every variable that is read after a jump is set before setjmp and not changed afterwards.
    for (uint32_t y = 0; y < height; y++) rows[y] = pixels + (size_t)3 * width * y;
    png_set_read_fn(png, &from, read_bytes);
    decode(png, info, pixels, rows, width, height, result);
    result->failed = 0;
  }
  png_destroy_read_struct(&png, &info, NULL);
  free(rows);
}
