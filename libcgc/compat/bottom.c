/* SPDX-License-Identifier: MIT */
#define GC_THREADS
#define GC_NO_THREAD_REDIRECTS
#include "compat/bottom.h"

#include "front/init.h"
#include "world/mutator.h"

#include <unistd.h>

/* The process's first stack pointer; ld.so's. */
extern void *__libc_stack_end;

/* What GC_stackbottom was set to here: nothing that the program knows. */
static char *found_bottom;

void cgc_bottom_init(void) {
  found_bottom = __libc_stack_end;
  if (!GC_stackbottom)
    GC_stackbottom = found_bottom;
}

static void tell(struct cgc_mutator *m, void *ctx) {
  char *bottom = ctx;
  if (m->tid == getpid())
    cgc_mutator_set_stack(m, 0, (uintptr_t)bottom);
}

/* The end that was found tells less than the mapping of the stack. */
void cgc_bottom_take_over(void) {
  char *bottom = GC_stackbottom;
  cgc_mutator_each(tell, bottom == found_bottom ? NULL : bottom);
}

static bool is_main(const struct cgc_mutator *m) { return m->tid == getpid(); }

void *GC_get_my_stackbottom(struct GC_stack_base *base) {
  struct cgc_mutator *self = cgc_init_thread();
  if (!self)
    return NULL;
  if (is_main(self))
    base->mem_base = GC_stackbottom;
  else if (self->stack_hi)
    base->mem_base = (void *)self->stack_hi;
  else
    GC_get_stack_base(base);
  return self;
}

void GC_set_stackbottom(void *handle, const struct GC_stack_base *base) {
  struct cgc_mutator *m = handle ? handle : cgc_self;
  if (!m || is_main(m))
    GC_stackbottom = base->mem_base;
  else
    cgc_mutator_set_stack(m, 0, (uintptr_t)base->mem_base);
}

void *GC_call_with_stack_base(GC_stack_base_func fn, void *data) {
  struct GC_stack_base base = {__builtin_frame_address(0)};
  void *result = fn(&base, data);
  /* Not a tail call: the frame is here while FN runs. */
  __asm__ volatile("" : : "r"(&base) : "memory");
  return result;
}

/* Threads are stopped wherever they are: nothing has to be told. */
void *GC_do_blocking(GC_fn_type fn, void *data) { return fn(data); }

void *GC_call_with_gc_active(GC_fn_type fn, void *data) { return fn(data); }

/* The mapping of a signal stack is scanned from its stack pointer on, and the
   stack below the handler too. */
void GC_register_altstack(void *stack, GC_word stack_bytes, void *altstack,
                          GC_word altstack_bytes) {
  (void)stack;
  (void)stack_bytes;
  (void)altstack;
  (void)altstack_bytes;
}
