#include "cheif.h"

#if !defined(CNNZOO_NO_IMAGE_HEADERS) && __has_include(<libheif/heif.h>)

#include <dlfcn.h>
#include <libheif/heif.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

// One pointer per function, with the type that heif.h declares.
#define FUNCTIONS(X)                                                                              \
  X(heif_context_alloc) X(heif_context_free) X(heif_context_read_from_memory_without_copy)        \
  X(heif_context_get_primary_image_handle) X(heif_image_handle_release)                           \
  X(heif_decoding_options_alloc) X(heif_decoding_options_free) X(heif_decode_image)               \
  X(heif_image_release) X(heif_image_get_colorspace) X(heif_image_get_width)                      \
  X(heif_image_get_height) X(heif_image_get_bits_per_pixel_range)                                 \
  X(heif_image_get_plane_readonly) X(heif_have_decoder_for_format)

#define POINTER(name) __typeof__(&(name)) name##_;
static struct {
  FUNCTIONS(POINTER)
  // A newer function.
  void (*set_threads)(struct heif_context *, int);
  // Whether libheif returns luma and chroma as they are in the bit stream, not by way of RGB.
  int returns_original;
} heif;

static const char *failure;

static void load(void) {
  void *library = dlopen("libheif.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    failure = "libheif.so.1 is not installed (Debian: libheif1)";
    return;
  }
#define RESOLVE(name)                                                                             \
  if (!(heif.name##_ = (__typeof__(&(name)))dlsym(library, #name))) {                             \
    failure = "the libheif.so.1 installed is too old: it lacks " #name;                           \
    return;                                                                                       \
  }
  FUNCTIONS(RESOLVE)
  heif.set_threads =
      (__typeof__(heif.set_threads))dlsym(library, "heif_context_set_max_decoding_threads");
  heif.returns_original =
      dlsym(library, "heif_image_handle_get_preferred_decoding_colorspace") != NULL;
}

const char *cheif_load(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, load);
  return failure;
}

int cheif_has_decoder(int av1) {
  return heif.heif_have_decoder_for_format_(av1 ? heif_compression_AV1 : heif_compression_HEVC);
}

int cheif_returns_planes(void) { return heif.returns_original; }

static void set_plane(cheif_plane *plane, const struct heif_image *image, enum heif_channel channel) {
  plane->samples = heif.heif_image_get_plane_readonly_(image, channel, &plane->stride);
  if (!plane->samples) return;
  plane->width = heif.heif_image_get_width_(image, channel);
  plane->height = heif.heif_image_get_height_(image, channel);
  plane->bits = heif.heif_image_get_bits_per_pixel_range_(image, channel);
}

int cheif_decode(const void *bytes, size_t count, int chroma, cheif_image *out) {
  memset(out, 0, sizeof *out);
  struct heif_context *context = heif.heif_context_alloc_();
  struct heif_decoding_options *options = heif.heif_decoding_options_alloc_();
  struct heif_image_handle *handle = NULL;
  struct heif_image *image = NULL;
  struct heif_error error = {heif_error_Memory_allocation_error, 0, "out of memory"};
  if (context && options) {
    // The caller has its own threads.
    if (heif.set_threads) heif.set_threads(context, 0);
    options->ignore_transformations = 1;
    error = heif.heif_context_read_from_memory_without_copy_(context, bytes, count, NULL);
    if (error.code == heif_error_Ok)
      error = heif.heif_context_get_primary_image_handle_(context, &handle);
    if (error.code == heif_error_Ok) {
      const int rgb = chroma < 0;
      error = heif.heif_decode_image_(handle, &image,
                                      rgb      ? heif_colorspace_RGB
                                      : chroma ? heif_colorspace_YCbCr
                                               : heif_colorspace_monochrome,
                                      rgb             ? heif_chroma_444
                                      : chroma == 420 ? heif_chroma_420
                                      : chroma == 422 ? heif_chroma_422
                                      : chroma == 444 ? heif_chroma_444
                                                      : heif_chroma_monochrome,
                                      options);
    }
  }
  if (error.code != heif_error_Ok || !image) {
    snprintf(out->message, sizeof out->message, "%s", error.message ? error.message : "damaged");
  } else {
    out->is_rgb = heif.heif_image_get_colorspace_(image) == heif_colorspace_RGB;
    const enum heif_channel channels[] = {
        out->is_rgb ? heif_channel_R : heif_channel_Y, out->is_rgb ? heif_channel_G : heif_channel_Cb,
        out->is_rgb ? heif_channel_B : heif_channel_Cr};
    for (int i = 0; i < 3; i++) set_plane(&out->planes[i], image, channels[i]);
    out->image = image;
  }
  if (handle) heif.heif_image_handle_release_(handle);
  if (options) heif.heif_decoding_options_free_(options);
  if (context) heif.heif_context_free_(context);
  return out->image != NULL;
}

void cheif_free(cheif_image *image) {
  if (image->image) heif.heif_image_release_(image->image);
  image->image = NULL;
}

#else

const char *cheif_load(void) {
  return "this build has no HEIC and AVIF, as libheif/heif.h was missing (Debian: libheif-dev)";
}

int cheif_has_decoder(int av1) { return (void)av1, 0; }
int cheif_returns_planes(void) { return 0; }
int cheif_decode(const void *bytes, size_t count, int chroma, cheif_image *image) {
  return (void)bytes, (void)count, (void)chroma, (void)image, 0;
}
void cheif_free(cheif_image *image) { (void)image; }

#endif
