// OpenBLAS, loaded when it is first asked for.
//
// Linked, it would start its threads and bring the Fortran runtime into every process, before main:
// 3 ms, a fifth of classifying a picture with the smallest network, which does not need it.
#ifndef CNNZOO_OPENBLAS_LOADER_H
#define CNNZOO_OPENBLAS_LOADER_H

#include <cblas.h>

/// The functions in use, with the types of the installed header.
struct openblas_functions {
  __typeof__(&cblas_sgemm) sgemm;
  __typeof__(&cblas_sgemv) sgemv;
  __typeof__(&cblas_dgemm) dgemm;
  __typeof__(&cblas_dsyrk) dsyrk;
  __typeof__(&openblas_set_num_threads) set_num_threads;
  __typeof__(&openblas_get_corename) get_corename;
};

/// Fills in the functions; where that fails, answers why (to be freed), else a null pointer.
char *openblas_load(struct openblas_functions *functions);

#endif
