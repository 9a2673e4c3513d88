#define _GNU_SOURCE
#include "openblas_loader.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

/// Stores the address of a function; returns whether `library` has it.
static int find(void *library, const char *name, void *function) {
  void *address = dlsym(library, name);
  // POSIX lets a function's address be an object's (dlsym, "Application Usage").
  memcpy(function, &address, sizeof address);
  return address != NULL;
}

static char *failure(void) {
  const char *reason = dlerror();
  return strdup(reason ? reason : "unknown reason");
}

char *openblas_load(struct openblas_functions *functions) {
  void *library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
  if (!library) return failure();
  if (find(library, "cblas_sgemm", &functions->sgemm) &&
      find(library, "cblas_sgemv", &functions->sgemv) &&
      find(library, "cblas_dgemm", &functions->dgemm) &&
      find(library, "cblas_dsyrk", &functions->dsyrk) &&
      find(library, "openblas_set_num_threads", &functions->set_num_threads) &&
      find(library, "openblas_get_corename", &functions->get_corename)) {
    return NULL;
  }
  return failure();
}
