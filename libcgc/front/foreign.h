/* SPDX-License-Identifier: MIT */
/*
 * front/foreign.h - callers and pointers that the malloc family meets and
 * that are not the program's own.
 *
 * The dynamic loader (ld.so).  It calls malloc for what only its own data and
 * the thread control blocks point to: DTVs, dynamic TLS blocks, link maps.
 * Some of that is found again by glibc through memory that no scan reaches in
 * time (cached stacks of dead threads), so it is allocated pinned.  A call is
 * known by its return address.  And before it knew of our malloc it had one
 * of its own, whose blocks it may hand to our free: nothing is done then.
 *
 * glibc's heap.  Its malloc family is replaced, __libc_malloc and its like
 * too, so nobody gets there by a symbol; only dlsym(handle of libc, "malloc")
 * does.  When that has happened, glibc's statistics show a heap, and a
 * pointer that is not ours is handed to glibc's function, which knows it or
 * aborts by itself.  Otherwise there is nobody who could own the pointer.
 *
 * Who comes in: front/malloc.  Locks: none.
 */
#ifndef CGC_FRONT_FOREIGN_H
#define CGC_FRONT_FOREIGN_H

#include "base/base.h"

struct cgc_loader {
  uintptr_t text;     /* where the loader's code begins */
  uintptr_t text_len; /* bytes */
  uintptr_t data;     /* its writable segment */
  uintptr_t data_len;
  bool found;
};

/* Filled at the first question about it. */
extern CGC_HIDDEN struct cgc_loader cgc_loader;

/* A range of code; callers outside of it take the fast path. */
struct cgc_odd {
  uintptr_t text; /* where it begins */
  uintptr_t len;  /* bytes; UINTPTR_MAX: everybody is odd */
};

/* Everybody until the loader was looked for, then the loader alone. */
extern CGC_HIDDEN struct cgc_odd cgc_odd;

/**
 * Whether a call from PC needs a closer look: the loader's, and each while
 * leaks are looked for.  One subtraction and one compare.
 */
CGC_INLINE bool cgc_foreign_is_odd(uintptr_t pc) {
  return cgc_unlikely(pc - cgc_odd.text < cgc_odd.len);
}

/** From now on everybody is odd; before there are threads. */
void cgc_foreign_watch(void);

/** Whether the code at PC is the loader's. */
CGC_COLD bool cgc_foreign_is_loader(uintptr_t pc);

/**
 * free(PTR) by the code at PC, where PTR is neither in the heap nor in the
 * reserve.  The loader's own is left alone, glibc's goes to glibc, anything
 * else is reported as misuse.
 */
CGC_COLD void cgc_foreign_free(void *ptr, uintptr_t pc);

/** realloc likewise. returns  NULL with ENOMEM if the block is nobody's */
CGC_COLD void *cgc_foreign_realloc(void *ptr, size_t size);

/** malloc_usable_size likewise; 0 if the block is nobody's (bytes) */
CGC_COLD size_t cgc_foreign_usable(void *ptr);

#endif
