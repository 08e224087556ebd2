/* SPDX-License-Identifier: MIT */
#include "front/leak.h"

#include "base/log.h"
#include "base/option.h"
#include "cycle/cycle.h"
#include "front/init.h"
#include "front/printer.h"
#include "heap/meta.h"
#include "look/block.h"
#include "look/module.h"
#include "look/report.h"
#include "look/stack.h"
#include "os/thread.h"

#include <errno.h>
#include <string.h>

enum { DEPTH = 32, EXIT_CODE = 23 };

struct cgc_leak_options cgc_leak = {.depth = DEPTH, .exit_code = EXIT_CODE};

static struct {
  _Atomic pid_t pid;      /* of the process that reports */
  _Atomic uint32_t busy;  /* a check is under way: its thread's id */
  unsigned nchecks;       /* guard: busy */
  struct cgc_loss *loss;  /* own memory; guard: busy */
  struct cgc_report *out; /* own memory; guard: busy */
} leak;

/* ---- CGC_LEAK ------------------------------------------------------------ */

static bool is_word(const char *item, size_t len, const char *word) {
  return strlen(word) == len && memcmp(item, word, len) == 0;
}

/* The value of the option NAME, if ITEM is it. */
static const char *value_of(const char *item, const char *name) {
  size_t len = strlen(name);
  return strncmp(item, name, len) == 0 && item[len] == '=' ? item + len + 1
                                                           : NULL;
}

/* A number that ends with the item. */
static bool to_number(const char *text, uint64_t max, uint64_t *n) {
  const char *p = text;
  for (*n = 0; *p >= '0' && *p <= '9' && *n <= max; p++)
    *n = *n * 10 + (uint64_t)(*p - '0');
  return p > text && (*p == ':' || *p == '\0') && *n <= max;
}

static const char *parse_depth(const char *value, struct cgc_leak_options *o) {
  uint64_t n;
  if (!to_number(value, CGC_STACK_DEPTH_MAX, &n) || n == 0)
    return "depth= is a number of frames from 1 to 1024";
  o->depth = (unsigned)n;
  return NULL;
}

static const char *parse_exit_code(const char *value,
                                   struct cgc_leak_options *o) {
  uint64_t n;
  if (!to_number(value, 255, &n))
    return "exit-code= is a number from 0 to 255";
  o->exit_code = (int)n;
  return NULL;
}

static const char *parse_pid(const char *value, struct cgc_leak_options *o) {
  uint64_t n;
  if (!to_number(value, INT32_MAX, &n))
    return "pid= is a process's number";
  o->pid = (pid_t)n;
  return NULL;
}

static const char *parse_item(const char *item, size_t len,
                              struct cgc_leak_options *o) {
  const char *value;
  if (is_word(item, len, "reachable") || is_word(item, len, "reachable=yes"))
    o->reachable = true;
  else if (is_word(item, len, "follow-children"))
    o->follow = true;
  else if ((value = value_of(item, "pid")))
    return parse_pid(value, o);
  else if ((value = value_of(item, "depth")))
    return parse_depth(value, o);
  else if ((value = value_of(item, "exit-code")))
    return parse_exit_code(value, o);
  return NULL;
}

/* Up to the next colon that no backslash stands before. */
static size_t item_length(const char *item) {
  size_t n = 0;
  while (item[n] && item[n] != ':')
    n += item[n] == '\\' && item[n + 1] ? 2 : 1;
  return n;
}

const char *cgc_leak_parse(const char *text, struct cgc_leak_options *o) {
  const char *wrong = NULL;
  size_t len = item_length(text);
  o->on = len > 0 && !is_word(text, len, "0") && !is_word(text, len, "off");
  while (o->on && !wrong) {
    wrong = parse_item(text, len, o);
    if (text[len] == '\0')
      break;
    text += len + 1;
    len = item_length(text);
  }
  return wrong;
}

static const char *variable(char *const *env, const char *name) {
  for (; env && *env; env++)
    if (value_of(*env, name))
      return value_of(*env, name);
  return NULL;
}

/* ---- Start --------------------------------------------------------------- */

static bool make_tables(void) {
  leak.loss = cgc_meta_alloc(sizeof *leak.loss);
  leak.out = cgc_meta_alloc(sizeof *leak.out);
  return leak.loss && leak.out && cgc_module_init() &&
         cgc_stack_init(cgc_leak.depth) && cgc_block_init(&cgc_heap);
}

bool cgc_leak_start(char *const *env) {
  const char *text = variable(env, "CGC_LEAK");
  const char *wrong = text ? cgc_leak_parse(text, &cgc_leak) : NULL;
  if (wrong)
    cgc_log(CGC_LOG_WARNING, "CGC_LEAK: %s; the default is used", wrong);
  if (cgc_leak.pid && !cgc_leak.follow && cgc_leak.pid != cgc_thread_pid())
    cgc_leak.on = false; /* a child of it, executing a program */
  if (!cgc_leak.on)
    return false;
  if (!cgc_printer_init(env) || !make_tables()) {
    cgc_log(CGC_LOG_WARNING, "CGC_LEAK: no memory; leaks are not looked for");
    cgc_leak.on = cgc_block_on = false;
    return false;
  }
  /* Nothing lost is reclaimed, so that it can be told. */
  cgc_cycle_disable();
  if (cgc_options.free == CGC_FREE_HONOUR)
    cgc_options.free = CGC_FREE_WATCH;
  atomic_store_explicit(&leak.pid, cgc_thread_pid(), memory_order_relaxed);
  return true;
}

void cgc_leak_attach(void) {
  if (cgc_leak.on)
    cgc_printer_keep_stderr();
}

bool cgc_leak_is_ours(void) {
  return cgc_leak.on &&
         (cgc_leak.follow ||
          cgc_thread_pid() ==
              atomic_load_explicit(&leak.pid, memory_order_relaxed));
}

/* ---- Notes --------------------------------------------------------------- */

/* The record is on its way into the cache while the stack is walked. */
void cgc_leak_made(const void *ptr, size_t size, const void *frame) {
  if (!ptr)
    return;
  cgc_block_prefetch(ptr);
  cgc_block_made(ptr, size, cgc_stack_from(frame));
}

void cgc_leak_closed(void) {
  if (cgc_leak.on)
    cgc_module_look(cgc_stack_close_module);
}

/* ---- Check --------------------------------------------------------------- */

static bool begin(void) {
  uint32_t self = (uint32_t)cgc_thread_tid(), nobody = 0;
  while (!atomic_compare_exchange_strong_explicit(
      &leak.busy, &nobody, self, memory_order_acquire, memory_order_relaxed)) {
    if (nobody == self)
      return false;
    cgc_thread_futex_wait(&leak.busy, nobody, 0);
    nobody = 0;
  }
  return true;
}

static void end(void) {
  atomic_store_explicit(&leak.busy, 0, memory_order_release);
  cgc_thread_futex_wake(&leak.busy, INT32_MAX);
}

static void write_all(struct cgc_report *r, const char *reason) {
  char head[64];
  cgc_report_line(r, "cgc-leak 1");
  cgc_log_format(head, sizeof head, "process %d", cgc_thread_pid());
  cgc_report_text(r, head, cgc_printer_program());
  cgc_report_line(r, "reason %s check %u", reason, ++leak.nchecks);
  cgc_report_modules(r);
  cgc_report_groups(r, &leak.loss->groups);
}

static int tell(const char *reason) {
  int fd = cgc_printer_open();
  if (fd < 0)
    return cgc_printer_fall_back(&leak.loss->groups);
  cgc_report_begin(leak.out, fd);
  write_all(leak.out, reason);
  int err = cgc_report_end(leak.out);
  return cgc_printer_run(fd, err, &leak.loss->groups);
}

int cgc_leak_check(const char *reason, const struct cgc_leak_end *ending) {
  struct cgc_loss_query query = {.reachable = cgc_leak.reachable};
  if (!cgc_leak_is_ours())
    return -ENOTSUP;
  if (!begin())
    return -EBUSY;
  if (!ending || !ending->in_handler)
    cgc_module_look(NULL);
  if (cgc_role.serves_malloc) {
    query.own_lo = cgc_module_own.lo;
    query.own_hi = cgc_module_own.hi;
  }
  if (ending) {
    query.dead_lo = ending->dead_lo;
    query.dead_hi = ending->dead_hi;
    query.main_hi = ending->main_hi;
    query.main_returned = ending->main_returned;
  }
  int result = cgc_loss_find(&query, leak.loss);
  if (result == 0)
    result = tell(reason);
  end();
  return result;
}
