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

/* The registers that a callee may leave behind. */
static inline void scrub_registers(void) {
  __asm__ volatile("xor %%eax, %%eax\n\txor %%ecx, %%ecx\n\t"
                   "xor %%edx, %%edx\n\txor %%esi, %%esi\n\t"
                   "xor %%edi, %%edi\n\txor %%r8d, %%r8d\n\t"
                   "xor %%r9d, %%r9d\n\txor %%r10d, %%r10d\n\t"
                   "xor %%r11d, %%r11d" ::
                       : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10",
                         "r11", "cc");
  __asm__ volatile("pxor %%xmm0, %%xmm0\n\tpxor %%xmm1, %%xmm1\n\t"
                   "pxor %%xmm2, %%xmm2\n\tpxor %%xmm3, %%xmm3\n\t"
                   "pxor %%xmm4, %%xmm4\n\tpxor %%xmm5, %%xmm5\n\t"
                   "pxor %%xmm6, %%xmm6\n\tpxor %%xmm7, %%xmm7" ::
                       : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6",
                         "xmm7");
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
