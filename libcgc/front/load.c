/* SPDX-License-Identifier: MIT */
#include "front/load.h"

#include "front/real.h"

_Static_assert(RTLD_DEEPBIND == 8, "dlopen below clears this bit");

CGC_REAL(dlopen)

CGC_HIDDEN void *cgc_load_real(void);

__attribute__((used)) void *cgc_load_real(void) {
  return cgc_real(&real_dlopen);
}

/* Its arguments wait on the stack; the caller's return address stays. */
CGC_PUBLIC __attribute__((naked)) void *dlopen(const char *file CGC_UNUSED,
                                               int mode CGC_UNUSED) {
  __asm__("endbr64\n\t"
          "push %rdi\n\t.cfi_adjust_cfa_offset 8\n\t"
          "push %rsi\n\t.cfi_adjust_cfa_offset 8\n\t"
          "sub $8, %rsp\n\t.cfi_adjust_cfa_offset 8\n\t"
          "call cgc_load_real\n\t"
          "add $8, %rsp\n\t.cfi_adjust_cfa_offset -8\n\t"
          "pop %rsi\n\t.cfi_adjust_cfa_offset -8\n\t"
          "pop %rdi\n\t.cfi_adjust_cfa_offset -8\n\t"
          "and $-9, %esi\n\t"
          "jmp *%rax");
}
