#define _GNU_SOURCE
#include "csystem.h"

#include <malloc.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

int csystem_affinity_count(void) {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return -1;
  return CPU_COUNT(&set);
}

void csystem_share_arena(void) {
#ifdef M_ARENA_MAX
  mallopt(M_ARENA_MAX, 1);
#endif
}

#if defined(__x86_64__)
int csystem_request_amx(void) {
  unsigned eax = 7, ebx, ecx = 0, edx;
  __asm__("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
  const unsigned tiles = 1u << 24, bf16 = 1u << 22, int8 = 1u << 25;
  if ((edx & (tiles | bf16 | int8)) != (tiles | bf16 | int8)) return 0;
#if defined(__linux__)
  // ARCH_REQ_XCOMP_PERM for the tiles' data: their 8 KiB are saved only for processes that asked.
  return syscall(SYS_arch_prctl, 0x1023, 18) == 0;
#else
  return 0;
#endif
}
#endif
