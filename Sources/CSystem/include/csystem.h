// Features that are inaccessible from Swift: instruction sets, the floating-point mode, the
// affinity mask (a GNU extension), a spin hint, and a signal handler, which must not call Swift.
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

/// Whether the processor multiplies pairs of bfloat16 (`vdpbf16ps`). Only to be asked where
/// `csystem_has_x86_64_v4` says yes.
static inline int csystem_has_avx512_bf16(void) {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512bf16") != 0;
}

/// Whether the processor multiplies 8-bit integers in vectors of 512 bits (`vpdpbusd`). Only to be asked
/// where `csystem_has_x86_64_v4` says yes.
static inline int csystem_has_avx512_vnni(void) {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512vnni") != 0;
}

/// Whether the processor multiplies 8-bit integers in vectors of 256 bits without AVX-512 (AVX-VNNI). Only
/// to be asked where `csystem_has_x86_64_v3` says yes.
static inline int csystem_has_avx_vnni(void) {
  unsigned eax = 7, ebx, ecx = 1, edx;
  __asm__("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
  return (eax >> 4) & 1;
}

/// Whether the processor multiplies tiles of bfloat16 and of 8-bit integers (AMX), and the system lets this
/// process use them, for which it has to ask. Only to be asked where `csystem_has_avx512_bf16` says yes.
int csystem_request_amx(void);

/// Tells the processor that this thread is spinning on a memory location.
static inline void csystem_spin_hint(void) { __builtin_ia32_pause(); }

/// Makes this thread round to nearest, raise no exceptions and treat denormal numbers as zero, both as
/// operands (DAZ) and as results (FTZ). Returns the previous mode.
///
/// Denormal numbers, below 1.2e-38, cost a hundred cycles each on many processors; networks with
/// very small values would take many times as long.
static inline unsigned csystem_enter_compute_mode(void) {
  unsigned mode = __builtin_ia32_stmxcsr();
  __builtin_ia32_ldmxcsr(0x1f80 | 0x8000 | 0x0040);
  return mode;
}

/// Restores the mode that `csystem_enter_compute_mode` returned.
static inline void csystem_restore_mode(unsigned mode) { __builtin_ia32_ldmxcsr(mode); }
#else
static inline int csystem_has_x86_64_v4(void) { return 0; }
static inline int csystem_has_x86_64_v3(void) { return 0; }
static inline int csystem_has_avx512_bf16(void) { return 0; }
static inline int csystem_has_avx512_vnni(void) { return 0; }
static inline int csystem_has_avx_vnni(void) { return 0; }
static inline int csystem_request_amx(void) { return 0; }
static inline void csystem_spin_hint(void) { __asm__ __volatile__("" ::: "memory"); }
// Other processors handle denormal numbers at nearly full speed.
static inline unsigned csystem_enter_compute_mode(void) { return 0; }
static inline void csystem_restore_mode(unsigned mode) { (void)mode; }
#endif

/// Processors in this process's affinity mask, or -1.
int csystem_affinity_count(void);

/// Makes all threads allocate from one arena. Otherwise the C library would reserve tens of
/// megabytes of address space per thread and keep the memory that each has freed. Large blocks are
/// mapped anyway.
void csystem_share_arena(void);

/// From now on, reading a mapped file past its end prints a message with `prefix` to standard error and
/// exits with `status`. Call it once.
void csystem_report_mapped_faults(const char *prefix, int status);

#endif
