#include "cgif.h"

#if !defined(CNNZOO_NO_IMAGE_HEADERS) && __has_include(<gif_lib.h>)

#include <dlfcn.h>
#include <gif_lib.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

// One pointer per function, with the type that gif_lib.h declares.
#define FUNCTIONS(X)                                                                              \
  X(DGifOpen) X(DGifCloseFile) X(DGifGetRecordType) X(DGifGetImageDesc) X(DGifGetLine)            \
  X(GifErrorString)

#define POINTER(name) __typeof__(&(name)) name##_;
static struct {
  FUNCTIONS(POINTER)
} gif;

static const char *failure;

static void load(void) {
  void *library = dlopen("libgif.so.7", RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    failure = "libgif.so.7 is not installed (Debian: libgif7)";
    return;
  }
#define RESOLVE(name)                                                                             \
  if (!(gif.name##_ = (__typeof__(&(name)))dlsym(library, #name))) {                              \
    failure = "the libgif.so.7 installed lacks " #name;                                           \
    return;                                                                                       \
  }
  FUNCTIONS(RESOLVE)
}

const char *cgif_load(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, load);
  return failure;
}

// The screen, then the frame without what is between them.
typedef struct {
  const cgif_frame *frame;
  size_t offset;
} source;

static int read_bytes(GifFileType *file, GifByteType *out, int count) {
  source *from = file->UserData;
  const cgif_frame *frame = from->frame;
  for (int i = 0; i < count; i++) {
    const size_t offset = from->offset++;
    if (offset < frame->screen_count)
      out[i] = frame->screen[offset];
    else if (offset - frame->screen_count < frame->frame_count)
      out[i] = frame->frame[offset - frame->screen_count];
    else if (offset - frame->screen_count == frame->frame_count)
      // After the last pixel, giflib reads up to the block that ends the frame; a file may lack it.
      out[i] = 0;
    else
      return i;
  }
  return count;
}

static int decode_rows(GifFileType *file, const cgif_frame *frame, uint8_t *row, uint8_t *pixels,
                       size_t stride) {
  static const uint32_t first[] = {0, 4, 2, 1}, step[] = {8, 8, 4, 2};
  for (int pass = 0; pass < (frame->interlaced ? 4 : 1); pass++) {
    const uint32_t start = frame->interlaced ? first[pass] : 0;
    for (uint32_t y = start; y < frame->height; y += frame->interlaced ? step[pass] : 1) {
      if (gif.DGifGetLine_(file, row, (int)frame->width) != GIF_OK) return 0;
      uint8_t *out = pixels + y * stride;
      for (uint32_t x = 0; x < frame->width; x++) memcpy(out + 3 * x, frame->palette + 3 * row[x], 3);
    }
  }
  return 1;
}

const char *cgif_decode(const cgif_frame *frame, uint8_t *pixels, size_t stride) {
  source from = {frame, 0};
  int error = 0;
  GifRecordType type;
  uint8_t *row = malloc(frame->width);
  GifFileType *file = row ? gif.DGifOpen_(&from, read_bytes, &error) : NULL;
  const char *reason = NULL;
  if (!row) {
    reason = "out of memory";
  } else if (!file) {
    reason = gif.GifErrorString_(error);
    if (!reason) reason = "the screen's header is damaged";
  } else if (gif.DGifGetRecordType_(file, &type) != GIF_OK || type != IMAGE_DESC_RECORD_TYPE ||
             gif.DGifGetImageDesc_(file) != GIF_OK ||
             (uint32_t)file->Image.Width != frame->width ||
             (uint32_t)file->Image.Height != frame->height ||
             !decode_rows(file, frame, row, pixels, stride)) {
    reason = gif.GifErrorString_(file->Error);
    if (!reason) reason = "the frame is damaged";
  }
  if (file) gif.DGifCloseFile_(file, &error);
  free(row);
  return reason;
}

#else

const char *cgif_load(void) {
  return "this build has no GIF, as gif_lib.h was missing (Debian: libgif-dev)";
}

const char *cgif_decode(const cgif_frame *frame, uint8_t *pixels, size_t stride) {
  (void)frame, (void)pixels, (void)stride;
  return cgif_load();
}

#endif
