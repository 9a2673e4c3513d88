// OpenBLAS: CBLAS and the library's own controls (openblas_set_num_threads, openblas_get_corename).
#include <cblas.h>
