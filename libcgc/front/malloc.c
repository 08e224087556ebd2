/* SPDX-License-Identifier: MIT */
#include "front/malloc.h"

#include "base/log.h"
#include "cgc.h"
#include "front/alloc.h"
#include "front/foreign.h"
#include "front/leak.h"
#include "front/reserve.h"
#include "os/page.h"

#include <errno.h>
#include <string.h>

enum { CACHE_LINE = 64, SMALL = 1024 }; /* bytes */

#define CALLER ((uintptr_t)__builtin_return_address(0))
#define FRAME __builtin_frame_address(0)

/* In assembler: for C the alias would need each attribute of the target. */
#define ALIAS(name, target)                                                    \
  __asm__(".globl " #name "\n\t.set " #name ", " #target);

/* ---- allocate ------------------------------------------------------------ */

static CGC_COLD void *no_memory(void) {
  errno = ENOMEM;
  return NULL;
}

/* Memory that will be written in a moment. */
static void prefetch(const char *ptr, size_t size) {
  for (size_t i = 0; i < size; i += CACHE_LINE)
    __builtin_prefetch(ptr + i, 1);
}

/*
 * While leaks are looked for each block is noted.  It is zeroed, and so is the
 * rest of its slot: what an earlier block left there leads nowhere.  That comes
 * last, since stores to memory that is not in the cache hold up all others.
 * The frame is this function's own, since a caller's may be gone: a compiler
 * makes a jump of a last call, whatever its arguments point to.
 */
static CGC_HOT void *alloc_noted(enum cgc_fail_kind what, size_t align,
                                 size_t size) {
  if (cgc_leak_fails(what, FRAME))
    return NULL;
  bool small = size <= SMALL;
  void *ptr = align <= CGC_RESERVE_ALIGN
                  ? cgc_alloc(size, CGC_KIND_SCAN, !small)
                  : cgc_alloc_aligned(align, size, CGC_KIND_SCAN, !small);
  if (small && ptr)
    prefetch(ptr, size);
  cgc_leak_made(ptr, size, FRAME);
  if (small && ptr)
    memset(ptr, 0, cgc_alloc_usable(ptr));
  return ptr;
}

/* The odd callers' way, kept out of the fast one. */
static CGC_HOT void *alloc_odd(enum cgc_fail_kind what, size_t size, bool zero,
                               uintptr_t caller) {
  if (cgc_foreign_is_loader(caller))
    return cgc_alloc(size, CGC_KIND_PINNED, zero);
  if (cgc_leak.on)
    return alloc_noted(what, CGC_RESERVE_ALIGN, size);
  return cgc_alloc(size, CGC_KIND_SCAN, zero);
}

CGC_PUBLIC void *malloc(size_t size) {
  if (cgc_foreign_is_odd(CALLER))
    return alloc_odd(CGC_FAIL_MALLOC, size, false, CALLER);
  return cgc_alloc(size, CGC_KIND_SCAN, false);
}

CGC_PUBLIC void *calloc(size_t count, size_t size) {
  size_t bytes;
  if (cgc_unlikely(__builtin_mul_overflow(count, size, &bytes)))
    return no_memory();
  if (cgc_foreign_is_odd(CALLER))
    return alloc_odd(CGC_FAIL_CALLOC, bytes, true, CALLER);
  return cgc_alloc(bytes, CGC_KIND_SCAN, true);
}

/* ---- aligned ------------------------------------------------------------- */

/* glibc takes any alignment and rounds it up to a power of two. */
static void *alloc_aligned(size_t align, size_t size, uintptr_t caller) {
  bool odd = cgc_foreign_is_odd(caller);
  if (align <= CGC_RESERVE_ALIGN)
    return odd ? alloc_odd(CGC_FAIL_ALIGNED, size, false, caller)
               : cgc_alloc(size, CGC_KIND_SCAN, false);
  if (align > SIZE_MAX / 2 + 1) {
    errno = EINVAL;
    return NULL;
  }
  size_t power = (size_t)1 << (64 - __builtin_clzl(align - 1));
  if (size > PTRDIFF_MAX || power > PTRDIFF_MAX - size)
    return no_memory();
  if (odd && cgc_foreign_is_loader(caller))
    return cgc_alloc_aligned(power, size, CGC_KIND_PINNED, false);
  if (odd && cgc_leak.on)
    return alloc_noted(CGC_FAIL_ALIGNED, power, size);
  return cgc_alloc_aligned(power, size, CGC_KIND_SCAN, false);
}

CGC_PUBLIC void *memalign(size_t align, size_t size) {
  return alloc_aligned(align, size, CALLER);
}

CGC_PUBLIC void *aligned_alloc(size_t align, size_t size) {
  return alloc_aligned(align, size, CALLER);
}

CGC_PUBLIC int posix_memalign(void **result, size_t align, size_t size) {
  if (align % sizeof(void *) != 0 || !cgc_is_power_of_two(align))
    return EINVAL;
  void *ptr = alloc_aligned(align, size, CALLER);
  if (!ptr)
    return ENOMEM;
  *result = ptr;
  return 0;
}

CGC_PUBLIC void *valloc(size_t size) {
  return alloc_aligned(CGC_OS_PAGE, size, CALLER);
}

CGC_PUBLIC void *pvalloc(size_t size) {
  if (size > PTRDIFF_MAX - CGC_OS_PAGE)
    return no_memory();
  return alloc_aligned(CGC_OS_PAGE, cgc_round_up(size, CGC_OS_PAGE), CALLER);
}

/* ---- free, resize, ask --------------------------------------------------- */

static CGC_HOT void free_rest(void *ptr, uintptr_t caller) {
  if (!cgc_alloc_free_rest(ptr, FRAME))
    cgc_foreign_free(ptr, caller);
}

CGC_PUBLIC void free(void *ptr) {
  if (cgc_unlikely(!cgc_alloc_free_fast(&ptr)))
    free_rest(ptr, CALLER);
}

/* Blocks of the reserve are front/alloc's business, like those of the heap. */
static bool is_foreign(const void *ptr) {
  return cgc_unlikely(!cgc_arena_contains(&cgc_heap.arena, (uintptr_t)ptr)) &&
         !cgc_reserve_owns(ptr);
}

/* What a block no longer has of its slot leads nowhere, either. */
static CGC_HOT void *resize_noted(void *ptr, size_t size) {
  if (cgc_leak_fails(CGC_FAIL_REALLOC, FRAME))
    return NULL;
  void *to = cgc_alloc_resize(ptr, size, true);
  size_t usable = to ? cgc_alloc_usable(to) : 0;
  if (usable > size)
    memset((char *)to + size, 0, usable - size);
  cgc_leak_made(to, size, FRAME);
  return to;
}

CGC_PUBLIC void *realloc(void *ptr, size_t size) {
  if (!ptr) {
    if (cgc_foreign_is_odd(CALLER))
      return alloc_odd(CGC_FAIL_REALLOC, size, false, CALLER);
    return cgc_alloc(size, CGC_KIND_SCAN, false);
  }
  if (is_foreign(ptr))
    return cgc_foreign_realloc(ptr, size);
  if (size == 0) {
    cgc_alloc_free(ptr);
    return NULL;
  }
  if (cgc_unlikely(cgc_leak.on))
    return resize_noted(ptr, size);
  return cgc_alloc_resize(ptr, size, false);
}

CGC_PUBLIC void *reallocarray(void *ptr, size_t count, size_t size) {
  size_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes))
    return no_memory();
  return realloc(ptr, bytes);
}

CGC_PUBLIC size_t malloc_usable_size(void *ptr) {
  if (!ptr)
    return 0;
  if (is_foreign(ptr))
    return cgc_foreign_usable(ptr);
  return cgc_alloc_usable(ptr);
}

ALIAS(cfree, free)

/* C23: the sizes are promises of the caller that we don't need. */
CGC_PUBLIC void free_sized(void *ptr, size_t size) {
  (void)size;
  free(ptr);
}

CGC_PUBLIC void free_aligned_sized(void *ptr, size_t align, size_t size) {
  (void)align;
  (void)size;
  free(ptr);
}

ALIAS(__libc_malloc, malloc)
ALIAS(__libc_calloc, calloc)
ALIAS(__libc_realloc, realloc)
ALIAS(__libc_free, free)
ALIAS(__libc_memalign, memalign)
ALIAS(__libc_valloc, valloc)
ALIAS(__libc_pvalloc, pvalloc)

/* ---- tune and observe ---------------------------------------------------- */

CGC_PUBLIC int malloc_trim(size_t pad) {
  (void)pad; /* there is no top of the heap to keep */
  return GC_release_memory() > 0;
}

/* glibc knows 0 <= M_MXFAST <= 160 and accepts all else; none applies here. */
CGC_PUBLIC int mallopt(int parameter, int value) {
  return parameter != M_MXFAST || (value >= 0 && value <= 160);
}

static struct mallinfo2 take_info(void) {
  size_t total = cgc_arena_bytes(&cgc_heap.arena);
  size_t in_use = cgc_min(cgc_heap_in_use(&cgc_heap), total);
  return (struct mallinfo2){.arena = total,
                            .ordblks = 1,
                            .uordblks = in_use,
                            .fordblks = total - in_use,
                            .keepcost = total - in_use};
}

CGC_PUBLIC struct mallinfo2 mallinfo2(void) { return take_info(); }

/* Cut off at INT_MAX by wrapping, as in glibc. */
CGC_PUBLIC struct mallinfo mallinfo(void) {
  struct mallinfo2 m = take_info();
  return (struct mallinfo){.arena = (int)m.arena,
                           .ordblks = (int)m.ordblks,
                           .uordblks = (int)m.uordblks,
                           .fordblks = (int)m.fordblks,
                           .keepcost = (int)m.keepcost};
}

CGC_PUBLIC void malloc_stats(void) {
  struct mallinfo2 m = take_info();
  cgc_log_raw("Arena 0:\n"
              "system bytes     = %10zu\n"
              "in use bytes     = %10zu\n"
              "Total (incl. mmap):\n"
              "system bytes     = %10zu\n"
              "in use bytes     = %10zu\n"
              "max mmap regions = %10u\n"
              "max mmap bytes   = %10u\n",
              m.arena, m.uordblks, m.arena, m.uordblks, 0u, 0u);
}

CGC_PUBLIC int malloc_info(int options, FILE *file) {
  struct mallinfo2 m = take_info();
  if (options != 0)
    return EINVAL;
  fprintf(file,
          "<malloc version=\"1\">\n<heap nr=\"0\">\n<sizes>\n</sizes>\n"
          "<total type=\"rest\" count=\"%zu\" size=\"%zu\"/>\n"
          "<system type=\"current\" size=\"%zu\"/>\n</heap>\n"
          "<total type=\"rest\" count=\"%zu\" size=\"%zu\"/>\n"
          "<system type=\"current\" size=\"%zu\"/>\n</malloc>\n",
          m.ordblks, m.fordblks, m.arena, m.ordblks, m.fordblks, m.arena);
  return 0;
}
