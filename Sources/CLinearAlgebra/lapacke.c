#define _GNU_SOURCE
#include "clapacke.h"

#include <dlfcn.h>
#include <lapacke.h>
#include <pthread.h>
#include <string.h>

// One pointer per function, with the type that lapacke.h declares.
#define FUNCTIONS(X) X(LAPACKE_dpotrf) X(LAPACKE_dpotrs)

#define POINTER(name) __typeof__(&(name)) name##_;
static struct {
  FUNCTIONS(POINTER)
} lapacke;

static const char *failure;

static void load(void) {
  void *library = dlopen("liblapacke.so.3", RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char *reason = dlerror();
    failure = strdup(reason ? reason : "unknown reason");
    return;
  }
#define RESOLVE(name)                                                                             \
  if (!(lapacke.name##_ = (__typeof__(&(name)))dlsym(library, #name))) {                          \
    failure = "the liblapacke.so.3 installed lacks " #name;                                       \
    return;                                                                                       \
  }
  FUNCTIONS(RESOLVE)
}

const char *clapacke_load(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, load);
  return failure;
}

int64_t clapacke_factor(int32_t size, double *matrix) {
  return lapacke.LAPACKE_dpotrf_(LAPACK_COL_MAJOR, 'L', size, matrix, size);
}

int64_t clapacke_solve(int32_t size, const double *factor, int32_t count, double *columns) {
  return lapacke.LAPACKE_dpotrs_(LAPACK_COL_MAJOR, 'L', size, count, factor, size, columns, size);
}
