// One vector operation each, for vectors of 4, 8 and 16 floats, as compiler vector extensions.
//
// Swift's own SIMD operators are generic and expanded lane by lane before LLVM joins the lanes
// again. Kernels written with them took minutes to compile and left behind shared specialisations
// of the standard library, compiled for one instruction set but linked for all. These functions are
// inlined as single instructions. Swift sees the vectors as SIMD4, SIMD8 and SIMD16 of Float.
//
// clanes_words.h has products and conversions of lower precision, clanes_pixels.h those of images, and
// clanes_tiles.h Intel AMX's.
#ifndef CNNZOO_CLANES_H
#define CNNZOO_CLANES_H

#define CLANES_INLINE static inline __attribute__((always_inline))

#define CLANES_OPERATIONS(N)                                                                     \
  typedef float clanes_f##N __attribute__((ext_vector_type(N)));                                 \
  typedef float clanes_unaligned_f##N __attribute__((ext_vector_type(N), aligned(4)));           \
  typedef int clanes_i##N __attribute__((ext_vector_type(N)));                                   \
  CLANES_INLINE clanes_f##N clanes_load##N(const float *_Nonnull p) {                            \
    return *(const clanes_unaligned_f##N *)p;                                                    \
  }                                                                                              \
  CLANES_INLINE void clanes_store##N(clanes_f##N a, float *_Nonnull p) {                         \
    *(clanes_unaligned_f##N *)p = a;                                                             \
  }                                                                                              \
  CLANES_INLINE clanes_f##N clanes_splat##N(float a) { return (clanes_f##N)a; }                  \
  CLANES_INLINE clanes_f##N clanes_add##N(clanes_f##N a, clanes_f##N b) { return a + b; }        \
  CLANES_INLINE clanes_f##N clanes_subtract##N(clanes_f##N a, clanes_f##N b) { return a - b; }   \
  CLANES_INLINE clanes_f##N clanes_multiply##N(clanes_f##N a, clanes_f##N b) { return a * b; }   \
  CLANES_INLINE clanes_f##N clanes_divide##N(clanes_f##N a, clanes_f##N b) { return a / b; }     \
  CLANES_INLINE clanes_f##N clanes_sqrt##N(clanes_f##N a) {                                      \
    return __builtin_elementwise_sqrt(a);                                                        \
  }                                                                                              \
  /* A NaN in `a` stays. */                                                                      \
  CLANES_INLINE clanes_f##N clanes_max##N(clanes_f##N a, clanes_f##N b) {                        \
    return a < b ? b : a;                                                                        \
  }                                                                                              \
  CLANES_INLINE clanes_f##N clanes_min##N(clanes_f##N a, clanes_f##N b) {                        \
    return a > b ? b : a;                                                                        \
  }                                                                                              \
  /* a where x <= y, else b, also for a NaN. */                                                  \
  CLANES_INLINE clanes_f##N clanes_select##N(clanes_f##N x, clanes_f##N y, clanes_f##N a,        \
                                             clanes_f##N b) {                                    \
    return x <= y ? a : b;                                                                       \
  }                                                                                              \
  CLANES_INLINE clanes_f##N clanes_fused##N(clanes_f##N a, clanes_f##N b, clanes_f##N c) {       \
    return __builtin_elementwise_fma(a, b, c);                                                   \
  }                                                                                              \
  /* a · 2ⁿ, n being the low mantissa bits of `shifted`; no overflow is looked for. */           \
  CLANES_INLINE clanes_f##N clanes_scale##N(clanes_f##N a, clanes_f##N shifted) {                \
    return (clanes_f##N)((clanes_i##N)a + ((clanes_i##N)shifted << 23));                         \
  }

CLANES_OPERATIONS(4)
CLANES_OPERATIONS(8)
CLANES_OPERATIONS(16)

// Zeros for a GEMM block without bias or residual, as many as the widest block has columns.
/* Fetches a cache line into the L2 cache; any address is allowed. */
CLANES_INLINE void clanes_prefetch(const float *_Nonnull pointer) {
  __builtin_prefetch(pointer, 0, 2);
}

CLANES_INLINE const float *_Nonnull clanes_zeros(void) {
  static const float zeros[64] = {0};
  return zeros;
}

#endif
