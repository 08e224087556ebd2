/* SPDX-License-Identifier: MIT */
/*
 * t/scrub.h - addresses that calls left behind, cleared.
 *
 * A conservative collector takes a word in the dead part of a stack or in a
 * scratch register for a pointer.  Who asks what is reclaimed scrubs first.
 */
#ifndef SCRUB_H
#define SCRUB_H

#include <stddef.h>

#define SCRUB_FN                                                               \
  static __attribute__((noinline, unused, no_sanitize("address", "undefined")))

/*
 * memcpy takes the widest there are, and those above 15, which nothing but
 * AVX-512 clears; no compiler keeps a value in them across a call.
 */
static inline void scrub_vectors(void) {
  if (__builtin_cpu_supports("avx512f"))
    __asm__ volatile(".irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, "
                     "28, 29, 30, 31\n\tvpxorq %zmm\\n, %zmm\\n, %zmm\\n\n\t"
                     ".endr");
  if (__builtin_cpu_supports("avx"))
    __asm__ volatile("vzeroall" ::
                         : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5",
                           "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",
                           "xmm12", "xmm13", "xmm14", "xmm15");
}

/* The registers that a callee may leave behind. */
static inline void scrub_registers(void) {
  __asm__ volatile("xor %%eax, %%eax\n\txor %%ecx, %%ecx\n\t"
                   "xor %%edx, %%edx\n\txor %%esi, %%esi\n\t"
                   "xor %%edi, %%edi\n\txor %%r8d, %%r8d\n\t"
                   "xor %%r9d, %%r9d\n\txor %%r10d, %%r10d\n\t"
                   "xor %%r11d, %%r11d" ::
                       : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10",
                         "r11", "cc");
  scrub_vectors();
}

/*
 * NBYTES of dead stack below the caller, and those registers.  A sanitizer
 * would lay zones around the area that keep what was there.
 */
SCRUB_FN void scrub(size_t nbytes) {
  volatile unsigned char *area =
      (volatile unsigned char *)__builtin_alloca(nbytes);
  for (size_t i = 0; i < nbytes; i++)
    area[i] = 0;
  __asm__ volatile("" ::"r"(area) : "memory");
  scrub_registers();
}

#endif
