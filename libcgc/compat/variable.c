/* SPDX-License-Identifier: MIT */
#include "compat/variable.h"

/* ---- variables --------------------------------------------------------- */

int GC_all_interior_pointers = 1;
int GC_dont_expand;
int GC_dont_gc;
int GC_dont_precollect;
int GC_finalize_on_demand;
int GC_find_leak;
int GC_full_freq = 19;
int GC_java_finalization = 1;
int GC_no_dls;
int GC_parallel;
int GC_use_entire_heap;
GC_word GC_free_space_divisor = 3;
GC_word GC_gc_no;
GC_word GC_max_retries;
GC_word GC_non_gc_bytes;
unsigned long GC_time_limit = GC_TIME_UNLIMITED;
char *GC_stackbottom;
GC_finalizer_notifier_proc GC_finalizer_notifier;
GC_on_heap_resize_proc GC_on_heap_resize;
void *GC_least_plausible_heap_addr = (void *)~(GC_word)0;
void *GC_greatest_plausible_heap_addr;

static void *GC_CALLBACK no_memory(size_t bytes) {
  (void)bytes;
  return NULL;
}
GC_oom_func GC_oom_fn = no_memory;

/*
 * Parts of bdwgc's inside that its library exports by accident.  A program
 * that was linked with one of them finds an object of its size.
 */
GC_API char GC_arrays[182768];
GC_API void *GC_objfreelist_ptr, *GC_aobjfreelist_ptr;
GC_API void *GC_uobjfreelist_ptr, *GC_auobjfreelist_ptr;
char GC_arrays[182768] CGC_ALIGNED(32);
void *GC_objfreelist_ptr, *GC_aobjfreelist_ptr;
void *GC_uobjfreelist_ptr, *GC_auobjfreelist_ptr;

/* ---- getters and setters ----------------------------------------------- */

int GC_get_parallel(void) { return GC_parallel; }

void GC_set_oom_fn(GC_oom_func fn) { GC_oom_fn = fn; }
GC_oom_func GC_get_oom_fn(void) { return GC_oom_fn; }

void GC_set_on_heap_resize(GC_on_heap_resize_proc fn) {
  GC_on_heap_resize = fn;
}
GC_on_heap_resize_proc GC_get_on_heap_resize(void) { return GC_on_heap_resize; }

void GC_set_find_leak(int value) { GC_find_leak = value; }
int GC_get_find_leak(void) { return GC_find_leak; }

int GC_get_all_interior_pointers(void) { return GC_all_interior_pointers; }

void GC_set_java_finalization(int value) { GC_java_finalization = value; }
int GC_get_java_finalization(void) { return GC_java_finalization; }

void GC_set_full_freq(int value) { GC_full_freq = value; }
int GC_get_full_freq(void) { return GC_full_freq; }

void GC_set_non_gc_bytes(GC_word value) { GC_non_gc_bytes = value; }
GC_word GC_get_non_gc_bytes(void) { return GC_non_gc_bytes; }

void GC_set_no_dls(int value) { GC_no_dls = value; }
int GC_get_no_dls(void) { return GC_no_dls; }

void GC_set_max_retries(GC_word value) { GC_max_retries = value; }
GC_word GC_get_max_retries(void) { return GC_max_retries; }

void GC_set_dont_precollect(int value) { GC_dont_precollect = value; }
int GC_get_dont_precollect(void) { return GC_dont_precollect; }
