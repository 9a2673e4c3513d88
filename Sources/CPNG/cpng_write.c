#include "cpng.h"

#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void keep_error(png_structp png, png_const_charp message) {
  cpng_file *file = png_get_error_ptr(png);
  snprintf(file->message, sizeof file->message, "%s", message);
  png_longjmp(png, 1);
}

static void drop_warning(png_structp png, png_const_charp message) {
  (void)png;
  (void)message;
}

static void append(png_structp png, png_bytep bytes, size_t count) {
  cpng_file *file = png_get_io_ptr(png);
  if (count > file->capacity - file->count) {
    size_t capacity = 2 * file->capacity + count;
    uint8_t *larger = capacity > file->count ? realloc(file->bytes, capacity) : NULL;
    if (!larger) png_error(png, "out of memory");
    file->bytes = larger;
    file->capacity = capacity;
  }
  memcpy(file->bytes + file->count, bytes, count);
  file->count += count;
}

static void flush(png_structp png) { (void)png; }

void cpng_encode_rgb(const uint8_t *pixels, uint32_t width, uint32_t height, cpng_file *file) {
  memset(file, 0, sizeof *file);
  file->failed = 1;
  png_structp png =
      png_create_write_struct(PNG_LIBPNG_VER_STRING, file, keep_error, drop_warning);
  png_infop info = png ? png_create_info_struct(png) : NULL;
  if (!info) {
    snprintf(file->message, sizeof file->message, "out of memory");
  } else if (setjmp(png_jmpbuf(png)) == 0) {
    // Every variable that is read after a jump is set before setjmp and not changed afterwards.
    png_set_write_fn(png, file, append, flush);
    png_set_IHDR(png, info, width, height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (uint32_t y = 0; y < height; y++) png_write_row(png, pixels + (size_t)3 * width * y);
    png_write_end(png, NULL);
    file->failed = 0;
  }
  png_destroy_write_struct(&png, &info);
}

void cpng_free(cpng_file *file) {
  free(file->bytes);
  file->bytes = NULL;
}
