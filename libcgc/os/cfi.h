/* SPDX-License-Identifier: MIT */
/*
 * os/cfi.h - how to get from a frame to its caller's, as the compiler wrote it.
 *
 *   pc ─ _dl_find_object ─► .eh_frame_hdr ─ binary search ─► the function's
 *   entry ─ its instructions, up to pc ─► a rule of eight bytes
 *
 *   rule   CFA = rsp + n | rbp + n | *(rbp + n) | signal frame | the end
 *          rbp = as it was | *(CFA + m) | *(rbp + m)
 *          return address = *(CFA - 8)
 *
 * So code without frame pointers, libc's too, hides nothing.  What no such rule
 * can say (other registers, odd expressions) has none.  No lock, no malloc: the
 * loader's function takes none, either.
 *
 * Who comes in: os/callers.  Locks: none.
 * Source: DWARF 5, section 6.4; LSB, exception frames.
 */
#ifndef CGC_OS_CFI_H
#define CGC_OS_CFI_H

#include "base/base.h"

enum cgc_cfi_kind {
  CGC_CFI_NONE,   /* nothing is known of the code */
  CGC_CFI_RSP,    /* CFA = rsp + cfa */
  CGC_CFI_RBP,    /* CFA = rbp + cfa */
  CGC_CFI_DEREF,  /* CFA = *(rbp + cfa) */
  CGC_CFI_SIGNAL, /* rsp is a ucontext_t's address */
  CGC_CFI_END     /* there is no caller */
};

struct cgc_cfi_rule {
  uint64_t kind : 3;
  uint64_t saved : 2;   /* rbp: 0 kept, 1 at CFA + rbp, 2 at rbp + rbp */
  int64_t cfa : 29;     /* bytes */
  int64_t rbp : 29;     /* bytes */
  uint64_t padding : 1; /* always 1: a rule is never zero */
};

/** The rule for code at PC. */
struct cgc_cfi_rule cgc_cfi_look_up(uintptr_t pc);

#endif
