/* SPDX-License-Identifier: MIT */
#include "look/trace.h"

#include "base/log.h"
#include "base/option.h"
#include "os/thread.h"

enum { LINE_MAX_BYTES = 512 };

static uint64_t start_ns;

static const char *const reasons[] = {
    [CGC_CYCLE_TRIGGER] = "trigger",
    [CGC_CYCLE_ASKED] = "asked",
    [CGC_CYCLE_MEMORY] = "memory",
    [CGC_CYCLE_STRESS] = "stress",
};

static const char *const parts[] = {
    [CGC_PART_STOP] = "stop",       [CGC_PART_FLUSH] = "flush",
    [CGC_PART_ROOTS] = "roots",     [CGC_PART_PINNED] = "pinned",
    [CGC_PART_WRITTEN] = "written", [CGC_PART_MARK] = "mark",
    [CGC_PART_WEAK] = "weak",       [CGC_PART_FLIP] = "flip",
};

/* A number in tenths, as the formats know no fractions. */
struct tenths {
  unsigned long whole;
  unsigned rest;
};

static struct tenths tenths(uint64_t n, uint64_t unit) {
  uint64_t t = unit ? (uint64_t)((unsigned __int128)n * 10 / unit) : 0;
  return (struct tenths){t / 10, (unsigned)(t % 10)};
}

size_t cgc_trace_format(char *buf, size_t size,
                        const struct cgc_cycle_report *r,
                        const struct cgc_trace_totals *t) {
  uint64_t ms = t->since_start_ns / 1000000;
  struct tenths before = tenths(r->before_bytes, CGC_MIB);
  struct tenths after = tenths(t->after_bytes, CGC_MIB);
  struct tenths live = tenths(r->live_bytes, CGC_MIB);
  struct tenths share = tenths(t->collector_ns, t->cpu_ns / 100);
  return cgc_log_format(
      buf, size,
      "cycle %lu at %lu.%03us heap %lu.%u->%lu.%u MiB live %lu.%u MiB "
      "pause %lu us stops %lu rescanned %lu cpu %lu.%u%% %s%s",
      (unsigned long)r->number, (unsigned long)(ms / 1000),
      (unsigned)(ms % 1000), before.whole, before.rest, after.whole, after.rest,
      live.whole, live.rest, (unsigned long)(r->pause_ns / 1000),
      (unsigned long)r->nstops, (unsigned long)r->rescanned, share.whole,
      share.rest, reasons[r->reason], r->young ? " young" : "");
}

static const char *longest_part(const struct cgc_stand *stand) {
  int longest = 0;
  for (int i = 1; i < CGC_PARTS; i++)
    if (stand->part_ns[i] > stand->part_ns[longest])
      longest = i;
  return parts[longest];
}

static const char *missed_for(const struct cgc_cycle_report *r) {
  if (r->all_at_once)
    return "all at once";
  return r->slice_ns > r->longest.ns ? "slice" : longest_part(&r->longest);
}

size_t cgc_trace_format_stops(char *buf, size_t size,
                              const struct cgc_cycle_report *r,
                              uint64_t target_ns) {
  bool missed = cgc_max(r->longest.ns, r->slice_ns) > target_ns;
  size_t n = cgc_log_format(
      buf, size, "cycle %lu longest stop %lu us:", (unsigned long)r->number,
      (unsigned long)(r->longest.ns / 1000));
  for (int i = 0; i < CGC_PARTS; i++)
    n += cgc_log_format(buf + n, size - n, " %s %lu", parts[i],
                        (unsigned long)(r->longest.part_ns[i] / 1000));
  return n + cgc_log_format(buf + n, size - n, "; slice %lu us; %lu rounds%s%s",
                            (unsigned long)(r->slice_ns / 1000),
                            (unsigned long)r->nrounds,
                            missed ? "; target missed for " : "",
                            missed ? missed_for(r) : "");
}

static void print_stops(const struct cgc_cycle_report *r) {
  char line[LINE_MAX_BYTES];
  cgc_trace_format_stops(line, sizeof line, r,
                         (uint64_t)cgc_options.pause_target);
  cgc_log(CGC_LOG_INFO, "%s", line);
}

static void print_cycle(const struct cgc_cycle_report *r) {
  char line[LINE_MAX_BYTES];
  struct cgc_trace_totals totals = {
      .since_start_ns = cgc_thread_now_ns() - start_ns,
      .cpu_ns = cgc_thread_process_cpu_ns(),
      .collector_ns = cgc_cycle_counters.cpu_ns,
      .after_bytes = cgc_heap_in_use(&cgc_heap),
  };
  cgc_trace_format(line, sizeof line, r, &totals);
  cgc_log(CGC_LOG_INFO, "%s", line);
  if (r->nstops > 1)
    print_stops(r);
}

void cgc_trace_init(void) {
  start_ns = cgc_thread_now_ns();
  if (cgc_options.trace)
    cgc_cycle_finished_hook = print_cycle;
}
