// SHA-256 from OpenSSL's libcrypto, loaded on first use.
//
// It uses the processor's SHA instructions. Linking it would cost every start 0.6 ms, and it is
// installed wherever libcurl is.
#ifndef CNNZOO_CLIBCRYPTO_H
#define CNNZOO_CLIBCRYPTO_H

#include <stddef.h>

/// Loads libcrypto once for all threads. Returns NULL, or the reason for failure. Must succeed before
/// any other function here is called.
const char *clibcrypto_load(void);

/// A running sum; NULL if out of memory.
typedef struct clibcrypto_sum clibcrypto_sum;
clibcrypto_sum *clibcrypto_sum_new(void);
void clibcrypto_sum_free(clibcrypto_sum *sum);

/// Both return 1, or 0 if libcrypto fails.
int clibcrypto_sum_add(clibcrypto_sum *sum, const void *bytes, size_t count);
/// Finishes the sum; nothing can be added afterwards.
int clibcrypto_sum_end(clibcrypto_sum *sum, unsigned char digest[32]);

#endif
