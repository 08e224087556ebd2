/* SPDX-License-Identifier: MIT */
#include "compat/pointer.h"

#include "base/option.h"
#include "compat/message.h"
#include "heap/heap.h"
#include "mark/displacement.h"

#include <stdio.h>

/* ---- interior pointers ----------------------------------------------------
 */

void cgc_pointer_init(void) {
  cgc_displacement_set_all(GC_all_interior_pointers != 0);
  cgc_options.past_end = cgc_options.past_end && GC_all_interior_pointers;
}

void GC_set_all_interior_pointers(int value) {
  GC_all_interior_pointers = value != 0;
  cgc_displacement_set_all(value != 0);
}

void GC_register_displacement(size_t offset) { cgc_displacement_allow(offset); }

/* ---- checks ----------------------------------------------------------------
 */

static void fail(const char *what, const void *p, const void *q) {
  char text[128];
  snprintf(text, sizeof text, what, p, q);
  cgc_message_abort(text);
}

static void GC_CALLBACK other_object(void *p, void *q) {
  fail("GC_same_obj: %p and %p are not in one object", p, q);
}

static void GC_CALLBACK wrong_place(void *p) {
  fail("GC_is_valid_displacement: %p is no pointer that counts", p, NULL);
}

static void GC_CALLBACK unseen_place(void *p) {
  fail("GC_is_visible: a pointer at %p is not seen", p, NULL);
}

void(GC_CALLBACK *GC_same_obj_print_proc)(void *, void *) = other_object;
void(GC_CALLBACK *GC_is_valid_displacement_print_proc)(void *) = wrong_place;
void(GC_CALLBACK *GC_is_visible_print_proc)(void *) = unseen_place;

static bool find(const void *p, struct cgc_object *obj) {
  return cgc_arena_find(&cgc_heap.arena, (uintptr_t)p, obj) &&
         cgc_object_is_live(obj);
}

void *GC_same_obj(void *p, void *q) {
  struct cgc_object a, b;
  bool in_a = find(p, &a), in_b = find(q, &b);
  if (in_a != in_b || (in_a && a.addr != b.addr))
    GC_same_obj_print_proc(p, q);
  return p;
}

void *GC_is_valid_displacement(void *p) {
  struct cgc_object obj;
  if (find(p, &obj) && !cgc_displacement_counts((uintptr_t)p - obj.addr))
    GC_is_valid_displacement_print_proc(p);
  return p;
}

/* Stacks, data and memory of malloc cannot be told apart without a look at
   all mappings: what is no object without pointers passes. */
void *GC_is_visible(void *p) {
  struct cgc_object obj;
  bool hidden = (uintptr_t)p % sizeof(void *) != 0 ||
                (find(p, &obj) && cgc_kind_is_noscan(obj.span->kind));
  if (hidden)
    GC_is_visible_print_proc(p);
  return p;
}

void *GC_pre_incr(void **p, ptrdiff_t bytes) {
  void *old = *p;
  *p = GC_same_obj((char *)old + bytes, old);
  return *p;
}

void *GC_post_incr(void **p, ptrdiff_t bytes) {
  void *old = *p;
  GC_pre_incr(p, bytes);
  return old;
}
