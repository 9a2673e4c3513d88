// OpenBLAS, loaded on first use.
//
// Linking it would start its threads and the Fortran runtime in every process before main: 3 ms, a
// fifth of classifying an image with the smallest network, which does not need it.
#ifndef CNNZOO_OPENBLAS_LOADER_H
#define CNNZOO_OPENBLAS_LOADER_H

#include <cblas.h>

/// The functions used, with the types of the installed header.
struct openblas_functions {
  __typeof__(&cblas_sgemm) sgemm;
  __typeof__(&cblas_sgemv) sgemv;
  __typeof__(&cblas_dgemm) dgemm;
  __typeof__(&cblas_dsyrk) dsyrk;
  __typeof__(&openblas_set_num_threads) set_num_threads;
  __typeof__(&openblas_get_corename) get_corename;
};

/// Resolves the functions. Returns NULL, or the reason for failure, which the caller frees.
char *openblas_load(struct openblas_functions *functions);

#endif
