// One operation each on Intel AMX's tiles: 16 rows of 16 words.
//
// Tiles 0 to 3 hold 32 × 32 sums, 4 and 5 the rows of A, 6 and 7 the columns of B. Tiles have no place in
// C's types, so that these functions name them.
#ifndef CNNZOO_CLANES_TILES_H
#define CNNZOO_CLANES_TILES_H

#include "clanes.h"

#if defined(__AMX_TILE__)

// Configures eight tiles of 16 × 64 bytes; a thread does so before it uses them.
CLANES_INLINE void clanes_tiles_begin(void) {
  static const struct {
    unsigned char palette, start, reserved[14];
    unsigned short row_bytes[16];
    unsigned char rows[16];
  } __attribute__((aligned(64))) configuration = {
      1, 0, {0}, {64, 64, 64, 64, 64, 64, 64, 64}, {16, 16, 16, 16, 16, 16, 16, 16}};
  __builtin_ia32_tile_loadconfig(&configuration);
}
// Back to a state that the system need not save.
CLANES_INLINE void clanes_tiles_end(void) { __builtin_ia32_tilerelease(); }

CLANES_INLINE void clanes_tiles_zero(void) {
  __builtin_ia32_tilezero(0);
  __builtin_ia32_tilezero(1);
  __builtin_ia32_tilezero(2);
  __builtin_ia32_tilezero(3);
}

// Reads a tile whose rows are `stride` words apart.
#define CLANES_TILE_LOAD(NAME, TILE)                                                  \
  CLANES_INLINE void clanes_tile_load_##NAME(const float *_Nonnull p, long stride) {  \
    __builtin_ia32_tileloadd64(TILE, p, 4 * stride);                                  \
  }
CLANES_TILE_LOAD(top, 4)
CLANES_TILE_LOAD(bottom, 5)
CLANES_TILE_LOAD(left, 6)
CLANES_TILE_LOAD(right, 7)

// Adds the product of two tiles to their sums.
#define CLANES_TILE_DOT(NAME, SUM, A, B)                                                          \
  CLANES_INLINE void clanes_tile_bf16_##NAME(void) { __builtin_ia32_tdpbf16ps(SUM, A, B); }       \
  CLANES_INLINE void clanes_tile_bytes_##NAME(void) { __builtin_ia32_tdpbusd(SUM, A, B); }
CLANES_TILE_DOT(top_left, 0, 4, 6)
CLANES_TILE_DOT(top_right, 1, 4, 7)
CLANES_TILE_DOT(bottom_left, 2, 5, 6)
CLANES_TILE_DOT(bottom_right, 3, 5, 7)

// Writes the sums, as 32 rows of 32, to memory of this thread.
CLANES_INLINE float *_Nonnull clanes_tiles_store(void) {
  static _Thread_local float sums[32 * 32] __attribute__((aligned(64)));
  __builtin_ia32_tilestored64(0, sums, 128);
  __builtin_ia32_tilestored64(1, sums + 16, 128);
  __builtin_ia32_tilestored64(2, sums + 16 * 32, 128);
  __builtin_ia32_tilestored64(3, sums + 16 * 32 + 16, 128);
  return sums;
}

#endif
#endif
