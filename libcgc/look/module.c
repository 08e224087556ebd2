/* SPDX-License-Identifier: MIT */
#include "look/module.h"

#include "heap/meta.h"
#include "os/page.h"
#include "os/thread.h"
#include "world/mutator.h"

#include <limits.h>
#include <link.h>
#include <string.h>
#include <sys/syscall.h>

/* The ELF header of the file that this is in; the linker defines it. */
extern const ElfW(Ehdr) own_header __asm__("__ehdr_start")
    __attribute__((visibility("hidden")));

struct cgc_module_own cgc_module_own;

/* all: stored by whoever holds the loader's lock, n released after that. */
static struct {
  struct cgc_module **all;
  _Atomic unsigned n;
} modules;

const void *const cgc_module_view[2] = {&modules.all, &modules.n};

static void find_own(void) {
  uintptr_t lo = (uintptr_t)&own_header;
  const ElfW(Phdr) *p = (const ElfW(Phdr) *)(lo + own_header.e_phoff);
  uintptr_t bias = lo, text_hi = 0, hi = 0;
  for (size_t i = 0; i < own_header.e_phnum; i++)
    if (p[i].p_type == PT_LOAD) {
      if (p[i].p_offset == 0)
        bias = lo - p[i].p_vaddr;
      hi = p[i].p_vaddr + p[i].p_memsz;
      if (p[i].p_flags & PF_X)
        text_hi = hi;
    }
  cgc_module_own = (struct cgc_module_own){lo, bias + text_hi, bias + hi};
}

bool cgc_module_init(void) {
  find_own();
  modules.all = cgc_page_map((CGC_MODULE_MAX + 1) * sizeof *modules.all);
  return modules.all != NULL;
}

unsigned cgc_module_count(void) {
  return atomic_load_explicit(&modules.n, memory_order_acquire);
}

const struct cgc_module *cgc_module_get(unsigned number) {
  return modules.all[number];
}

static bool is_gone(const struct cgc_module *m) {
  return atomic_load_explicit(&m->gone, memory_order_relaxed);
}

unsigned cgc_module_find(uintptr_t addr) {
  for (unsigned i = 1; i <= cgc_module_count(); i++) {
    const struct cgc_module *m = modules.all[i];
    if (addr - m->lo < m->hi - m->lo && !is_gone(m))
      return i;
  }
  return 0;
}

/* ---- What the loader says ------------------------------------------------ */

struct look {
  bool *seen; /* of each number that was known before */
  unsigned before;
};

static void take_note(struct cgc_module *m, const char *note, size_t bytes) {
  while (bytes >= sizeof(ElfW(Nhdr))) {
    const ElfW(Nhdr) *head = (const ElfW(Nhdr) *)(const void *)note;
    size_t name = cgc_round_up(head->n_namesz, 4);
    size_t desc = cgc_round_up(head->n_descsz, 4);
    const char *text = note + sizeof *head;
    if (sizeof *head + name + desc > bytes)
      return;
    if (head->n_type == NT_GNU_BUILD_ID && head->n_namesz == 4 &&
        memcmp(text, "GNU", 4) == 0 && head->n_descsz <= CGC_MODULE_ID_MAX) {
      memcpy(m->id, text + name, head->n_descsz);
      m->id_bytes = (uint8_t)head->n_descsz;
    }
    note = text + name + desc;
    bytes -= sizeof *head + name + desc;
  }
}

static struct cgc_module describe(const struct dl_phdr_info *info) {
  struct cgc_module m = {.lo = UINTPTR_MAX, .bias = info->dlpi_addr};
  for (size_t i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *p = &info->dlpi_phdr[i];
    uintptr_t at = info->dlpi_addr + p->p_vaddr;
    if (p->p_type == PT_LOAD) {
      m.lo = cgc_min(m.lo, at);
      m.hi = cgc_max(m.hi, at + p->p_memsz);
    } else if (p->p_type == PT_NOTE) {
      take_note(&m, (const char *)at, p->p_memsz);
    }
  }
  return m;
}

/* The program's own entry has no name. */
static const char *keep_path(const char *name) {
  char path[PATH_MAX];
  long n = (long)strlen(name);
  if (n == 0) {
    n = cgc_thread_syscall(SYS_readlink, (long)"/proc/self/exe", (long)path,
                           sizeof path, 0, 0, 0);
    name = path;
  }
  char *kept = n > 0 ? cgc_meta_alloc((size_t)n + 1) : NULL;
  return kept ? memcpy(kept, name, (size_t)n) : "?";
}

static unsigned add(const struct cgc_module *m, const char *name) {
  struct cgc_mutator *self = cgc_self;
  unsigned number = cgc_module_count() + 1;
  struct cgc_module *kept = NULL;
  if (number > CGC_MODULE_MAX || !self || !cgc_mutator_enter(self))
    return 0;
  kept = cgc_meta_alloc(sizeof *kept);
  if (kept) {
    *kept = *m;
    kept->path = keep_path(name);
    modules.all[number] = kept;
    atomic_store_explicit(&modules.n, number, memory_order_release);
  }
  cgc_mutator_leave(self);
  return kept ? number : 0;
}

/* The same file at the same place: the one that was there before. */
static bool is_same(const struct cgc_module *a, const struct cgc_module *b) {
  return a->lo == b->lo && a->hi == b->hi && a->bias == b->bias &&
         a->id_bytes == b->id_bytes && memcmp(a->id, b->id, a->id_bytes) == 0;
}

static int see(struct dl_phdr_info *info, size_t size, void *ctx) {
  struct look *look = ctx;
  struct cgc_module m = describe(info);
  unsigned number = m.lo < m.hi ? cgc_module_find(m.lo) : 0;
  (void)size;
  if (m.lo >= m.hi)
    return 0;
  if (!number || !is_same(cgc_module_get(number), &m)) {
    if (number) /* it stands where another one stood */
      atomic_store_explicit(&modules.all[number]->gone, true,
                            memory_order_relaxed);
    number = add(&m, info->dlpi_name);
  }
  if (number <= look->before)
    look->seen[number] = true;
  return 0;
}

void cgc_module_look(void (*gone)(unsigned module)) {
  unsigned before = cgc_module_count();
  bool seen[before + 1];
  bool was_gone[before + 1];
  memset(seen, 0, sizeof seen);
  for (unsigned i = 1; i <= before; i++)
    was_gone[i] = is_gone(modules.all[i]);
  struct look look = {seen, before};
  dl_iterate_phdr(see, &look);
  for (unsigned i = 1; i <= before; i++)
    if (!seen[i] && !was_gone[i]) {
      atomic_store_explicit(&modules.all[i]->gone, true, memory_order_relaxed);
      if (gone)
        gone(i);
    }
}

unsigned cgc_module_find_or_look(uintptr_t addr) {
  unsigned number = cgc_module_find(addr);
  if (number == 0 && modules.all) {
    cgc_module_look(NULL);
    number = cgc_module_find(addr);
  }
  return number;
}

void cgc_module_check(void) {
  for (unsigned i = 1; i <= cgc_module_count(); i++)
    for (unsigned j = 1; j < i; j++) {
      const struct cgc_module *a = modules.all[i], *b = modules.all[j];
      cgc_check(is_gone(a) || is_gone(b) || a->hi <= b->lo || b->hi <= a->lo);
    }
}
