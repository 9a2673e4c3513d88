// What Swift cannot ask of the machine itself: the processor's instruction sets, the affinity mask
// (a GNU extension) and a spin hint.
#ifndef CNNZOO_CSYSTEM_H
#define CNNZOO_CSYSTEM_H

#if defined(__x86_64__)
/// Whether the processor and the operating system support every instruction of x86-64-v4.
static inline int csystem_has_x86_64_v4(void) {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx2") &&
         __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
}

/// Whether the processor and the operating system support the vector instructions of x86-64-v3.
static inline int csystem_has_x86_64_v3(void) {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
}

/// Tells the processor that this thread is spinning on a memory location.
static inline void csystem_spin_hint(void) { __builtin_ia32_pause(); }
#else
static inline int csystem_has_x86_64_v4(void) { return 0; }
static inline int csystem_has_x86_64_v3(void) { return 0; }
static inline void csystem_spin_hint(void) { __asm__ __volatile__("" ::: "memory"); }
#endif

/// Processors in this process's affinity mask, or -1.
int csystem_affinity_count(void);

#endif
