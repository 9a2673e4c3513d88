#include "clibcrypto.h"

#include <dlfcn.h>
#include <pthread.h>

// The few declarations needed from openssl/evp.h, so that building needs no OpenSSL headers. They are
// the same in versions 1.1 and 3.
struct engine;
struct method;
static struct {
  clibcrypto_sum *(*create)(void);
  void (*destroy)(clibcrypto_sum *);
  const struct method *(*sha256)(void);
  int (*begin)(clibcrypto_sum *, const struct method *, struct engine *);
  int (*add)(clibcrypto_sum *, const void *, size_t);
  int (*end)(clibcrypto_sum *, unsigned char *, unsigned int *);
} evp;

static const char *failure;

static void load(void) {
  void *library = dlopen("libcrypto.so.3", RTLD_NOW | RTLD_LOCAL);
  if (!library) library = dlopen("libcrypto.so.1.1", RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    failure = "libcrypto.so.3 is not installed (Debian: libssl3)";
    return;
  }
#define RESOLVE(member, name)                                                                     \
  if (!(evp.member = (__typeof__(evp.member))dlsym(library, name))) {                             \
    failure = "the libcrypto installed lacks " name;                                              \
    return;                                                                                       \
  }
  RESOLVE(create, "EVP_MD_CTX_new")
  RESOLVE(destroy, "EVP_MD_CTX_free")
  RESOLVE(sha256, "EVP_sha256")
  RESOLVE(begin, "EVP_DigestInit_ex")
  RESOLVE(add, "EVP_DigestUpdate")
  RESOLVE(end, "EVP_DigestFinal_ex")
}

const char *clibcrypto_load(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, load);
  return failure;
}

clibcrypto_sum *clibcrypto_sum_new(void) {
  clibcrypto_sum *sum = evp.create();
  if (sum && evp.begin(sum, evp.sha256(), NULL) == 1) return sum;
  if (sum) evp.destroy(sum);
  return NULL;
}

void clibcrypto_sum_free(clibcrypto_sum *sum) { evp.destroy(sum); }

int clibcrypto_sum_add(clibcrypto_sum *sum, const void *bytes, size_t count) {
  return evp.add(sum, bytes, count) == 1;
}

int clibcrypto_sum_end(clibcrypto_sum *sum, unsigned char digest[32]) {
  return evp.end(sum, digest, NULL) == 1;
}
