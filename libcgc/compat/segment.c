/* SPDX-License-Identifier: MIT */
#include "compat/segment.h"

#include "cycle/cycle.h"
#include "front/common.h"
#include "front/init.h"
#include "world/mutator.h"
#include "world/range.h"

#include <link.h>

static _Atomic(GC_has_static_roots_func) wants;
static struct cgc_range_set excluded; /* by the program; guard: the guard */

void GC_register_has_static_roots_callback(GC_has_static_roots_func fn) {
  atomic_store_explicit(&wants, fn, memory_order_release);
}

/* ---- the program's ranges ------------------------------------------------ */

void GC_exclude_static_roots(void *low, void *high) {
  if (low >= high || !cgc_guard_take())
    return;
  cgc_range_set_add(&excluded, (uintptr_t)low, (uintptr_t)high);
  cgc_range_exclude((uintptr_t)low, (uintptr_t)high);
  cgc_guard_give();
}

void GC_clear_exclusion_table(void) {
  if (!cgc_guard_take())
    return;
  cgc_range_set_clear(&excluded);
  cgc_range_exclude_none();
  cgc_guard_give();
}

/* ---- asking -------------------------------------------------------------- */

enum { REFUSED_MAX = 4096 };

struct refused {
  size_t n;
  struct cgc_range all[REFUSED_MAX];
};

static void ask(struct refused *refused, const char *name,
                const struct cgc_range *segment) {
  GC_has_static_roots_func fn = atomic_load(&wants);
  bool wanted = fn(name, (void *)segment->lo, segment->hi - segment->lo);
  if (!wanted && refused->n < REFUSED_MAX)
    refused->all[refused->n++] = *segment;
}

static int ask_object(struct dl_phdr_info *info, size_t size, void *ctx) {
  (void)size;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *p = &info->dlpi_phdr[i];
    uintptr_t lo = info->dlpi_addr + p->p_vaddr;
    if (p->p_type == PT_LOAD && (p->p_flags & PF_W))
      ask(ctx, info->dlpi_name, &(struct cgc_range){lo, lo + p->p_memsz});
  }
  return 0;
}

static void exclude(uintptr_t lo, uintptr_t hi) {
  if (lo < hi)
    cgc_range_exclude(lo, hi);
}

static void exclude_all(const struct refused *refused) {
  if (!cgc_guard_take())
    return;
  cgc_range_exclude_none();
  for (size_t i = 0; i < excluded.n; i++)
    exclude(excluded.all[i].lo, excluded.all[i].hi);
  for (size_t i = 0; i < refused->n; i++)
    exclude(refused->all[i].lo, refused->all[i].hi);
  cgc_guard_give();
}

void cgc_segment_take_over(void) {
  static struct refused refused; /* guard: whoever collects; see below */
  static _Atomic bool asking;
  cgc_cycle_set_scope(GC_no_dls ? CGC_ROOTS_NAMED : CGC_ROOTS_DATA);
  if (!atomic_load_explicit(&wants, memory_order_relaxed) ||
      atomic_exchange(&asking, true))
    return;
  refused.n = 0;
  dl_iterate_phdr(ask_object, &refused);
  exclude_all(&refused);
  atomic_store(&asking, false);
}
