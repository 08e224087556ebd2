/* SPDX-License-Identifier: MIT */
/*
 * t/prog/leaks/far.h - the other file: what a compiler of flows.h can't see
 * through.
 */
#ifndef FAR_H
#define FAR_H

#ifdef __cplusplus
extern "C" {
#endif

struct far_box {
  int before;
  void *ptr;
};

extern int far_five;
extern void *far_kept;

int far_is_true(void);
int far_coin(void);

/** The compiler may not know what becomes of PTR. */
void *far_hide(void *ptr);

void far_call(void (*fn)(void *), void *ptr);
void far_call_deep(void (*fn)(void *), void *ptr, int depth);
void far_call_at(void (*fn)(void **), void **at);
void far_call_in(void (*fn)(struct far_box), struct far_box box);
void *far_result(void *(*fn)(void));

#ifdef __cplusplus
}
#endif

#endif
