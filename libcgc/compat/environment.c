/* SPDX-License-Identifier: MIT */
#include "compat/environment.h"

#include "base/log.h"
#include "base/option.h"
#include "compat/collect.h"
#include "compat/growth.h"

#include <fcntl.h>
#include <stdlib.h>

enum { MARKERS_MAX = 1024, LOG_MODE = 0644, PAUSE_MS_MAX = 10000 };

/* ---- values -------------------------------------------------------------- */

static bool has(const char *name) { return secure_getenv(name) != NULL; }

static void complain(const char *name, const char *text) {
  cgc_log(CGC_LOG_WARNING, "%s=%s is no number; it is ignored", name, text);
}

/* A number with k, M or G behind it; 0 if there is none. */
static size_t size_of(const char *name) {
  const char *text = secure_getenv(name);
  char *end;
  if (!text || !*text)
    return 0;
  size_t n = strtoul(text, &end, 10);
  unsigned shift = *end == 'k' || *end == 'K'   ? 10
                   : *end == 'm' || *end == 'M' ? 20
                   : *end == 'g' || *end == 'G' ? 30
                                                : 0;
  if (end == text || (*end && (!shift || end[1])) || n > SIZE_MAX >> shift) {
    complain(name, text);
    return 0;
  }
  return n << shift;
}

static size_t number_of(const char *name, size_t max) {
  size_t n = size_of(name);
  if (n <= max)
    return n;
  complain(name, secure_getenv(name));
  return 0;
}

/* ---- what they mean ------------------------------------------------------ */

static void open_log(void) {
  const char *path = secure_getenv("GC_LOG_FILE");
  if (!path || !*path)
    return;
  int fd =
      open(path, O_CREAT | O_WRONLY | O_APPEND | O_TRUNC | O_CLOEXEC, LOG_MODE);
  if (fd < 0)
    cgc_log(CGC_LOG_WARNING, "GC_LOG_FILE=%s cannot be written", path);
  else
    cgc_log_set_fd(fd);
}

static void choose_markers(void) {
  size_t n = number_of("GC_MARKERS", MARKERS_MAX);
  if (!n)
    n = number_of("GC_NPROCS", MARKERS_MAX);
  if (n)
    cgc_options.markers = (int64_t)n;
}

struct flag {
  const char *name;
  int *variable;
};

static const struct flag flags[] = {
    {"GC_DONT_GC", &GC_dont_gc},
    {"GC_FIND_LEAK", &GC_find_leak},
    {"GC_ALL_INTERIOR_POINTERS", &GC_all_interior_pointers},
    {"GC_USE_ENTIRE_HEAP", &GC_use_entire_heap},
};

void cgc_environment_prepare(void) {
  for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
    if (has(flags[i].name))
      *flags[i].variable = 1;
  open_log();
  choose_markers();
  if (has("GC_PRINT_STATS") || has("GC_PRINT_VERBOSE_STATS") ||
      has("GC_DUMP_REGULARLY"))
    cgc_options.trace = 1;
  size_t divisor = size_of("GC_FREE_SPACE_DIVISOR");
  if (divisor)
    GC_free_space_divisor = divisor;
  if (has("GC_ENABLE_INCREMENTAL"))
    cgc_collect_be_incremental();
  size_t pause_ms = number_of("GC_PAUSE_TIME_TARGET", PAUSE_MS_MAX);
  if (pause_ms)
    GC_set_time_limit(pause_ms);
  size_t full = number_of("GC_FULL_FREQUENCY", INT32_MAX);
  if (full)
    GC_set_full_freq((int)full);
  if (has("GC_FORCE_UNMAP_ON_GCOLLECT"))
    GC_set_force_unmap_on_gcollect(1);
}

void cgc_environment_started(void) {
  size_t initial = size_of("GC_INITIAL_HEAP_SIZE");
  size_t most = size_of("GC_MAXIMUM_HEAP_SIZE");
  if (initial && most && initial > most)
    cgc_log(CGC_LOG_WARNING,
            "GC_INITIAL_HEAP_SIZE is more than GC_MAXIMUM_HEAP_SIZE; it is "
            "ignored");
  else if (initial && !cgc_growth_expand(initial))
    cgc_log(CGC_LOG_WARNING, "no memory for GC_INITIAL_HEAP_SIZE");
  if (most)
    cgc_growth_limit(most);
}
