/* SPDX-License-Identifier: MIT */
#include "compat/setting.h"

#include "base/option.h"
#include "world/mutator.h"

enum { PAUSE_TARGET_MIN_NS = 10000 };

static int rate = 10, max_prior_attempts = 3;
static int manual_vdb_allowed, pages_executable;
static GC_word bytes_per_finalizer = 10000;
static unsigned long limit_ns;

void GC_set_rate(int value) { rate = value; }
int GC_get_rate(void) { return rate; }

void GC_set_max_prior_attempts(int value) { max_prior_attempts = value; }
int GC_get_max_prior_attempts(void) { return max_prior_attempts; }

void GC_set_manual_vdb_allowed(int value) { manual_vdb_allowed = value != 0; }
int GC_get_manual_vdb_allowed(void) { return manual_vdb_allowed; }

void GC_set_pages_executable(int value) { pages_executable = value != 0; }
int GC_get_pages_executable(void) { return pages_executable; }

void GC_set_allocd_bytes_per_finalizer(GC_word value) {
  bytes_per_finalizer = value;
}
GC_word GC_get_allocd_bytes_per_finalizer(void) { return bytes_per_finalizer; }

/* Of a slice; unlimited is what it was. */
static void set_pause_target(void) {
  enum { NS_PER_MS = 1000000 };
  if (GC_time_limit != GC_TIME_UNLIMITED)
    cgc_options.pause_target = (int64_t)cgc_max(
        GC_time_limit * NS_PER_MS + limit_ns, PAUSE_TARGET_MIN_NS);
}

void GC_set_time_limit(unsigned long ms) {
  GC_time_limit = ms;
  limit_ns = 0;
  set_pause_target();
}
unsigned long GC_get_time_limit(void) { return GC_time_limit; }

void GC_set_time_limit_tv(struct GC_timeval_s value) {
  GC_time_limit = value.tv_ms;
  limit_ns = value.tv_nsec;
  set_pause_target();
}

struct GC_timeval_s GC_get_time_limit_tv(void) {
  return (struct GC_timeval_s){GC_time_limit, limit_ns};
}

/* Before the heap is made; later the markers are there. */
void GC_set_markers_count(unsigned n) {
  if (!cgc_self && n <= 1024)
    cgc_options.markers = n;
}

void GC_noop1(GC_word x) { __asm__ volatile("" : : "r"(x)); }
