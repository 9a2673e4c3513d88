// OpenBLAS: CBLAS and the library's own controls (openblas_set_num_threads, openblas_get_corename).
//
// The module names no library to link: COpenBLASLoader loads it when a product is first asked for.
#include <cblas.h>
