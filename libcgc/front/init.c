/* SPDX-License-Identifier: MIT */
#include "front/init.h"

#include "base/lock.h"
#include "base/log.h"
#include "base/option.h"
#include "cycle/cycle.h"
#include "cycle/invoke.h"
#include "front/fork.h"
#include "heap/meta.h"
#include "look/layout.h"
#include "look/trace.h"
#include "mark/disclaim.h"
#include "mark/final.h"
#include "mark/link.h"
#include "mark/toggle.h"
#include "os/page.h"
#include "os/thread.h"
#include "os/unwind.h"
#include "world/kernel.h"
#include "world/mutator.h"
#include "world/range.h"

#include <errno.h>
#include <sys/auxv.h>
#include <unistd.h>

/* The process's first stack pointer, at argc; ld.so's, set before all else. */
extern void *__libc_stack_end;

static struct cgc_lock lock = CGC_LOCK_INIT(CGC_RANK_INIT);
static _Atomic pid_t initializing; /* the thread that is in make_heap */
static _Atomic bool ready;

static char **first_environment(void) {
  uintptr_t *argc = __libc_stack_end;
  return (char **)(argc + 1 + *argc + 1);
}

/* Not that of who runs us with somebody else's rights. */
static char **trusted_environment(void) {
  if (getauxval(AT_SECURE))
    return NULL;
  return environ ? environ : first_environment();
}

static void read_options(char **env) {
  cgc_options.packed = cgc_options.relative = cgc_options.biased =
      cgc_role.serves_malloc;
  cgc_option_read(env);
}

static bool make_heap(void) {
  char **env = trusted_environment();
  read_options(env);
  if (cgc_role.prepare)
    cgc_role.prepare();
  cgc_page_init();
  cgc_meta_init();
  cgc_sizeclass_init();
  if (!cgc_heap_init(&cgc_heap, (size_t)cgc_options.reserve,
                     (size_t)cgc_options.retain) ||
      !cgc_page_adopt(&cgc_heap, sizeof cgc_heap))
    return false;
  cgc_lock_register(&cgc_heap.pageheap.lock);
  cgc_mutator_init();
  cgc_range_init();
  cgc_kernel_init();
  cgc_link_init();
  cgc_final_init();
  cgc_toggle_init();
  cgc_disclaim_init();
  cgc_cycle_init(cgc_role.serves_malloc && cgc_options.mappings
                     ? CGC_ROOTS_ALL_MAPPINGS
                     : CGC_ROOTS_DATA);
  cgc_trace_init();
  cgc_layout_init(cgc_role.serves_malloc);
  cgc_fatal_hook = cgc_unwind_print;
  cgc_fork_init();
  if (cgc_role.started && env)
    cgc_role.started(env);
  return true;
}

static void make_heap_once(void) {
  cgc_lock(&lock);
  if (!atomic_load_explicit(&ready, memory_order_relaxed)) {
    atomic_store_explicit(&initializing, cgc_thread_tid(),
                          memory_order_relaxed);
    if (make_heap())
      /* pairs with the acquire in cgc_init_thread */
      atomic_store_explicit(&ready, true, memory_order_release);
    atomic_store_explicit(&initializing, 0, memory_order_relaxed);
  }
  cgc_unlock(&lock);
}

struct cgc_mutator *cgc_init_thread(void) {
  struct cgc_mutator *self = NULL;
  int saved = errno;
  /* pairs with the release in make_heap_once */
  if (!atomic_load_explicit(&ready, memory_order_acquire) &&
      atomic_load_explicit(&initializing, memory_order_relaxed) !=
          cgc_thread_tid())
    make_heap_once();
  if (atomic_load_explicit(&ready, memory_order_acquire))
    self = cgc_self ? cgc_self : cgc_mutator_register();
  errno = saved;
  return self;
}

bool cgc_init_is_ready(void) {
  return atomic_load_explicit(&ready, memory_order_acquire);
}

struct cgc_mutator *cgc_init_enter(void) {
  struct cgc_mutator *self = cgc_init_thread();
  return self && cgc_mutator_enter(self) ? self : NULL;
}
