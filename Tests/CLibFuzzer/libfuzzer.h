// The entry point of libFuzzer's library without `main`, and AddressSanitizer's view of memory: no
// header of them is installed.
#ifndef CNNZOO_LIBFUZZER_H
#define CNNZOO_LIBFUZZER_H

#include <stddef.h>
#include <stdint.h>

/// Runs a fuzzer by the arguments of the command line; does not return before it has ended.
/// The target answers 0, or -1 for an input that the corpus should not keep.
int LLVMFuzzerRunDriver(int *count, char ***arguments, int (*target)(const uint8_t *, size_t));

/// Calls the two functions after each allocation and before each release; 0 where it cannot.
int __sanitizer_install_malloc_and_free_hooks(
    void (*allocated)(const volatile void *, size_t), void (*released)(const volatile void *));

/// The bytes that were asked for at an address that was allocated.
size_t __sanitizer_get_allocated_size(const volatile void *address);

#endif
