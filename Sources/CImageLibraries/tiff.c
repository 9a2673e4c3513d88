#include "ctiff.h"

#if !defined(CNNZOO_NO_IMAGE_HEADERS) && __has_include(<tiffio.h>)

#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tiffio.h>

// One pointer per function, with the type that tiffio.h declares.
#define FUNCTIONS(X)                                                                              \
  X(TIFFClientOpen) X(TIFFClose) X(TIFFSetField) X(TIFFIsCODECConfigured) X(TIFFReadEncodedStrip) \
  X(TIFFReadEncodedTile) X(TIFFRGBAImageBegin) X(TIFFRGBAImageGet) X(TIFFRGBAImageEnd)            \
  X(TIFFSetErrorHandler) X(TIFFSetWarningHandler)

#define POINTER(name) __typeof__(&(name)) name##_;
static struct {
  FUNCTIONS(POINTER)
} tiff;

// Since version 4.5, options of one handle; declared here so that older headers suffice.
struct options;
typedef int (*handler)(TIFF *, void *, const char *, const char *, va_list);
static struct {
  struct options *(*create)(void);
  void (*destroy)(struct options *);
  void (*limit)(struct options *, tmsize_t);
  void (*errors)(struct options *, handler, void *);
  void (*warnings)(struct options *, handler, void *);
  TIFF *(*open)(const char *, const char *, thandle_t, TIFFReadWriteProc, TIFFReadWriteProc,
                TIFFSeekProc, TIFFCloseProc, TIFFSizeProc, TIFFMapFileProc, TIFFUnmapFileProc,
                struct options *);
} newer;

static const char *failure;

static void load(void) {
  void *library = dlopen("libtiff.so.6", RTLD_NOW | RTLD_LOCAL);
  if (!library) library = dlopen("libtiff.so.5", RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    failure = "libtiff.so.6 is not installed (Debian: libtiff6)";
    return;
  }
#define RESOLVE(name)                                                                             \
  if (!(tiff.name##_ = (__typeof__(&(name)))dlsym(library, #name))) {                             \
    failure = "the libtiff installed lacks " #name;                                               \
    return;                                                                                       \
  }
  FUNCTIONS(RESOLVE)
#define OPTION(member, name) newer.member = (__typeof__(newer.member))dlsym(library, name);
  OPTION(create, "TIFFOpenOptionsAlloc")
  OPTION(destroy, "TIFFOpenOptionsFree")
  OPTION(limit, "TIFFOpenOptionsSetMaxSingleMemAlloc")
  OPTION(errors, "TIFFOpenOptionsSetErrorHandlerExtR")
  OPTION(warnings, "TIFFOpenOptionsSetWarningHandlerExtR")
  OPTION(open, "TIFFClientOpenExt")
  if (!newer.create || !newer.destroy || !newer.limit || !newer.errors || !newer.warnings) {
    newer.open = NULL;
    // Older versions print to standard error unless the whole process turns that off.
    tiff.TIFFSetErrorHandler_(NULL);
    tiff.TIFFSetWarningHandler_(NULL);
  }
}

const char *ctiff_load(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, load);
  return failure;
}

struct ctiff_file {
  const uint8_t *bytes;
  size_t count;
  size_t offset;
  TIFF *handle;
  char message[160];
};

static tmsize_t read_bytes(thandle_t from, void *out, tmsize_t count) {
  ctiff_file *file = from;
  size_t left = file->offset < file->count ? file->count - file->offset : 0;
  if (count < 0) return -1;
  if ((size_t)count < left) left = (size_t)count;
  memcpy(out, file->bytes + file->offset, left);
  file->offset += left;
  return (tmsize_t)left;
}

static tmsize_t write_bytes(thandle_t to, void *bytes, tmsize_t count) {
  (void)to, (void)bytes, (void)count;
  return -1;
}

static toff_t seek(thandle_t from, toff_t offset, int whence) {
  ctiff_file *file = from;
  if (whence == SEEK_CUR) offset += file->offset;
  if (whence == SEEK_END) offset += file->count;
  return file->offset = offset;
}

static int leave_open(thandle_t from) {
  (void)from;
  return 0;
}

static toff_t size_of(thandle_t from) { return ((ctiff_file *)from)->count; }

static int map(thandle_t from, void **base, toff_t *size) {
  ctiff_file *file = from;
  *base = (void *)file->bytes;
  *size = file->count;
  return 1;
}

static void unmap(thandle_t from, void *base, toff_t size) { (void)from, (void)base, (void)size; }

static int keep_error(TIFF *handle, void *context, const char *module, const char *format,
                      va_list values) {
  (void)handle, (void)module;
  ctiff_file *file = context;
  if (!file->message[0]) vsnprintf(file->message, sizeof file->message, format, values);
  return 1;
}

static int drop_warning(TIFF *handle, void *context, const char *module, const char *format,
                        va_list values) {
  (void)handle, (void)context, (void)module, (void)format, (void)values;
  return 1;
}

ctiff_file *ctiff_open(const void *bytes, size_t count, size_t largest) {
  ctiff_file *file = calloc(1, sizeof *file);
  if (!file) return NULL;
  file->bytes = bytes;
  file->count = count;
  // c: strips stay as they are in the file.
  if (newer.open) {
    struct options *options = newer.create();
    if (options) {
      newer.limit(options, (tmsize_t)largest);
      newer.errors(options, keep_error, file);
      newer.warnings(options, drop_warning, file);
      file->handle = newer.open("image", "rc", file, read_bytes, write_bytes, seek, leave_open,
                                size_of, map, unmap, options);
      newer.destroy(options);
    }
  } else {
    file->handle = tiff.TIFFClientOpen_("image", "rc", file, read_bytes, write_bytes, seek,
                                        leave_open, size_of, map, unmap);
  }
  if (!file->handle) {
    free(file);
    return NULL;
  }
  return file;
}

void ctiff_close(ctiff_file *file) {
  if (!file) return;
  tiff.TIFFClose_(file->handle);
  free(file);
}

const char *ctiff_message(const ctiff_file *file) {
  return file->message[0] ? file->message : "the data is damaged";
}

int ctiff_has_codec(uint16_t compression) { return tiff.TIFFIsCODECConfigured_(compression); }

void ctiff_convert_jpeg(ctiff_file *file) {
  tiff.TIFFSetField_(file->handle, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
}

void ctiff_set_full_chroma(ctiff_file *file) {
  tiff.TIFFSetField_(file->handle, TIFFTAG_YCBCRSUBSAMPLING, 1, 1);
}

int ctiff_read(ctiff_file *file, uint32_t index, int tiled, void *out, size_t size) {
  const tmsize_t count = (tmsize_t)size;
  return (tiled ? tiff.TIFFReadEncodedTile_(file->handle, index, out, count)
                : tiff.TIFFReadEncodedStrip_(file->handle, index, out, count)) == count;
}

int ctiff_read_rgba(ctiff_file *file, uint32_t width, uint32_t height, uint32_t *pixels) {
  TIFFRGBAImage image;
  char message[1024] = "";
  int done = 0;
  if (tiff.TIFFRGBAImageBegin_(&image, file->handle, 1, message)) {
    if (image.width == width && image.height == height) {
      // Turning the image upright is left to the caller.
      image.orientation = image.req_orientation = ORIENTATION_TOPLEFT;
      done = tiff.TIFFRGBAImageGet_(&image, pixels, width, height);
    }
    tiff.TIFFRGBAImageEnd_(&image);
  }
  if (!done && !file->message[0] && message[0])
    snprintf(file->message, sizeof file->message, "%s", message);
  return done;
}

#else

const char *ctiff_load(void) {
  return "this build has no TIFF, as tiffio.h was missing (Debian: libtiff-dev)";
}

ctiff_file *ctiff_open(const void *bytes, size_t count, size_t largest) {
  (void)bytes, (void)count, (void)largest;
  return NULL;
}

void ctiff_close(ctiff_file *file) { (void)file; }
const char *ctiff_message(const ctiff_file *file) { return (void)file, ctiff_load(); }
int ctiff_has_codec(uint16_t compression) { return (void)compression, 0; }
void ctiff_convert_jpeg(ctiff_file *file) { (void)file; }
void ctiff_set_full_chroma(ctiff_file *file) { (void)file; }

int ctiff_read(ctiff_file *file, uint32_t index, int tiled, void *out, size_t size) {
  return (void)file, (void)index, (void)tiled, (void)out, (void)size, 0;
}

int ctiff_read_rgba(ctiff_file *file, uint32_t width, uint32_t height, uint32_t *pixels) {
  return (void)file, (void)width, (void)height, (void)pixels, 0;
}

#endif
