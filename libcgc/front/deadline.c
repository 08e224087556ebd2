/* SPDX-License-Identifier: MIT */
#include "front/deadline.h"

bool cgc_deadline_is_span(const struct timespec *ts) {
  return ts->tv_sec >= 0 && ts->tv_sec < INT32_MAX && ts->tv_nsec >= 0 &&
         ts->tv_nsec < CGC_NS_PER_S && (ts->tv_sec || ts->tv_nsec);
}

static CGC_COLD void update_left(struct cgc_deadline *w) {
  uint64_t now = cgc_thread_now_ns();
  uint64_t ns = w->deadline_ns > now ? w->deadline_ns - now : 0;
  w->ms = (int)((ns + CGC_NS_PER_MS - 1) / CGC_NS_PER_MS);
  w->left.tv_sec = (time_t)(ns / CGC_NS_PER_S);
  w->left.tv_nsec = (long)(ns % CGC_NS_PER_S);
}

bool cgc_deadline_again_after(struct cgc_deadline *w, int error) {
  if (error != EINTR || !w->self || !w->self->wait_interrupted)
    return false;
  w->self->wait_interrupted = 0;
  if (w->deadline_ns)
    update_left(w);
  return true;
}
