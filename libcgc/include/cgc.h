/* SPDX-License-Identifier: MIT */
/*
 * cgc.h - a conservative garbage collector for C.
 *
 *   #include <cgc.h>                      cc prog.c $(pkg-config --libs libcgc)
 *
 *   struct node *n = GC_malloc(sizeof *n);     never has to be freed
 *
 * The collector finds what the program can still reach: from the registers
 * and stacks of all threads, from the data of the program and its libraries,
 * from thread-local variables, and from one object to the next.  Every word
 * that looks like the address of an object, or of a byte inside it, or of the
 * byte just behind it, keeps the object alive.  What is not reached is
 * reclaimed.  A pointer that stands nowhere in the program's own memory
 * (xor-ed, split into halves, written to a file) keeps nothing alive.
 *
 * Nothing has to be called first; threads need no registration.  With
 * libcgc-malloc in the place of libcgc, malloc and its family are served
 * from the same heap, and all memory that the program maps is scanned too.
 *
 * Conventions
 *   sizes     bytes.  Times: nanoseconds, in names that end in _ns.
 *   objects   16-byte aligned unless more was asked for.
 *   memory    GC_malloc and its relatives return zeroed memory.
 *   results   a pointer or NULL; 0 or -1 with errno; where a name is known
 *             from Boehm's collector, that collector's result codes.
 *   threads   every function may be called by any thread at any time, except
 *             where its contract says otherwise.
 *   signals   a handler may allocate, even one that interrupted the collector:
 *             it is then given memory that is never reclaimed.  It may not
 *             collect, nor call what waits for other threads.
 *   callbacks run with none of the collector's locks held and may allocate,
 *             except where the contract says that the world is stopped.
 *   fork      the child has the whole heap and one thread, and may collect.
 */
#ifndef CGC_H
#define CGC_H

#include <stddef.h>

#if defined(__GNUC__)
#define GC_API extern __attribute__((__visibility__("default")))
#define GC_ATTR_MALLOC __attribute__((__malloc__))
#define GC_ATTR_ALLOC_SIZE(n) __attribute__((__alloc_size__(n)))
#define GC_ATTR_CALLOC_SIZE(n, m) __attribute__((__alloc_size__(n, m)))
#else
#define GC_API extern
#define GC_ATTR_MALLOC
#define GC_ATTR_ALLOC_SIZE(n)
#define GC_ATTR_CALLOC_SIZE(n, m)
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Result codes of the functions that have them from Boehm's collector. */
enum GC_result {
  GC_SUCCESS = 0,
  GC_DUPLICATE = 1,     /* was there already */
  GC_NO_MEMORY = 2,     /* no memory for the collector's own tables */
  GC_UNIMPLEMENTED = 3, /* cannot be done on this system */
  GC_NOT_FOUND = 4      /* was not there */
};

/* Why a call from a debugger did nothing. */
enum GC_debug_result {
  GC_EBUSY_SELF = -2,  /* this thread stopped inside the collector */
  GC_EBUSY_OTHER = -3, /* another is inside it, and is not let run */
  GC_EDEBUGGER = -4    /* the debugger holds threads, registers unknown */
};

/* ---- Start --------------------------------------------------------------- */

/**
 * Make the heap ready.  The first allocation does the same.
 * returns  nothing
 * errors   none; a heap that cannot be made shows at the first allocation
 * threads  any
 * pauses   no
 */
GC_API void GC_init(void);

/**
 * Say which version of the library is running.
 * returns  major << 16 | minor << 8 | micro
 * errors   none
 * threads  any, signal handlers too
 * pauses   no
 */
GC_API unsigned GC_get_version(void);

/* ---- Allocate ------------------------------------------------------------ */

/**
 * Return SIZE bytes of zeroed memory that the collector scans for pointers.
 * size     bytes; 0 yields a distinct object of the smallest class
 * returns  16-byte aligned object, or the out-of-memory function's result
 * errors   ENOMEM in errno when the result is NULL
 * threads  any, signal handlers too
 * pauses   may sweep for its debt; may collect
 */
GC_API GC_ATTR_MALLOC GC_ATTR_ALLOC_SIZE(1) void *GC_malloc(size_t size);

/**
 * Return SIZE bytes of zeroed memory that holds no pointers: it is never
 * scanned, so that text and numbers cost no marking and keep nothing alive.
 * size     bytes; 0 yields a distinct object of the smallest class
 * returns  16-byte aligned object, or the out-of-memory function's result
 * errors   ENOMEM in errno when the result is NULL
 * threads  any, signal handlers too
 * pauses   as GC_malloc
 */
GC_API GC_ATTR_MALLOC GC_ATTR_ALLOC_SIZE(1) void *GC_malloc_noscan(size_t size);

/**
 * Return SIZE bytes of zeroed, scanned memory that stays until GC_free: the
 * object and what it points to are alive without any pointer to it.
 * size     bytes; 0 yields a distinct object of the smallest class
 * returns  16-byte aligned object, or the out-of-memory function's result
 * errors   ENOMEM in errno when the result is NULL
 * threads  any, signal handlers too
 * pauses   as GC_malloc
 */
GC_API GC_ATTR_MALLOC
    GC_ATTR_ALLOC_SIZE(1) void *GC_malloc_uncollectable(size_t size);

/**
 * Return SIZE bytes of zeroed memory without pointers that stays until
 * GC_free.
 * size     bytes; 0 yields a distinct object of the smallest class
 * returns  16-byte aligned object, or the out-of-memory function's result
 * errors   ENOMEM in errno when the result is NULL
 * threads  any, signal handlers too
 * pauses   as GC_malloc
 */
GC_API GC_ATTR_MALLOC
    GC_ATTR_ALLOC_SIZE(1) void *GC_malloc_noscan_uncollectable(size_t size);

/**
 * Return zeroed, scanned memory for COUNT elements of SIZE bytes.
 * count    elements; COUNT * SIZE may overflow, which is found
 * returns  16-byte aligned object, or the out-of-memory function's result
 * errors   ENOMEM in errno when the result is NULL
 * threads  any, signal handlers too
 * pauses   as GC_malloc
 */
GC_API GC_ATTR_MALLOC GC_ATTR_CALLOC_SIZE(1, 2) void *GC_calloc(size_t count,
                                                                size_t size);

/**
 * Return SIZE bytes of zeroed, scanned memory at a multiple of ALIGN.
 * align    bytes, a power of two
 * returns  the object, or the out-of-memory function's result
 * errors   EINVAL (ALIGN), ENOMEM in errno when the result is NULL
 * threads  any, signal handlers too
 * pauses   as GC_malloc
 */
GC_API GC_ATTR_MALLOC GC_ATTR_ALLOC_SIZE(2) void *GC_memalign(size_t align,
                                                              size_t size);

/**
 * Store in *RESULT what GC_memalign returns; errno is kept.
 * align    bytes, a power of two and a multiple of sizeof(void *)
 * returns  0, EINVAL or ENOMEM; *RESULT is left alone unless 0
 * errors   only by the result
 * threads  any, signal handlers too
 * pauses   as GC_malloc
 */
GC_API int GC_posix_memalign(void **result, size_t align, size_t size);

/**
 * Change the size of OBJ, in place or by moving it.  What it was allocated
 * as (scanned or not, collectable or not) stays; what it grows by is zeroed
 * when it moves.
 * obj      start of an object; NULL: as GC_malloc(SIZE)
 * size     bytes; 0 frees OBJ
 * returns  the object, or the out-of-memory function's result; NULL when SIZE
 *          is 0
 * errors   ENOMEM in errno when there is no memory; OBJ is as it was then
 * threads  any; not in a signal handler
 * pauses   as GC_malloc
 */
GC_API GC_ATTR_ALLOC_SIZE(2) void *GC_realloc(void *obj, size_t size);

/**
 * Give OBJ back now.  Its finalizer is dropped and does not run; links to it
 * stay as they are.
 * obj      start of an object, or NULL
 * returns  nothing; errno is kept
 * errors   a wrong or second free: the CGC_BAD_FREE option decides
 * threads  any; in a handler that interrupted the collector, does nothing
 * pauses   no
 */
GC_API void GC_free(void *obj);

/**
 * Copy the text S into memory without pointers.
 * returns  the copy, or NULL
 * errors   ENOMEM in errno
 * threads  any, signal handlers too
 * pauses   as GC_malloc
 */
GC_API GC_ATTR_MALLOC char *GC_strdup(const char *s);

/**
 * Copy at most LEN bytes of the text S into memory without pointers, and end
 * them with a 0.
 * returns  the copy, or NULL
 * errors   ENOMEM in errno
 * threads  any, signal handlers too
 * pauses   as GC_malloc
 */
GC_API GC_ATTR_MALLOC char *GC_strndup(const char *s, size_t len);

/* ---- Ask about a pointer ------------------------------------------------- */

/**
 * Say how many bytes the object at OBJ has.
 * obj      start of an object
 * returns  bytes, at least what was asked for; 0 when OBJ is none of ours
 * errors   none
 * threads  any
 * pauses   no
 */
GC_API size_t GC_size(const void *obj);

/**
 * Find the object that ADDR points into.
 * addr     any value
 * returns  the object's start; NULL when ADDR is in no allocated object
 * errors   none
 * threads  any
 * pauses   no
 */
GC_API void *GC_base(void *addr);

/**
 * Say whether ADDR points into the heap, be it in an object or not.
 * addr     any value
 * returns  1 or 0
 * errors   none
 * threads  any, signal handlers too
 * pauses   no
 */
GC_API int GC_is_heap_ptr(const void *addr);

/* ---- Collect ------------------------------------------------------------- */

/**
 * Collect now: when it returns, what was unreachable is reclaimed or ready to
 * be, and finalizers have run unless they run on demand.  May be called from
 * a debugger at any stop: such a call runs no finalizers, ends within two
 * seconds and prints one line.
 * returns  0, or -1 when nothing was collected; to a debugger also a GC_debug
 *          code
 * errors   EAGAIN (disabled by GC_disable), EBUSY (called from a handler that
 *          interrupted the collector, or in the child of a vfork), EDEADLK (a
 *          debugger holds a thread still), ENOMEM
 * threads  any; not in a signal handler
 * pauses   yes, for the whole collection
 */
GC_API int GC_collect(void);

/* What GC_request can ask for; may be added up. */
enum GC_request_what {
  GC_REQUEST_COLLECT = 1,
  GC_REQUEST_DUMP = 2,
  GC_REQUEST_LEAK_CHECK = 4
};

/**
 * Ask for a collection, for GC_dump or for GC_leak_check, by the next thread
 * that comes to a slow path of the allocation.  May be called from a debugger
 * at any stop, also where GC_collect can do nothing.
 * what     GC_REQUEST_COLLECT, _DUMP, _LEAK_CHECK, or a sum of them
 * returns  0 or -1
 * errors   EINVAL (nothing that is known was asked for)
 * threads  any, signal handlers too
 * pauses   no
 */
GC_API int GC_request(int what);

/**
 * Print on stderr, in a few lines, how large the heap is, what the collector
 * does and which sizes take how many pages.  Takes no lock: figures of a
 * running program may not agree with each other.
 * returns  nothing
 * errors   none
 * threads  any, signal handlers too
 * pauses   no
 */
GC_API void GC_dump(void);

/**
 * Look for leaks now and report them, in a program that was started by cgc
 * leak: what is lost, and how much of that no check told before.  Nothing is
 * reclaimed.  May be called from a debugger at any stop: the report is then
 * made by the next thread that allocates.
 * returns  the number of objects that are lost, those told before included; to
 *          a debugger 0; -1 when nothing could be looked at
 * errors   ENOTSUP (leaks are not looked for), EBUSY (called from a handler
 *          that interrupted the collector), ENOMEM
 * threads  any
 * pauses   yes, for the whole marking; then the caller until it is printed
 */
GC_API int GC_leak_check(void);

/**
 * Undo one GC_disable.  Collections happen when there were as many.
 * returns  nothing
 * errors   none; one call too many is ignored
 * threads  any
 * pauses   no
 */
GC_API void GC_enable(void);

/**
 * No collection until GC_enable, not even by GC_collect.  The heap grows.
 * Calls nest.  A collection under way in another thread goes on to its end.
 * returns  nothing
 * errors   none
 * threads  any; not in a signal handler
 * pauses   no
 */
GC_API void GC_disable(void);

/**
 * Say whether collections are disabled.
 * returns  1 or 0
 * errors   none
 * threads  any, signal handlers too
 * pauses   no
 */
GC_API int GC_is_disabled(void);

/**
 * Give free memory of the heap back to the system, all of it.
 * returns  bytes given back
 * errors   none
 * threads  any; not in a signal handler
 * pauses   no
 */
GC_API size_t GC_release_memory(void);

/* ---- Out of memory and warnings ------------------------------------------ */

typedef void *(*GC_oom_func)(size_t size_bytes);

/**
 * Have FN called when an allocation of this header finds no memory; its
 * result is the allocation's.  malloc and its family do not ask it.
 * fn       NULL: the function that returns NULL, as at the start
 * returns  nothing
 * errors   none
 * threads  any
 * pauses   no
 */
GC_API void GC_set_oom_fn(GC_oom_func fn);

/**
 * Tell the function that GC_set_oom_fn set.
 * returns  the function; never NULL
 * errors   none
 * threads  any
 * pauses   no
 */
GC_API GC_oom_func GC_get_oom_fn(void);

/* FORMAT is a printf format with at most one %lu or %lx, which takes ARG. */
typedef void (*GC_warn_proc)(char *format, unsigned long arg);

/**
 * Have FN called with each warning, in place of a line on stderr.
 * fn       must not allocate: a warning may come from inside the collector;
 *          NULL: lines on stderr, as at the start
 * returns  nothing
 * errors   none
 * threads  any
 * pauses   no
 */
GC_API void GC_set_warn_proc(GC_warn_proc fn);

/**
 * Tell the function that GC_set_warn_proc set.
 * returns  the function, or NULL
 * errors   none
 * threads  any
 * pauses   no
 */
GC_API GC_warn_proc GC_get_warn_proc(void);

/**
 * A warn function that drops the warning.
 * returns  nothing
 * errors   none
 * threads  any, signal handlers too
 * pauses   no
 */
GC_API void GC_ignore_warn_proc(char *format, unsigned long arg);

/* ---- Finalizers ---------------------------------------------------------- */

typedef void (*GC_finalization_proc)(void *obj, void *client_data);

/**
 * When OBJ has become unreachable, call FN(OBJ, DATA), once.  Of two such
 * objects where one points to the other, the one that is pointed to waits for
 * the next collection, so a cycle of them is never finalized.
 * obj      start of an object; for NULL and what is none of ours, nothing
 *          happens but that *OLD_FN and *OLD_DATA become NULL
 * fn       NULL removes the finalizer; a second FN replaces the first
 * data     what it points to stays alive until FN has run
 * old_fn   NULL, or gets the finalizer that was there, as old_data its data
 * returns  nothing
 * errors   ENOMEM in errno: nothing registered, *OLD_FN and *OLD_DATA as
 *          they were
 * threads  any; FN runs in a thread that allocates or calls
 *          GC_invoke_finalizers, and may do whatever a thread may do
 * pauses   no
 */
GC_API void GC_register_finalizer(void *obj, GC_finalization_proc fn,
                                  void *data, GC_finalization_proc *old_fn,
                                  void **old_data);

/**
 * As GC_register_finalizer, but pointers from OBJ to itself do not count.
 * obj      and all others: as GC_register_finalizer
 * returns  nothing
 * errors   as GC_register_finalizer
 * threads  as GC_register_finalizer
 * pauses   no
 */
GC_API void GC_register_finalizer_ignore_self(void *obj,
                                              GC_finalization_proc fn,
                                              void *data,
                                              GC_finalization_proc *old_fn,
                                              void **old_data);

/**
 * As GC_register_finalizer, but no pointer between such objects counts: all
 * that are unreachable are finalized, in no order, cycles too.
 * obj      and all others: as GC_register_finalizer
 * returns  nothing
 * errors   as GC_register_finalizer
 * threads  as GC_register_finalizer
 * pauses   no
 */
GC_API void GC_register_finalizer_no_order(void *obj, GC_finalization_proc fn,
                                           void *data,
                                           GC_finalization_proc *old_fn,
                                           void **old_data);

/**
 * As GC_register_finalizer_no_order, but FN waits until OBJ cannot be reached
 * from any other object that still has to be finalized.
 * obj      and all others: as GC_register_finalizer
 * returns  nothing
 * errors   as GC_register_finalizer
 * threads  as GC_register_finalizer
 * pauses   no
 */
GC_API void GC_register_finalizer_unreachable(void *obj,
                                              GC_finalization_proc fn,
                                              void *data,
                                              GC_finalization_proc *old_fn,
                                              void **old_data);

/**
 * Run the finalizers that are ready, in this thread.
 * returns  how many ran
 * errors   none
 * threads  any; not in a signal handler
 * pauses   as long as they run
 */
GC_API int GC_invoke_finalizers(void);

/**
 * Say whether GC_invoke_finalizers has something to do.
 * returns  1 or 0
 * errors   none
 * threads  any, signal handlers too
 * pauses   no
 */
GC_API int GC_should_invoke_finalizers(void);

/**
 * Choose who runs finalizers.
 * value    0: threads that allocate, as at the start; 1: nobody but
 *          GC_invoke_finalizers
 * returns  nothing
 * errors   none
 * threads  any
 * pauses   no
 */
GC_API void GC_set_finalize_on_demand(int value);

/**
 * Tell what GC_set_finalize_on_demand set.
 * returns  1 or 0
 * errors   none
 * threads  any
 * pauses   no
 */
GC_API int GC_get_finalize_on_demand(void);

typedef void (*GC_finalizer_notifier_proc)(void);

/**
 * Have FN called once after each collection that made finalizers ready, when
 * they run on demand.
 * fn       NULL: nothing is called, as at the start
 * returns  nothing
 * errors   none
 * threads  any; FN runs in the thread that collected, or another that
 *          allocates
 * pauses   no
 */
GC_API void GC_set_finalizer_notifier(GC_finalizer_notifier_proc fn);

/**
 * Tell the function that GC_set_finalizer_notifier set.
 * returns  the function, or NULL
 * errors   none
 * threads  any
 * pauses   no
 */
GC_API GC_finalizer_notifier_proc GC_get_finalizer_notifier(void);

/* ---- Weak links ---------------------------------------------------------- */

/**
 * Have *LINK set to NULL when OBJ becomes unreachable, before OBJ's finalizer
 * is called.  *LINK itself must not keep OBJ alive: it stands in memory that
 * is not scanned, or holds the pointer in disguise.
 * link     8-byte aligned; if it lies in an object, it goes with that object
 * obj      start of an object
 * returns  GC_SUCCESS, GC_DUPLICATE (LINK is registered; it is for OBJ now)
 *          or GC_NO_MEMORY
 * errors   only by the result
 * threads  any; not in a signal handler
 * pauses   no
 */
GC_API int GC_general_register_disappearing_link(void **link, const void *obj);

/**
 * Forget the weak link at LINK; *LINK stays as it is.
 * returns  1, or 0 when it was not registered
 * errors   none
 * threads  any; not in a signal handler
 * pauses   no
 */
GC_API int GC_unregister_disappearing_link(void **link);

/**
 * The link that was registered at LINK is at NEW_LINK now.
 * returns  GC_SUCCESS, GC_DUPLICATE (NEW_LINK is registered for another
 *          object) or GC_NOT_FOUND
 * errors   only by the result
 * threads  any; not in a signal handler
 * pauses   no
 */
GC_API int GC_move_disappearing_link(void **link, void **new_link);

/**
 * As GC_general_register_disappearing_link, but *LINK becomes NULL only when
 * OBJ can not even be reached from an object that waits for its finalizer.
 * link     and obj: as there
 * returns  as there
 * errors   only by the result
 * threads  any; not in a signal handler
 * pauses   no
 */
GC_API int GC_register_long_link(void **link, const void *obj);

/**
 * Forget the long link at LINK; *LINK stays as it is.
 * returns  1, or 0 when it was not registered
 * errors   none
 * threads  any; not in a signal handler
 * pauses   no
 */
GC_API int GC_unregister_long_link(void **link);

/**
 * The long link that was registered at LINK is at NEW_LINK now.
 * returns  as GC_move_disappearing_link
 * errors   only by the result
 * threads  any; not in a signal handler
 * pauses   no
 */
GC_API int GC_move_long_link(void **link, void **new_link);

/* ---- Roots --------------------------------------------------------------- */

/**
 * Scan [LOW, HIGH) for pointers, as memory that the collector would not see
 * by itself.  Ranges may overlap.
 * high     the first byte behind the range
 * returns  nothing
 * errors   ENOMEM in errno: the range is not scanned
 * threads  any; not in a signal handler
 * pauses   no
 */
GC_API void GC_add_roots(void *low, void *high);

/**
 * Forget what GC_add_roots has added inside [LOW, HIGH).
 * high     the first byte behind the range
 * returns  nothing
 * errors   none
 * threads  any; not in a signal handler
 * pauses   no
 */
GC_API void GC_remove_roots(void *low, void *high);

/**
 * Never scan [LOW, HIGH), whatever it is part of: data, mapping or root range.
 * Stacks and registers are scanned all the same.
 * high     the first byte behind the range
 * returns  nothing
 * errors   ENOMEM in errno: the range is scanned as before
 * threads  any; not in a signal handler
 * pauses   no
 */
GC_API void GC_exclude_roots(void *low, void *high);

/**
 * Forget all that GC_add_roots has added.
 * returns  nothing
 * errors   none
 * threads  any; not in a signal handler
 * pauses   no
 */
GC_API void GC_clear_roots(void);

/* ---- Threads ------------------------------------------------------------- */

/*
 * Threads are found by themselves: those that allocate when they do so, the
 * others when the world is stopped.  Registering is for a thread that runs on
 * a stack that it made itself.
 */
struct GC_stack_base {
  void *mem_base; /* the first byte behind the stack: its cold end */
};

/**
 * Tell where the calling thread's stack begins.
 * base     filled in
 * returns  GC_SUCCESS, or GC_UNIMPLEMENTED when it cannot be found
 * errors   only by the result
 * threads  any; not in a signal handler
 * pauses   no
 */
GC_API int GC_get_stack_base(struct GC_stack_base *base);

/**
 * Make the calling thread known, with the stack that ends at BASE.
 * base     as GC_get_stack_base gives it
 * returns  GC_SUCCESS, GC_DUPLICATE (was known already) or GC_NO_MEMORY
 * errors   only by the result
 * threads  any; not in a signal handler
 * pauses   no
 */
GC_API int GC_register_my_thread(const struct GC_stack_base *base);

/**
 * Forget the calling thread, which gives back what it had cached.  When it
 * allocates again, it is made known again.
 * returns  GC_SUCCESS, or GC_NOT_FOUND when it was not known
 * errors   only by the result
 * threads  any; not in a signal handler
 * pauses   no
 */
GC_API int GC_unregister_my_thread(void);

/* ---- Tune ---------------------------------------------------------------- */

/**
 * Set the option NAME, as the environment variable of that name would; see
 * cgc-env(7).  Those that shape the heap have an effect only before GC_init.
 * name     "CGC_PERCENT"
 * value    "200"
 * returns  0 or -1
 * errors   ENOENT (no such option), EINVAL (not one of its values)
 * threads  any
 * pauses   no
 */
GC_API int GC_set_option(const char *name, const char *value);

/**
 * Read the option NAME as a number: bytes, nanoseconds, percent, 0 or 1, or
 * the place of the word in the list of words.
 * value    filled in
 * returns  0 or -1
 * errors   ENOENT (no such option)
 * threads  any
 * pauses   no
 */
GC_API int GC_get_option(const char *name, long *value);

/* ---- Observe ------------------------------------------------------------- */

/* Later versions add fields at the end. */
struct GC_stats {
  size_t size; /* sizeof(struct GC_stats), set by the caller */

  unsigned long heap_bytes;         /* committed for objects */
  unsigned long free_bytes;         /* of these, in pages without an object */
  unsigned long in_use_bytes;       /* taken by objects, dead ones too */
  unsigned long live_bytes;         /* found alive by the last collection */
  unsigned long next_trigger_bytes; /* in use, that starts the next one */
  unsigned long reserved_bytes;     /* address space of the heap */
  unsigned long meta_bytes;         /* the collector's own tables */
  unsigned long allocated_bytes;    /* taken for objects since the start */
  unsigned long reclaimed_bytes;    /* found dead since the start */
  unsigned long released_bytes;     /* given back to the system since then */
  unsigned long collections;        /* since the start */
  unsigned long pause_total_ns;     /* of all collections */
  unsigned long pause_max_ns;       /* the longest */
  unsigned long pause_last_ns;      /* the last */
  unsigned long stop_last_ns;       /* of that, until all threads stood still */
  unsigned long root_bytes;         /* scanned as roots by the last one */
  unsigned long threads;            /* known now */
  unsigned long finalizers;         /* registered now */
  unsigned long finalizers_ready;   /* waiting to be run */
  unsigned long finalizers_run;     /* since the start */
  unsigned long links;              /* weak links registered now */
};

/**
 * Fill STATS in, as far as its size says.
 * stats    its size field is set by the caller
 * returns  0 or -1
 * errors   EINVAL (size is 0), EBUSY (called from a handler that interrupted
 *          the collector)
 * threads  any; not in a signal handler
 * pauses   no
 */
GC_API int GC_get_stats(struct GC_stats *stats);

/* Return 0 to go on, anything else to end the walk with that value. */
typedef int (*GC_object_func)(void *obj, size_t size_bytes, void *client_data);

/**
 * Call FN for every object that is allocated, in the order of addresses.  What
 * is unreachable but not yet reclaimed is among them: GC_collect first.
 * fn       runs while the world is stopped: it must not collect, take a lock,
 *          nor use stdio
 * returns  0, or the first value other than 0 that FN returned; -1 when the
 *          heap cannot be walked
 * errors   EBUSY (called from a handler that interrupted the collector)
 * threads  any; not in a signal handler
 * pauses   yes, as long as the walk
 */
GC_API int GC_walk_heap(GC_object_func fn, void *client_data);

#ifdef __cplusplus
}
#endif

#endif
