/* SPDX-License-Identifier: MIT */
#include "far.h"

#include <time.h>

int far_five = 5;
void *far_kept;

int far_is_true(void) { return far_five == 5; }
int far_coin(void) { return (int)(time(NULL) & 1); }
void *far_hide(void *ptr) { return ptr; }

void far_call(void (*fn)(void *), void *ptr) { fn(ptr); }

void far_call_deep(void (*fn)(void *), void *ptr, int depth) {
  if (depth > 0)
    far_call_deep(fn, ptr, depth - 1);
  else
    fn(ptr);
  far_is_true();
}

void far_call_at(void (*fn)(void **), void **at) { fn(at); }
void far_call_in(void (*fn)(struct far_box), struct far_box box) { fn(box); }
void *far_result(void *(*fn)(void)) { return fn(); }
