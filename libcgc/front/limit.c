/* SPDX-License-Identifier: MIT */
#include "front/limit.h"

#include "front/init.h"
#include "front/real.h"
#include "heap/heap.h"
#include "os/thread.h"
#include "world/mutator.h"

#include <errno.h>
#include <unistd.h>

CGC_REAL(setrlimit)
CGC_REAL(setrlimit64)
CGC_REAL(prlimit)
CGC_REAL(prlimit64)

static bool is_vfork_child(void) {
  return cgc_self && cgc_self->tid != cgc_thread_tid();
}

/* In a handler that interrupted the allocator the lock may be our own. */
static void unreserve(void) {
  int saved = errno;
  struct cgc_mutator *self = cgc_init_thread();
  if (self && cgc_mutator_enter(self)) {
    cgc_pageheap_unreserve(&cgc_heap.pageheap);
    cgc_mutator_leave(self);
  }
  errno = saved;
}

static void before(enum __rlimit_resource resource, rlim64_t limit) {
  if (resource == RLIMIT_AS && limit != RLIM64_INFINITY && !is_vfork_child())
    unreserve();
}

CGC_PUBLIC int setrlimit(enum __rlimit_resource resource,
                         const struct rlimit *limit) {
  before(resource, limit->rlim_cur);
  return CGC_CALL_REAL(setrlimit)(resource, limit);
}

CGC_PUBLIC int setrlimit64(enum __rlimit_resource resource,
                           const struct rlimit64 *limit) {
  before(resource, limit->rlim_cur);
  return CGC_CALL_REAL(setrlimit64)(resource, limit);
}

static bool is_own(pid_t pid) { return pid == 0 || pid == getpid(); }

CGC_PUBLIC int prlimit(pid_t pid, enum __rlimit_resource resource,
                       const struct rlimit *limit, struct rlimit *old) {
  if (limit && is_own(pid))
    before(resource, limit->rlim_cur);
  return CGC_CALL_REAL(prlimit)(pid, resource, limit, old);
}

CGC_PUBLIC int prlimit64(pid_t pid, enum __rlimit_resource resource,
                         const struct rlimit64 *limit, struct rlimit64 *old) {
  if (limit && is_own(pid))
    before(resource, limit->rlim_cur);
  return CGC_CALL_REAL(prlimit64)(pid, resource, limit, old);
}
