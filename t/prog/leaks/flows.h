/* SPDX-License-Identifier: MIT */
/*
 * t/prog/leaks/flows.h - ways for a pointer to go from where a block is made to
 * where it is freed, or is not.
 *
 * FLOWS(name, type, source, sink) defines a function name_FLOW for each: it has
 * a variable of TYPE, does source(variable) and, at the other end, does
 * sink(variable).  What all of them do is told by source and sink alone, but in
 * `global' and `far_global': there the pointer is left in a variable for good.
 *
 * The flows are those of control (conditions, loops, jumps), of data (copies,
 * unions, arrays, structs, pointers to pointers) and of calls (into another
 * file, through pointers, threads, recursion), after the list of NIST's Juliet
 * suite; the code is not.
 */
#ifndef FLOWS_H
#define FLOWS_H

#include "far.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdlib.h>

#define NOINLINE __attribute__((noinline))

static const int const_five = 5;
static volatile int static_five = 5;
static int NOINLINE is_true(void) { return static_five == 5; }

/* ---- Control ------------------------------------------------------------- */

#define IF_FLOW(N, T, SRC, SINK, FLOW, CONDITION)                              \
  static NOINLINE void N##_##FLOW(void) {                                      \
    T d = NULL;                                                                \
    if (CONDITION)                                                             \
      SRC(d);                                                                  \
    if (CONDITION)                                                             \
      SINK(d);                                                                 \
  }

#define CONTROL_FLOWS(N, T, SRC, SINK)                                         \
  static NOINLINE void N##_direct(void) {                                      \
    T d;                                                                       \
    SRC(d);                                                                    \
    SINK(d);                                                                   \
  }                                                                            \
  IF_FLOW(N, T, SRC, SINK, if_one, 1)                                          \
  IF_FLOW(N, T, SRC, SINK, if_const, const_five == 5)                          \
  IF_FLOW(N, T, SRC, SINK, if_static, static_five == 5)                        \
  IF_FLOW(N, T, SRC, SINK, if_function, is_true())                             \
  IF_FLOW(N, T, SRC, SINK, if_global, far_five == 5)                           \
  IF_FLOW(N, T, SRC, SINK, if_far_function, far_is_true())                     \
  static NOINLINE void N##_either(void) {                                      \
    T d;                                                                       \
    if (far_coin()) {                                                          \
      SRC(d);                                                                  \
    } else {                                                                   \
      SRC(d);                                                                  \
    }                                                                          \
    SINK(d);                                                                   \
  }                                                                            \
  static NOINLINE void N##_switch(void) {                                      \
    T d = NULL;                                                                \
    switch (static_five) {                                                     \
    case 5:                                                                    \
      SRC(d);                                                                  \
      break;                                                                   \
    default:                                                                   \
      far_is_true();                                                           \
    }                                                                          \
    SINK(d);                                                                   \
  }                                                                            \
  static NOINLINE void N##_while(void) {                                       \
    T d;                                                                       \
    while (1) {                                                                \
      SRC(d);                                                                  \
      break;                                                                   \
    }                                                                          \
    SINK(d);                                                                   \
  }                                                                            \
  static NOINLINE void N##_for(void) {                                         \
    T d = NULL;                                                                \
    for (int i = 0; i < static_five; i += 5)                                   \
      SRC(d);                                                                  \
    SINK(d);                                                                   \
  }                                                                            \
  static NOINLINE void N##_goto(void) {                                        \
    T d;                                                                       \
    goto source;                                                               \
  sink:                                                                        \
    SINK(d);                                                                   \
    return;                                                                    \
  source:                                                                      \
    SRC(d);                                                                    \
    goto sink;                                                                 \
  }                                                                            \
  static NOINLINE void N##_longjmp(void) {                                     \
    T volatile d = NULL;                                                       \
    jmp_buf back;                                                              \
    if (setjmp(back) == 0) {                                                   \
      SRC(d);                                                                  \
      longjmp(back, 1);                                                        \
    }                                                                          \
    SINK(d);                                                                   \
  }                                                                            \
  static volatile int N##_flag;                                                \
  static NOINLINE T N##_source_if_flag(void) {                                 \
    T d = NULL;                                                                \
    if (N##_flag)                                                              \
      SRC(d);                                                                  \
    return d;                                                                  \
  }                                                                            \
  static NOINLINE void N##_flag_in_a_global(void) {                            \
    N##_flag = 1;                                                              \
    T d = N##_source_if_flag();                                                \
    SINK(d);                                                                   \
  }

/* ---- Data ---------------------------------------------------------------- */

#define DATA_FLOWS(N, T, SRC, SINK)                                            \
  static NOINLINE void N##_copy(void) {                                        \
    T d;                                                                       \
    SRC(d);                                                                    \
    T copy = d;                                                                \
    SINK(copy);                                                                \
  }                                                                            \
  static NOINLINE void N##_pointer_to_it(void) {                               \
    T d = NULL;                                                                \
    T *a = &d;                                                                 \
    T *b = &d;                                                                 \
    {                                                                          \
      T inner = *a;                                                            \
      SRC(inner);                                                              \
      *a = inner;                                                              \
    }                                                                          \
    SINK(*b);                                                                  \
  }                                                                            \
  static NOINLINE void N##_union(void) {                                       \
    union {                                                                    \
      T a;                                                                     \
      T b;                                                                     \
    } u;                                                                       \
    SRC(u.a);                                                                  \
    SINK(u.b);                                                                 \
  }                                                                            \
  static NOINLINE void N##_array(void) {                                       \
    T d[5];                                                                    \
    SRC(d[2]);                                                                 \
    SINK(d[2]);                                                                \
  }                                                                            \
  static NOINLINE void N##_struct(void) {                                      \
    struct {                                                                   \
      int before;                                                              \
      T d;                                                                     \
    } s;                                                                       \
    SRC(s.d);                                                                  \
    SINK(s.d);                                                                 \
  }                                                                            \
  static T volatile N##_kept;                                                  \
  static NOINLINE void N##_global(void) {                                      \
    T d;                                                                       \
    SRC(d);                                                                    \
    N##_kept = d;                                                              \
    far_call(N##_from_global, NULL);                                           \
  }                                                                            \
  static NOINLINE void N##_far_global(void) {                                  \
    T d;                                                                       \
    SRC(d);                                                                    \
    far_kept = (void *)d;                                                      \
    far_call(N##_from_far, NULL);                                              \
  }                                                                            \
  static NOINLINE void N##_from_global(void *unused) {                         \
    T d = N##_kept;                                                            \
    (void)unused;                                                              \
    SINK(d);                                                                   \
  }                                                                            \
  static NOINLINE void N##_from_far(void *unused) {                            \
    T d = (T)far_kept;                                                         \
    (void)unused;                                                              \
    SINK(d);                                                                   \
  }

/* ---- Calls --------------------------------------------------------------- */

#define CALL_FLOWS(N, T, SRC, SINK)                                            \
  static NOINLINE void N##_sink(void *ptr) {                                   \
    T d = (T)ptr;                                                              \
    SINK(d);                                                                   \
  }                                                                            \
  static NOINLINE void N##_sink_at(void **at) { N##_sink(*at); }               \
  static NOINLINE void N##_sink_in(struct far_box box) { N##_sink(box.ptr); }  \
  static NOINLINE void *N##_source(void) {                                     \
    T d;                                                                       \
    SRC(d);                                                                    \
    return (void *)d;                                                          \
  }                                                                            \
  static NOINLINE void *N##_source_as(void *unused) {                          \
    (void)unused;                                                              \
    return N##_source();                                                       \
  }                                                                            \
  static NOINLINE void N##_argument(void) {                                    \
    T d;                                                                       \
    SRC(d);                                                                    \
    N##_sink((void *)d);                                                       \
  }                                                                            \
  static NOINLINE void N##_result(void) {                                      \
    T d = (T)N##_source();                                                     \
    SINK(d);                                                                   \
  }                                                                            \
  static NOINLINE void N##_pointer(void) {                                     \
    void (*volatile fn)(void *) = N##_sink;                                    \
    T d;                                                                       \
    SRC(d);                                                                    \
    fn((void *)d);                                                             \
  }                                                                            \
  static NOINLINE void N##_far_argument(void) {                                \
    T d;                                                                       \
    SRC(d);                                                                    \
    far_call(N##_sink, (void *)d);                                             \
  }                                                                            \
  static NOINLINE void N##_far_deep(void) {                                    \
    T d;                                                                       \
    SRC(d);                                                                    \
    far_call_deep(N##_sink, (void *)d, 5);                                     \
  }                                                                            \
  static NOINLINE void N##_far_result(void) {                                  \
    T d = (T)far_result(N##_source);                                           \
    SINK(d);                                                                   \
  }                                                                            \
  static NOINLINE void N##_far_pointer_to_it(void) {                           \
    T d;                                                                       \
    SRC(d);                                                                    \
    void *at = (void *)d;                                                      \
    far_call_at(N##_sink_at, &at);                                             \
  }                                                                            \
  static NOINLINE void N##_far_array(void) {                                   \
    void *all[5] = {NULL, NULL, NULL, NULL, NULL};                             \
    T d;                                                                       \
    SRC(d);                                                                    \
    all[2] = (void *)d;                                                        \
    far_call_at(N##_sink_at, all + 2);                                         \
  }                                                                            \
  static NOINLINE void N##_far_struct(void) {                                  \
    struct far_box box = {1, NULL};                                            \
    T d;                                                                       \
    SRC(d);                                                                    \
    box.ptr = (void *)d;                                                       \
    far_call_in(N##_sink_in, box);                                             \
  }                                                                            \
  static NOINLINE void *N##_all(void *unused) {                                \
    N##_direct();                                                              \
    return unused;                                                             \
  }                                                                            \
  static NOINLINE void N##_thread(void) {                                      \
    pthread_t t;                                                               \
    pthread_create(&t, NULL, N##_all, NULL);                                   \
    pthread_join(t, NULL);                                                     \
  }                                                                            \
  static NOINLINE void N##_threads_result(void) {                              \
    pthread_t t;                                                               \
    void *result = NULL;                                                       \
    pthread_create(&t, NULL, N##_source_as, NULL);                             \
    pthread_join(t, &result);                                                  \
    T d = (T)result;                                                           \
    SINK(d);                                                                   \
  }                                                                            \
  static NOINLINE void N##_recursion_to(int depth, void *ptr) {                \
    if (depth > 0)                                                             \
      N##_recursion_to(depth - 1, ptr);                                        \
    else                                                                       \
      N##_sink(ptr);                                                           \
    far_is_true();                                                             \
  }                                                                            \
  static NOINLINE void N##_recursion(void) {                                   \
    T d;                                                                       \
    SRC(d);                                                                    \
    N##_recursion_to(20, (void *)d);                                           \
  }                                                                            \
  static int N##_compare(const void *a, const void *b) {                       \
    if (N##_flag == 0) {                                                       \
      N##_flag = 1;                                                            \
      N##_direct();                                                            \
    }                                                                          \
    return *(const char *)a - *(const char *)b;                                \
  }                                                                            \
  static NOINLINE void N##_callback_of_libc(void) {                            \
    char text[] = "cab";                                                       \
    qsort(text, 3, 1, N##_compare);                                            \
  }

/* Those of DATA_FLOWS that are called before they are defined. */
#define FLOWS(N, T, SRC, SINK)                                                 \
  static void N##_from_global(void *);                                         \
  static void N##_from_far(void *);                                            \
  CONTROL_FLOWS(N, T, SRC, SINK)                                               \
  DATA_FLOWS(N, T, SRC, SINK)                                                  \
  CALL_FLOWS(N, T, SRC, SINK)

#define FLOW_NAMES(X, N)                                                       \
  X(N, direct) X(N, if_one) X(N, if_const) X(N, if_static) X(N, if_function)   \
  X(N, if_global) X(N, if_far_function) X(N, either) X(N, switch) X(N, while)  \
  X(N, for) X(N, goto) X(N, longjmp) X(N, flag_in_a_global) X(N, copy)         \
  X(N, pointer_to_it) X(N, union) X(N, array) X(N, struct) X(N, global)        \
  X(N, far_global) X(N, argument) X(N, result) X(N, pointer)                   \
  X(N, far_argument) X(N, far_deep) X(N, far_result) X(N, far_pointer_to_it)   \
  X(N, far_array) X(N, far_struct) X(N, thread) X(N, threads_result)           \
  X(N, recursion) X(N, callback_of_libc)

#endif
