#include "cjpeg.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

struct cjpeg_decoder {
  struct jpeg_decompress_struct jpeg;
  struct jpeg_error_mgr errors;
  jmp_buf failure;
  int failed;
  char message[JMSG_LENGTH_MAX];
};

static void fail(j_common_ptr jpeg) {
  cjpeg_decoder *decoder = jpeg->client_data;
  jpeg->err->format_message(jpeg, decoder->message);
  decoder->failed = 1;
  longjmp(decoder->failure, 1);
}

// Keeps the first warning: what follows it is often nonsense.
static void keep_warning(j_common_ptr jpeg, int level) {
  cjpeg_decoder *decoder = jpeg->client_data;
  if (level >= 0 || jpeg->err->num_warnings++ > 0) return;
  jpeg->err->format_message(jpeg, decoder->message);
}

static void print_nothing(j_common_ptr jpeg) { (void)jpeg; }

// With smooth upsampling, a sample depends on its neighbours: at the edge of a cropped row, the
// nearest columns are not those of a full decode. Twice the distance that matters.
enum { margin = 8 };

static void start(cjpeg_decoder *decoder, const void *bytes, size_t count, cjpeg_request *request) {
  struct jpeg_decompress_struct *jpeg = &decoder->jpeg;
  jpeg_create_decompress(jpeg);
  jpeg_mem_src(jpeg, bytes, count);
  jpeg_read_header(jpeg, TRUE);
  if (jpeg->image_width != request->width || jpeg->image_height != request->height) {
    snprintf(decoder->message, sizeof decoder->message, "the size is not the one expected");
    decoder->failed = 1;
    return;
  }
  jpeg->out_color_space = request->samples == 4 ? JCS_CMYK : JCS_RGB;
  jpeg->dct_method = JDCT_ISLOW;
  jpeg->scale_num = request->eighths;
  jpeg->scale_denom = 8;
  jpeg_start_decompress(jpeg);
  const uint32_t width = jpeg->output_width;
  if (request->columns == 0 || request->first_column >= width ||
      request->columns > width - request->first_column) {
    snprintf(decoder->message, sizeof decoder->message, "the columns are outside the image");
    decoder->failed = 1;
    return;
  }
  JDIMENSION left = request->first_column > margin ? request->first_column - margin : 0;
  const uint32_t end = request->first_column + request->columns;
  const uint32_t right = width - end > margin ? end + margin : width;
  JDIMENSION columns = right - left;
  if (columns < width) jpeg_crop_scanline(jpeg, &left, &columns);
  request->first_column = left;
  request->columns = columns;
}

cjpeg_decoder *cjpeg_open(const void *bytes, size_t count, cjpeg_request *request) {
  cjpeg_decoder *decoder = calloc(1, sizeof *decoder);
  if (!decoder) return NULL;
  decoder->jpeg.err = jpeg_std_error(&decoder->errors);
  decoder->errors.error_exit = fail;
  decoder->errors.emit_message = keep_warning;
  decoder->errors.output_message = print_nothing;
  decoder->jpeg.client_data = decoder;
  if (setjmp(decoder->failure) == 0) start(decoder, bytes, count, request);
  return decoder;
}

int cjpeg_read(cjpeg_decoder *decoder, uint8_t *rows, size_t stride, uint32_t count) {
  if (decoder->failed || setjmp(decoder->failure) != 0) return 0;
  const uint32_t first = decoder->jpeg.output_scanline;
  while (decoder->jpeg.output_scanline < first + count) {
    // As many rows as the decoder has ready at a time.
    JSAMPROW some[4];
    const uint32_t done = decoder->jpeg.output_scanline - first;
    const uint32_t wanted = count - done < 4 ? count - done : 4;
    for (uint32_t i = 0; i < wanted; i++) some[i] = rows + (done + i) * stride;
    // Zero would mean that data is missing, but a source in memory never waits for more.
    if (jpeg_read_scanlines(&decoder->jpeg, some, wanted) == 0) return 0;
  }
  return 1;
}

int cjpeg_skip(cjpeg_decoder *decoder, uint32_t count) {
  if (decoder->failed || setjmp(decoder->failure) != 0) return 0;
  return count == 0 || jpeg_skip_scanlines(&decoder->jpeg, count) == count;
}

int cjpeg_finish(cjpeg_decoder *decoder) {
  if (decoder->failed || setjmp(decoder->failure) != 0) return 0;
  return jpeg_finish_decompress(&decoder->jpeg);
}

int cjpeg_failed(const cjpeg_decoder *decoder) { return decoder->failed; }

const char *cjpeg_message(const cjpeg_decoder *decoder) { return decoder->message; }

void cjpeg_close(cjpeg_decoder *decoder) {
  if (!decoder) return;
  // Neither reports errors.
  jpeg_destroy_decompress(&decoder->jpeg);
  free(decoder);
}
