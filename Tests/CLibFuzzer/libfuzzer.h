// The entry point of libFuzzer's library without `main`, for which no header is installed.
#ifndef CNNZOO_LIBFUZZER_H
#define CNNZOO_LIBFUZZER_H

#include <stddef.h>
#include <stdint.h>

/// Runs a fuzzer by the arguments of the command line; does not return before it has ended.
/// The target answers 0, or -1 for an input that the corpus should not keep.
int LLVMFuzzerRunDriver(int *count, char ***arguments, int (*target)(const uint8_t *, size_t));

#endif
