// One operation each on Intel AMX's tiles of up to 16 rows of 16 words.
//
// Tiles 0 to 3 hold up to 32 × 32 sums, 4 and 5 the rows of A, 6 and 7 the columns of B. C has no type for a
// tile, so these functions name them.
#ifndef CNNZOO_CLANES_TILES_H
#define CNNZOO_CLANES_TILES_H

#include "clanes.h"

#if defined(__AMX_TILE__)

// Configures the tiles for a block of `rows` × `columns` sums, each 1 to 32; a thread does so before it uses
// them.
CLANES_INLINE void clanes_tiles_begin(long rows, long columns) {
  struct {
    unsigned char palette, start, reserved[14];
    unsigned short row_bytes[16];
    unsigned char rows[16];
  } __attribute__((aligned(64))) configuration = {.palette = 1};
  for (int bottom = 0; bottom < 2; bottom++) {
    long height = rows - 16 * bottom < 16 ? rows - 16 * bottom : 16;
    if (height < 1) height = 1;
    for (int right = 0; right < 2; right++) {
      long width = columns - 16 * right < 16 ? columns - 16 * right : 16;
      if (width < 1) width = 1;
      configuration.rows[2 * bottom + right] = height;
      configuration.row_bytes[2 * bottom + right] = 4 * width;
      configuration.rows[6 + right] = 16;
      configuration.row_bytes[6 + right] = 4 * width;
    }
    configuration.rows[4 + bottom] = height;
    configuration.row_bytes[4 + bottom] = 64;
  }
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

// Writes sums to rows that are `stride` floats apart.
#define CLANES_TILE_STORE(NAME, TILE)                                           \
  CLANES_INLINE void clanes_tile_store_##NAME(float *_Nonnull p, long stride) { \
    __builtin_ia32_tilestored64(TILE, p, 4 * stride);                           \
  }
CLANES_TILE_STORE(top_left, 0)
CLANES_TILE_STORE(top_right, 1)
CLANES_TILE_STORE(bottom_left, 2)
CLANES_TILE_STORE(bottom_right, 3)

#endif
#endif
