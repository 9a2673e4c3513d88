// LAPACKE, loaded on first use, because only `train --head-only` solves equations.
//
// Debian builds OpenBLAS without LAPACKE; its liblapacke calls the installed LAPACK, which is
// OpenBLAS's if that is installed. The types are those of LAPACKE's own header, which is not
// included here because it declares some two thousand functions.
#ifndef CNNZOO_CLAPACKE_H
#define CNNZOO_CLAPACKE_H

#include <stdint.h>

/// Loads the library once for all threads. Returns NULL, or the reason for failure. Must succeed
/// before any other function here is called.
const char *clapacke_load(void);

/// `LAPACKE_dpotrf`: overwrites the lower triangle of a symmetric matrix, `size` columns of `size`
/// values, with its Cholesky factor. Returns 0; a positive number if the matrix is not positive
/// definite; a negative one if a value is NaN.
int64_t clapacke_factor(int32_t size, double *matrix);

/// `LAPACKE_dpotrs`: overwrites `count` columns of `size` values with the solutions for them.
int64_t clapacke_solve(int32_t size, const double *factor, int32_t count, double *columns);

#endif
