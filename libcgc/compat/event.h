/* SPDX-License-Identifier: MIT */
/*
 * compat/event.h - a collection as the program sees it.
 *
 *   wanted?  GC_dont_gc, the stop function      nothing held
 *            variables are taken over
 *   START    START, start callback, PRE_STOP    the world runs
 *   MARK     POST_STOP, MARK_START              the world stands
 *            GC_push_other_roots
 *   FLIP     MARK_END
 *   SWEEP    GC_gc_no, PRE_START
 *   IDLE     POST_START, RECLAIM_*, END         the world runs
 *
 * A heap that has grown is told at the next slow path of an allocation.
 *
 * Who comes in: the program; cycle/ and front/alloc by their hooks.
 * Locks: the cycle's is held from START to IDLE.
 */
#ifndef CGC_COMPAT_EVENT_H
#define CGC_COMPAT_EVENT_H

#include "compat/variable.h"

typedef void(GC_CALLBACK *GC_start_callback_proc)(void);
typedef void(GC_CALLBACK *GC_push_other_roots_proc)(void);
GC_API void GC_CALL GC_set_start_callback(GC_start_callback_proc fn);
GC_API GC_start_callback_proc GC_CALL GC_get_start_callback(void);
GC_API void GC_CALL GC_set_push_other_roots(GC_push_other_roots_proc fn);
GC_API GC_push_other_roots_proc GC_CALL GC_get_push_other_roots(void);
GC_API void GC_CALL GC_push_all(void *bottom, void *top);
GC_API void GC_CALL GC_push_all_eager(void *bottom, void *top);
GC_API void GC_CALL GC_push_conditional(void *bottom, void *top, int all);
GC_API void GC_CALL GC_push_finalizer_structures(void);

GC_API int GC_CALL GC_is_tmp_root(void *addr);
GC_API void *GC_CALL GC_clear_stack(void *result);

struct cgc_marker;

/** The marker whose roots the program's function pushes; NULL: none. */
struct cgc_marker *cgc_event_marker(void);

/** Once, when the heap is made. */
void cgc_event_init(void);

#endif
