// SHA-256 of OpenSSL's libcrypto, loaded when it is first needed.
//
// It uses the processor's SHA instructions. Linked, it would cost every start of the command
// 0.6 ms, and it is there wherever libcurl is.
#ifndef CNNZOO_CLIBCRYPTO_H
#define CNNZOO_CLIBCRYPTO_H

#include <stddef.h>

/// Loads libcrypto, once for all threads; NULL, or why it cannot be had. Nothing else here may be
/// called before this succeeded.
const char *clibcrypto_load(void);

/// A sum in the making; NULL where memory is short.
typedef struct clibcrypto_sum clibcrypto_sum;
clibcrypto_sum *clibcrypto_sum_new(void);
void clibcrypto_sum_free(clibcrypto_sum *sum);

/// Both answer 1, or 0 where libcrypto fails.
int clibcrypto_sum_add(clibcrypto_sum *sum, const void *bytes, size_t count);
/// Ends the sum; nothing can be added afterwards.
int clibcrypto_sum_end(clibcrypto_sum *sum, unsigned char digest[32]);

#endif
