// Interleaved RGB bytes, their products with weights in integers, and their way back to bytes.
//
// As in clanes_words.h, vectors of 32-bit words are passed as vectors of floats, whatever they hold.
#ifndef CNNZOO_CLANES_PIXELS_H
#define CNNZOO_CLANES_PIXELS_H

#include "clanes_words.h"

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wpsabi"

typedef unsigned char clanes_b16 __attribute__((ext_vector_type(16)));
typedef unsigned char clanes_b32 __attribute__((ext_vector_type(32)));
typedef unsigned char clanes_b64 __attribute__((ext_vector_type(64)));
typedef unsigned char clanes_unaligned_b16 __attribute__((ext_vector_type(16), aligned(1)));
typedef unsigned char clanes_unaligned_b4 __attribute__((ext_vector_type(4), aligned(1)));
typedef unsigned char clanes_unaligned_b8 __attribute__((ext_vector_type(8), aligned(1)));

// 16 bytes at each of `offsets`, one for each four words.
CLANES_INLINE clanes_b16 clanes_gather4(const unsigned char *_Nonnull p, const int *_Nonnull offsets) {
  return *(const clanes_unaligned_b16 *)(p + offsets[0]);
}
CLANES_INLINE clanes_b32 clanes_gather8(const unsigned char *_Nonnull p, const int *_Nonnull offsets) {
  return __builtin_shufflevector(clanes_gather4(p, offsets), clanes_gather4(p, offsets + 1), 0, 1, 2, 3,
                                 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23,
                                 24, 25, 26, 27, 28, 29, 30, 31);
}
CLANES_INLINE clanes_b64 clanes_gather16(const unsigned char *_Nonnull p,
                                         const int *_Nonnull offsets) {
  return __builtin_shufflevector(
      clanes_gather8(p, offsets), clanes_gather8(p, offsets + 2), 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
      12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36,
      37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61,
      62, 63);
}

// Of four pixels at byte `i`: the four values of R, of G and of B; the last word is unused.
#define CLANES_FOUR(i)                                                                              \
  i, i + 3, i + 6, i + 9, i + 1, i + 4, i + 7, i + 10, i + 2, i + 5, i + 8, i + 11, i, i, i, i
// Of two pixels at byte `i`: the two values of R, of G and of B, in 16 bits each; `z` is a zero.
#define CLANES_TWO(i, z) i, z, i + 3, z, i + 1, z, i + 4, z, i + 2, z, i + 5, z, z, z, z, z

#define CLANES_PIXELS(N, BYTES, FOURS, TWOS, FIRST_THREE)                                           \
  CLANES_INLINE clanes_f##N clanes_four_taps##N(const unsigned char *_Nonnull p,                    \
                                                const int *_Nonnull offsets) {                      \
    clanes_b##BYTES a = clanes_gather##N(p, offsets);                                               \
    return (clanes_f##N)__builtin_shufflevector(a, a, FOURS);                                       \
  }                                                                                                 \
  CLANES_INLINE clanes_f##N clanes_two_taps##N(const unsigned char *_Nonnull p,                     \
                                               const int *_Nonnull offsets) {                       \
    clanes_b##BYTES a = clanes_gather##N(p, offsets);                                               \
    return (clanes_f##N)__builtin_shufflevector(a, (clanes_b##BYTES){0}, TWOS);                     \
  }                                                                                                 \
  /* N bytes, one in each word. */                                                                  \
  CLANES_INLINE clanes_f##N clanes_load_bytes##N(const unsigned char *_Nonnull p) {                 \
    return (clanes_f##N)__builtin_convertvector(*(const clanes_byte##N *)p, clanes_u##N);           \
  }                                                                                                 \
  /* The bits of b, `bits` places higher, beside those of a. */                                     \
  CLANES_INLINE clanes_f##N clanes_shifted_or##N(clanes_f##N a, clanes_f##N b, int bits) {          \
    return (clanes_f##N)((clanes_u##N)a | ((clanes_u##N)b << (unsigned)bits));                      \
  }                                                                                                 \
  /* a + b · 2ⁿ as integers. */                                                                     \
  CLANES_INLINE clanes_f##N clanes_shifted_add##N(clanes_f##N a, clanes_f##N b, int n) {            \
    return (clanes_f##N)((clanes_u##N)a + ((clanes_u##N)b << (unsigned)n));                         \
  }                                                                                                 \
  /* Drops `bits` fraction bits of integers and clamps them to 0…255. */                            \
  CLANES_INLINE clanes_byte##N clanes_clamped##N(clanes_f##N a, int bits) {                         \
    clanes_i##N whole = (clanes_i##N)a >> bits;                                                     \
    clanes_i##N zero = {0};                                                                         \
    whole = __builtin_elementwise_min(__builtin_elementwise_max(whole, zero), zero + 255);          \
    return __builtin_convertvector(whole, clanes_byte##N);                                          \
  }                                                                                                 \
  /* Writes N bytes. */                                                                             \
  CLANES_INLINE void clanes_store_clamped##N(clanes_f##N a, int bits, unsigned char *_Nonnull p) {  \
    *(clanes_byte##N *)p = clanes_clamped##N(a, bits);                                              \
  }                                                                                                 \
  /* Writes the first three of each four bytes without a gap, and some further bytes, N in all. */  \
  CLANES_INLINE void clanes_store_pixels##N(clanes_f##N a, int bits, unsigned char *_Nonnull p) {   \
    clanes_byte##N bytes = clanes_clamped##N(a, bits);                                              \
    *(clanes_byte##N *)p = __builtin_shufflevector(bytes, bytes, FIRST_THREE);                      \
  }

// Macro arguments with commas.
#define CLANES_FOURS4 CLANES_FOUR(0)
#define CLANES_FOURS8 CLANES_FOURS4, CLANES_FOUR(16)
#define CLANES_FOURS16 CLANES_FOURS8, CLANES_FOUR(32), CLANES_FOUR(48)
#define CLANES_TWOS4 CLANES_TWO(0, 16)
#define CLANES_TWOS8 CLANES_TWO(0, 32), CLANES_TWO(16, 32)
#define CLANES_TWOS16 CLANES_TWO(0, 64), CLANES_TWO(16, 64), CLANES_TWO(32, 64), CLANES_TWO(48, 64)
#define CLANES_THREE4 0, 1, 2, 3
#define CLANES_THREE8 0, 1, 2, 4, 5, 6, 3, 7
#define CLANES_THREE16 0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 3, 7, 11, 15

CLANES_PIXELS(4, 16, CLANES_FOURS4, CLANES_TWOS4, CLANES_THREE4)
CLANES_PIXELS(8, 32, CLANES_FOURS8, CLANES_TWOS8, CLANES_THREE8)
CLANES_PIXELS(16, 64, CLANES_FOURS16, CLANES_TWOS16, CLANES_THREE16)

// c + the two products of signed 16-bit integers in each word of a and b: exact.
#define CLANES_DOT_PAIRS(N)                                                                         \
  CLANES_INLINE clanes_f##N clanes_dot_pairs_portable##N(clanes_f##N a, clanes_f##N b,              \
                                                         clanes_f##N c) {                           \
    clanes_i##N low = (((clanes_i##N)a << 16) >> 16) * (((clanes_i##N)b << 16) >> 16);              \
    clanes_i##N high = ((clanes_i##N)a >> 16) * ((clanes_i##N)b >> 16);                             \
    return (clanes_f##N)((clanes_i##N)c + low + high);                                              \
  }

CLANES_DOT_PAIRS(4)
CLANES_DOT_PAIRS(8)
CLANES_DOT_PAIRS(16)

CLANES_INLINE clanes_f4 clanes_dot_pairs4(clanes_f4 a, clanes_f4 b, clanes_f4 c) {
#if defined(__SSE2__)
  typedef short words __attribute__((vector_size(16)));
  return (clanes_f4)((clanes_i4)c + (clanes_i4)__builtin_ia32_pmaddwd128((words)a, (words)b));
#else
  return clanes_dot_pairs_portable4(a, b, c);
#endif
}
CLANES_INLINE clanes_f8 clanes_dot_pairs8(clanes_f8 a, clanes_f8 b, clanes_f8 c) {
#if defined(__AVX2__)
  typedef short words __attribute__((vector_size(32)));
  return (clanes_f8)((clanes_i8)c + (clanes_i8)__builtin_ia32_pmaddwd256((words)a, (words)b));
#else
  return clanes_dot_pairs_portable8(a, b, c);
#endif
}
CLANES_INLINE clanes_f16 clanes_dot_pairs16(clanes_f16 a, clanes_f16 b, clanes_f16 c) {
#if defined(__AVX512BW__)
  typedef short words __attribute__((vector_size(64)));
  return (clanes_f16)((clanes_i16)c + (clanes_i16)__builtin_ia32_pmaddwd512((words)a, (words)b));
#else
  return clanes_dot_pairs_portable16(a, b, c);
#endif
}

#pragma clang diagnostic pop

#endif
