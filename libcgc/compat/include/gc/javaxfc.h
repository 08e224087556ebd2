/* SPDX-License-Identifier: MIT */
/* What the runtime of a language with finalizers at exit needs beyond gc.h. */
#ifndef GC_JAVAXFC_H
#define GC_JAVAXFC_H

#include "gc.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Run every finalizer that is registered, whether or not its object can still
   be reached, and those that these register. */
GC_API void GC_CALL GC_finalize_all(void);

#ifdef GC_THREADS
#ifndef GC_SUSPEND_THREAD_ID
#define GC_SUSPEND_THREAD_ID pthread_t
#endif
/* Let a thread of the program wait until GC_resume_thread, which has to be
   called once however often it was suspended.  Nothing happens to a thread
   that has ended. */
GC_API void GC_CALL GC_suspend_thread(GC_SUSPEND_THREAD_ID);
GC_API void GC_CALL GC_resume_thread(GC_SUSPEND_THREAD_ID);
GC_API int GC_CALL GC_is_thread_suspended(GC_SUSPEND_THREAD_ID);
#endif

#ifdef __cplusplus
}
#endif

#endif
