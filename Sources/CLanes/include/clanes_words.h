// Products and conversions of lower precision.
//
// A 32-bit word holds one float, two bf16, two 16-bit or four 8-bit integers. Vectors of words and of 32-bit sums
// are passed as vectors of floats, whatever their lanes hold. Each operation has one portable body; a
// target compiled for the instruction that does the same uses that instead.
#ifndef CNNZOO_CLANES_WORDS_H
#define CNNZOO_CLANES_WORDS_H

#include "clanes.h"

// All functions are inlined: none passes a vector that its target has no registers for.
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wpsabi"

#if defined(__AVX512BF16__)
#define CLANES_HAS_BF16 1
typedef __bf16 clanes_bf16x8 __attribute__((ext_vector_type(8)));
typedef __bf16 clanes_bf16x16 __attribute__((ext_vector_type(16)));
typedef __bf16 clanes_bf16x32 __attribute__((ext_vector_type(32)));
#else
#define CLANES_HAS_BF16 0
#endif

#if defined(__AVX512VNNI__) || defined(__AVXVNNI__)
#define CLANES_HAS_VNNI 1
#else
#define CLANES_HAS_VNNI 0
#endif

#define CLANES_WORDS(N, PAIRS)                                                                    \
  typedef unsigned clanes_u##N __attribute__((ext_vector_type(N)));                               \
  typedef short clanes_s##N __attribute__((ext_vector_type(PAIRS)));                              \
  typedef unsigned short clanes_half##N __attribute__((ext_vector_type(N), aligned(2)));          \
  typedef unsigned char clanes_byte##N __attribute__((ext_vector_type(N), aligned(1)));           \
  /* The low and the high bf16 of each word, as floats. */                                        \
  CLANES_INLINE clanes_f##N clanes_low##N(clanes_f##N a) {                                        \
    return (clanes_f##N)((clanes_u##N)a << 16);                                                   \
  }                                                                                               \
  CLANES_INLINE clanes_f##N clanes_high##N(clanes_f##N a) {                                       \
    return (clanes_f##N)((clanes_u##N)a & 0xffff0000u);                                           \
  }                                                                                               \
  /* N values of bf16, as floats. */                                                              \
  CLANES_INLINE clanes_f##N clanes_load_bf16_##N(const void *_Nonnull p) {                        \
    return (clanes_f##N)(__builtin_convertvector(*(const clanes_half##N *)p, clanes_u##N) << 16); \
  }                                                                                               \
  /* Products of u8 and s8 fit 16 bits; the even and the odd bytes of a word are multiplied       \
     apart. */                                                                                    \
  CLANES_INLINE clanes_f##N clanes_dot_bytes_portable##N(clanes_f##N a, clanes_f##N b,            \
                                                         clanes_f##N c) {                         \
    clanes_s##N even = (clanes_s##N)((clanes_u##N)a & 0x00ff00ffu) *                              \
                       (((clanes_s##N)b << 8) >> 8);                                              \
    clanes_s##N odd = (clanes_s##N)(((clanes_u##N)a >> 8) & 0x00ff00ffu) * ((clanes_s##N)b >> 8); \
    clanes_i##N low = (((clanes_i##N)even << 16) >> 16) + (((clanes_i##N)odd << 16) >> 16);       \
    clanes_i##N high = ((clanes_i##N)even >> 16) + ((clanes_i##N)odd >> 16);                      \
    return (clanes_f##N)((clanes_i##N)c + low + high);                                            \
  }                                                                                               \
  CLANES_INLINE clanes_f##N clanes_dot_shorts_portable##N(clanes_f##N a, clanes_f##N b,           \
                                                          clanes_f##N c) {                        \
    clanes_i##N low = (((clanes_i##N)a << 16) >> 16) * (((clanes_i##N)b << 16) >> 16);            \
    clanes_i##N high = ((clanes_i##N)a >> 16) * ((clanes_i##N)b >> 16);                           \
    return (clanes_f##N)((clanes_i##N)c + low + high);                                            \
  }                                                                                               \
  /* Integers in the lanes, as floats. */                                                         \
  CLANES_INLINE clanes_f##N clanes_from_integers##N(clanes_f##N a) {                              \
    return __builtin_convertvector((clanes_i##N)a, clanes_f##N);                                  \
  }                                                                                               \
  /* The nearest bf16, ties to even; a NaN stays one. */                                          \
  CLANES_INLINE clanes_u##N clanes_bf16_bits##N(clanes_f##N a) {                                  \
    clanes_u##N bits = (clanes_u##N)a;                                                            \
    clanes_u##N rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;                           \
    return a == a ? rounded : (bits >> 16) | 0x40u;                                               \
  }                                                                                               \
  CLANES_INLINE void clanes_store_bf16_portable##N(clanes_f##N a, void *_Nonnull p) {             \
    *(clanes_half##N *)p = __builtin_convertvector(clanes_bf16_bits##N(a), clanes_half##N);       \
  }                                                                                               \
  /* Both numbers of each lane as bf16 in a word, that of `low` first. */                         \
  CLANES_INLINE clanes_f##N clanes_pair_bf16_portable##N(clanes_f##N low, clanes_f##N high) {     \
    return (clanes_f##N)(clanes_bf16_bits##N(low) | clanes_bf16_bits##N(high) << 16);             \
  }                                                                                               \
  /* Rounds values from 0 to 255 to bytes; anything goes for others. */                           \
  CLANES_INLINE void clanes_store_bytes##N(clanes_f##N a, void *_Nonnull p) {                     \
    clanes_u##N shifted = (clanes_u##N)(a + 12582912.0f) & 0xffu;                                 \
    *(clanes_byte##N *)p = __builtin_convertvector(shifted, clanes_byte##N);                      \
  }                                                                                               \
  /* The larger magnitude; NaN counts as largest. b has no sign. */                               \
  CLANES_INLINE clanes_f##N clanes_larger_magnitude##N(clanes_f##N a, clanes_f##N b) {            \
    clanes_i##N magnitude = (clanes_i##N)a & 0x7fffffff;                                          \
    return (clanes_f##N)(magnitude > (clanes_i##N)b ? magnitude : (clanes_i##N)b);                \
  }                                                                                               \
  /* Rounds values from -32768 to 32767 to integers; anything goes for others. */                 \
  CLANES_INLINE void clanes_store_shorts##N(clanes_f##N a, void *_Nonnull p) {                    \
    clanes_u##N shifted = (clanes_u##N)(a + 12582912.0f);                                         \
    *(clanes_half##N *)p = __builtin_convertvector(shifted, clanes_half##N);                      \
  }

CLANES_WORDS(4, 8)
CLANES_WORDS(8, 16)
CLANES_WORDS(16, 32)

// Across the lanes of a vector.
#define CLANES_REDUCE(NAME)                                                                       \
  CLANES_INLINE float clanes_reduce_##NAME##4(clanes_f4 a) {                                      \
    clanes_f4 b = clanes_##NAME##4(a, a.zwxy);                                                    \
    return clanes_##NAME##4(b, b.yxwz).x;                                                         \
  }                                                                                               \
  CLANES_INLINE float clanes_reduce_##NAME##8(clanes_f8 a) {                                      \
    return clanes_reduce_##NAME##4(clanes_##NAME##4(a.lo, a.hi));                                 \
  }                                                                                               \
  CLANES_INLINE float clanes_reduce_##NAME##16(clanes_f16 a) {                                    \
    return clanes_reduce_##NAME##8(clanes_##NAME##8(a.lo, a.hi));                                 \
  }

CLANES_REDUCE(larger_magnitude)
CLANES_REDUCE(add)
CLANES_REDUCE(max)
CLANES_REDUCE(min)

// c + the two products of bf16 in each word of a and b. The high ones come first, as the processors
// that have an instruction for it do.
#define CLANES_DOT_BF16(N)                                                                        \
  CLANES_INLINE clanes_f##N clanes_dot_bf16_portable##N(clanes_f##N a, clanes_f##N b,             \
                                                        clanes_f##N c) {                          \
    c = clanes_high##N(a) * clanes_high##N(b) + c;                                                \
    return clanes_low##N(a) * clanes_low##N(b) + c;                                               \
  }

CLANES_DOT_BF16(4)
CLANES_DOT_BF16(8)
CLANES_DOT_BF16(16)

#define CLANES_PORTABLE(N)                                                                        \
  CLANES_INLINE clanes_f##N clanes_dot_bf16_##N(clanes_f##N a, clanes_f##N b, clanes_f##N c) {    \
    return clanes_dot_bf16_portable##N(a, b, c);                                                  \
  }                                                                                               \
  CLANES_INLINE void clanes_store_bf16_##N(clanes_f##N a, void *_Nonnull p) {                     \
    clanes_store_bf16_portable##N(a, p);                                                          \
  }                                                                                               \
  CLANES_INLINE clanes_f##N clanes_pair_bf16_##N(clanes_f##N low, clanes_f##N high) {             \
    return clanes_pair_bf16_portable##N(low, high);                                               \
  }

CLANES_PORTABLE(4)
#if CLANES_HAS_BF16
CLANES_INLINE clanes_f8 clanes_dot_bf16_8(clanes_f8 a, clanes_f8 b, clanes_f8 c) {
  return (clanes_f8)__builtin_ia32_dpbf16ps_256(c, (clanes_bf16x16)a, (clanes_bf16x16)b);
}
CLANES_INLINE clanes_f16 clanes_dot_bf16_16(clanes_f16 a, clanes_f16 b, clanes_f16 c) {
  return (clanes_f16)__builtin_ia32_dpbf16ps_512(c, (clanes_bf16x32)a, (clanes_bf16x32)b);
}
CLANES_INLINE void clanes_store_bf16_8(clanes_f8 a, void *_Nonnull p) {
  clanes_bf16x8 rounded = __builtin_convertvector(a, clanes_bf16x8);
  __builtin_memcpy(p, &rounded, sizeof rounded);
}
CLANES_INLINE void clanes_store_bf16_16(clanes_f16 a, void *_Nonnull p) {
  clanes_bf16x16 rounded = __builtin_convertvector(a, clanes_bf16x16);
  __builtin_memcpy(p, &rounded, sizeof rounded);
}
CLANES_INLINE clanes_f8 clanes_pair_bf16_8(clanes_f8 low, clanes_f8 high) {
  clanes_bf16x16 both = __builtin_ia32_cvtne2ps2bf16_256(high, low);
  return (clanes_f8)__builtin_shufflevector(both, both, 0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6,
                                            14, 7, 15);
}
CLANES_INLINE clanes_f16 clanes_pair_bf16_16(clanes_f16 low, clanes_f16 high) {
  clanes_bf16x32 both = __builtin_ia32_cvtne2ps2bf16_512(high, low);
  return (clanes_f16)__builtin_shufflevector(both, both, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21,
                                             6, 22, 7, 23, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28,
                                             13, 29, 14, 30, 15, 31);
}
#else
CLANES_PORTABLE(8)
CLANES_PORTABLE(16)
#endif

// c + the four products of unsigned bytes of a and signed bytes of b in each word: exact.
CLANES_INLINE clanes_f4 clanes_dot_bytes_4(clanes_f4 a, clanes_f4 b, clanes_f4 c) {
  return clanes_dot_bytes_portable4(a, b, c);
}
CLANES_INLINE clanes_f8 clanes_dot_bytes_8(clanes_f8 a, clanes_f8 b, clanes_f8 c) {
#if CLANES_HAS_VNNI
  return (clanes_f8)__builtin_ia32_vpdpbusd256((clanes_i8)c, (clanes_i8)a, (clanes_i8)b);
#else
  return clanes_dot_bytes_portable8(a, b, c);
#endif
}
CLANES_INLINE clanes_f16 clanes_dot_bytes_16(clanes_f16 a, clanes_f16 b, clanes_f16 c) {
#if defined(__AVX512VNNI__)
  return (clanes_f16)__builtin_ia32_vpdpbusd512((clanes_i16)c, (clanes_i16)a, (clanes_i16)b);
#else
  return clanes_dot_bytes_portable16(a, b, c);
#endif
}

// c + the two products of signed 16-bit integers in each word: exact, if the sum fits 32 bits.
CLANES_INLINE clanes_f4 clanes_dot_shorts_4(clanes_f4 a, clanes_f4 b, clanes_f4 c) {
  return clanes_dot_shorts_portable4(a, b, c);
}
CLANES_INLINE clanes_f8 clanes_dot_shorts_8(clanes_f8 a, clanes_f8 b, clanes_f8 c) {
#if CLANES_HAS_VNNI
  return (clanes_f8)__builtin_ia32_vpdpwssd256((clanes_i8)c, (clanes_s8)a, (clanes_s8)b);
#else
  return clanes_dot_shorts_portable8(a, b, c);
#endif
}
CLANES_INLINE clanes_f16 clanes_dot_shorts_16(clanes_f16 a, clanes_f16 b, clanes_f16 c) {
#if defined(__AVX512VNNI__)
  return (clanes_f16)__builtin_ia32_vpdpwssd512((clanes_i16)c, (clanes_s16)a, (clanes_s16)b);
#else
  return clanes_dot_shorts_portable16(a, b, c);
#endif
}

// 1 / a to 13 bits, for positive numbers, where an instruction does that; else exact. A division of a
// vector of 16 takes as long as 16 multiplications.
CLANES_INLINE clanes_f4 clanes_reciprocal4(clanes_f4 a) { return 1.0f / a; }
#if defined(__AVX512F__) && defined(__AVX512VL__)
CLANES_INLINE clanes_f8 clanes_reciprocal8(clanes_f8 a) {
  return __builtin_ia32_rcp14ps256_mask(a, a, 0xff);
}
CLANES_INLINE clanes_f16 clanes_reciprocal16(clanes_f16 a) {
  return __builtin_ia32_rcp14ps512_mask(a, a, 0xffff);
}
#else
CLANES_INLINE clanes_f8 clanes_reciprocal8(clanes_f8 a) { return 1.0f / a; }
CLANES_INLINE clanes_f16 clanes_reciprocal16(clanes_f16 a) { return 1.0f / a; }
#endif

// 2ʸ with a relative error of at most 7.5e-5; 0 or infinity beyond the range of floats, or the largest and
// smallest power of two. 2ʸ = 2ⁿ·p(f): p is the cubic with the smallest relative error where f is.
#define CLANES_POWER(N)                                                                          \
  CLANES_INLINE clanes_f##N clanes_power##N(clanes_f##N y) {                                     \
    /* Adding 1.5·2²³ rounds to the nearest integer n; f is on [−½, ½]. */                       \
    clanes_f##N limited = clanes_min##N(clanes_max##N(y, clanes_splat##N(-126)),                 \
                                        clanes_splat##N(126));                                   \
    clanes_f##N shifted = limited + 12582912.0f;                                                 \
    clanes_f##N f = limited - (shifted - 12582912.0f);                                           \
    clanes_f##N p = ((5.517167e-2f * f + 2.4261112e-1f) * f + 6.9326099e-1f) * f + 9.9992807e-1f; \
    return clanes_scale##N(p, shifted);                                                          \
  }
CLANES_POWER(4)
#if defined(__AVX512DQ__) && defined(__AVX512VL__)
// f = y − ⌊y⌋ on [0, 1), and a multiplication by 2 to the power ⌊y⌋, which saturates: 3 instructions
// instead of 7.
CLANES_INLINE clanes_f8 clanes_power8(clanes_f8 y) {
  clanes_f8 f = __builtin_ia32_reduceps256_mask(y, 1, y, 0xff);
  clanes_f8 p = ((7.802452e-2f * f + 2.2606716e-1f) * f + 6.9583356e-1f) * f + 9.999252e-1f;
  return __builtin_ia32_scalefps256_mask(p, y, p, 0xff);
}
CLANES_INLINE clanes_f16 clanes_power16(clanes_f16 y) {
  clanes_f16 f = __builtin_ia32_reduceps512_mask(y, 1, y, 0xffff, 4);
  clanes_f16 p = ((7.802452e-2f * f + 2.2606716e-1f) * f + 6.9583356e-1f) * f + 9.999252e-1f;
  return __builtin_ia32_scalefps512_mask(p, y, p, 0xffff, 4);
}
#else
CLANES_POWER(8)
CLANES_POWER(16)
#endif

CLANES_INLINE int clanes_has_bf16(void) { return CLANES_HAS_BF16; }
CLANES_INLINE int clanes_has_vnni(void) { return CLANES_HAS_VNNI; }

#pragma clang diagnostic pop

#endif
