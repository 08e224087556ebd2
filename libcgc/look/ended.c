/* SPDX-License-Identifier: MIT */
#include "look/ended.h"

#include "os/mapping.h"
#include "os/page.h"
#include "os/thread.h"
#include "world/mutator.h"

enum { CONTROL_ALIGN = 64 };

/* What glibc's thread control block begins with. */
struct control {
  const struct control *own;
  void *dtv;
  const struct control *self;
};

/* World stopped; kept from one time to the next. */
static struct cgc_mappings mappings;

struct threads {
  uintptr_t pointer; /* looked for */
  bool found;
  bool blind; /* there is one that nothing is known of */
};

static void look_at_thread(struct cgc_mutator *m, void *ctx) {
  struct threads *t = ctx;
  t->found |= m->fs_base == t->pointer;
  t->blind |= m->blind || m->fs_base == 0;
}

static bool has_thread(uintptr_t pointer) {
  struct threads t = {.pointer = pointer};
  cgc_mutator_each_thread(look_at_thread, &t);
  return t.found || t.blind;
}

CGC_SCANS_MEMORY
static void look_for_control(uintptr_t lo, uintptr_t hi, void *found) {
  for (uintptr_t at = lo; at < hi; at += CONTROL_ALIGN) {
    const struct control *c = (const struct control *)at;
    if (c->own == c && c->self == c)
      *(uintptr_t *)found = at;
  }
}

/* The control block in the last page of M, if that is there; or 0. */
static uintptr_t control_in(const struct cgc_mapping *m) {
  struct cgc_residency pages;
  uintptr_t found = 0;
  cgc_mapping_resident_begin(&pages, CGC_MAPPING_WAY_SCAN);
  cgc_mapping_resident(&pages, m->hi - CGC_OS_PAGE, m->hi, CGC_MAPPING_PRESENT,
                       look_for_control, &found);
  cgc_mapping_resident_end(&pages);
  return found;
}

static bool is_ended(const struct cgc_mapping *m) {
  const struct cgc_mapping *below = cgc_mapping_below(&mappings, m);
  if (m->kind != CGC_MAPPING_ANON || m->shared ||
      !(m->prot & CGC_MAPPING_WRITE) || !(m->prot & CGC_MAPPING_READ) ||
      !below || below->prot != 0 || m->hi - m->lo < 2 * CGC_OS_PAGE)
    return false;
  uintptr_t own_lo, own_hi;
  if (cgc_page_is_own(m->lo, m->hi, &own_lo, &own_hi))
    return false;
  uintptr_t control = control_in(m);
  return control && !has_thread(control);
}

static bool main_has_ended(void) {
  struct cgc_thread_status status;
  return cgc_thread_look(cgc_thread_pid(), &status) == 0 && status.state == 'Z';
}

bool cgc_ended_stacks(struct cgc_range_set *dead, uintptr_t main_hi) {
  if (cgc_mapping_read(&mappings) != 0)
    return true; /* then they count as roots */
  for (size_t i = 0; i < mappings.n; i++) {
    const struct cgc_mapping *m = &mappings.all[i];
    if (is_ended(m) && !cgc_range_set_add(dead, m->lo, m->hi))
      return false;
    if (m->kind == CGC_MAPPING_STACK && m->lo < main_hi && main_hi <= m->hi &&
        main_has_ended() && !cgc_range_set_add(dead, m->lo, main_hi))
      return false;
  }
  return true;
}
