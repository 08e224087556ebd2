/* SPDX-License-Identifier: MIT */
#include "front/leak.h"

#include "base/log.h"
#include "base/option.h"
#include "cycle/cycle.h"
#include "front/fail.h"
#include "front/init.h"
#include "front/misuse.h"
#include "front/printer.h"
#include "heap/meta.h"
#include "look/block.h"
#include "look/module.h"
#include "look/report.h"
#include "look/stack.h"
#include "os/callers.h"
#include "os/thread.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

enum { DEPTH = 32, EXIT_CODE = 23, GROWTHS = 3, FAULTS_TOLD = 16 };

struct cgc_leak_options cgc_leak = {.depth = DEPTH, .exit_code = EXIT_CODE};

static struct {
  _Atomic pid_t pid;        /* of the process that reports */
  _Atomic uint32_t busy;    /* a check is under way: its thread's id */
  _Atomic size_t lost;      /* objects, by the last check */
  _Atomic bool asked;       /* a check is wanted as soon as one can be */
  _Atomic uint64_t next_ns; /* when the next one of a period is due */
  unsigned nchecks;         /* guard: busy */
  unsigned nfaults;         /* told when they happened; guard: busy */
  struct cgc_loss *loss;    /* own memory; guard: busy */
  struct cgc_report *out;   /* own memory; guard: busy */
  struct cgc_groups before; /* what was live at the last check; guard: busy */
} leak;

/* Blocks noted by the thread: each 64th looks at the clock. */
static __thread unsigned nnoted __attribute__((tls_model("initial-exec")));

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

static const char *parse_period(const char *value, struct cgc_leak_options *o) {
  uint64_t n;
  if (!to_number(value, 1000000000, &n) || n == 0)
    return "period= is a number of seconds, at least 1";
  o->period_ns = n * 1000000000;
  return NULL;
}

/* By number, or by name with or without SIG. */
static const char *parse_signal(const char *value, size_t len,
                                struct cgc_leak_options *o) {
  uint64_t n;
  if (len > 3 && memcmp(value, "SIG", 3) == 0) {
    value += 3;
    len -= 3;
  }
  if (to_number(value, SIGRTMAX, &n) && n > 0)
    o->signal = (int)n;
  for (int i = 1; i < SIGRTMIN; i++)
    if (sigabbrev_np(i) && is_word(value, len, sigabbrev_np(i)))
      o->signal = i;
  return o->signal ? NULL : "signal= is the name or the number of a signal";
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
  else if ((value = value_of(item, "period")))
    return parse_period(value, o);
  else if ((value = value_of(item, "signal")))
    return parse_signal(value, (size_t)(item + len - value), o);
  else if ((value = value_of(item, "fail")))
    return cgc_fail_parse(value);
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

/* ---- Notes --------------------------------------------------------------- */

static bool is_due(void) {
  uint64_t next = atomic_load_explicit(&leak.next_ns, memory_order_relaxed);
  uint64_t now = ++nnoted % 64 == 0 ? cgc_thread_now_ns() : 0;
  return now >= next && atomic_compare_exchange_strong_explicit(
                            &leak.next_ns, &next, now + cgc_leak.period_ns,
                            memory_order_relaxed, memory_order_relaxed);
}

static void serve(void) {
  if (atomic_exchange_explicit(&leak.asked, false, memory_order_relaxed))
    cgc_leak_check("request", NULL);
  if (cgc_leak.period_ns && is_due())
    cgc_leak_check("period", NULL);
}

/* The record is on its way into the cache while the stack is walked. */
void cgc_leak_made(const void *ptr, size_t size, const void *frame) {
  if (!ptr)
    return;
  cgc_block_prefetch(ptr);
  cgc_block_made(ptr, size, cgc_stack_from(frame));
  if (cgc_unlikely(atomic_load_explicit(&leak.asked, memory_order_relaxed) ||
                   cgc_leak.period_ns))
    serve();
}

void cgc_leak_closed(void) {
  if (!cgc_leak.on)
    return;
  cgc_module_look(cgc_stack_close_module);
  cgc_callers_forget(); /* and so the numbers of stacks that are closed */
}

/* ---- One at a time ------------------------------------------------------- */

/* Who has it may be a thread that is not in this child of a fork. */
static bool take(uint32_t self, uint32_t *holder) {
  *holder = 0;
  if (atomic_compare_exchange_strong_explicit(
          &leak.busy, holder, self, memory_order_acquire, memory_order_relaxed))
    return true;
  return !cgc_thread_exists((pid_t)*holder) &&
         atomic_compare_exchange_strong_explicit(&leak.busy, holder, self,
                                                 memory_order_acquire,
                                                 memory_order_relaxed);
}

/* returns  false when the holder is this thread, in a signal handler now */
static bool begin(void) {
  uint32_t self = (uint32_t)cgc_thread_tid(), holder;
  while (!take(self, &holder)) {
    if (holder == self)
      return false;
    cgc_thread_futex_wait(&leak.busy, holder, 100000000);
  }
  return true;
}

static void end(void) {
  atomic_store_explicit(&leak.busy, 0, memory_order_release);
  cgc_thread_futex_wake(&leak.busy, INT32_MAX);
}

/* ---- The raw report ------------------------------------------------------ */

static void write_head(struct cgc_report *r, const char *reason) {
  char head[64];
  cgc_report_line(r, "cgc-leak 1");
  cgc_log_format(head, sizeof head, "process %d", cgc_thread_pid());
  cgc_report_text(r, head, cgc_printer_program());
  cgc_report_line(r, "reason %s check %u", reason, leak.nchecks);
  cgc_report_modules(r);
}

static void write_fault(struct cgc_report *r, const struct cgc_fault *fault) {
  cgc_report_stack(r, fault->stack);
  cgc_report_line(r, "fault %s %lu %u", cgc_fail_words[fault->kind],
                  fault->number, fault->stack);
}

static void write_calls(struct cgc_report *r) {
  struct cgc_fault fault;
  for (size_t i = 0; cgc_fail_get(i, &fault); i++)
    write_fault(r, &fault);
  if (cgc_fail_calls(CGC_FAIL_ANY) == 0)
    return;
  for (int kind = 0; kind < CGC_FAIL_KINDS; kind++)
    cgc_report_line(r, "calls %s %lu", cgc_fail_words[kind],
                    cgc_fail_calls((enum cgc_fail_kind)kind));
}

/*
 * How often in succession a stack's live bytes have risen is kept in `fresh',
 * which groups of live blocks have no other use for.
 */
static void write_growth(struct cgc_report *r) {
  struct cgc_groups *live = &leak.loss->live, swap;
  for (size_t i = 0; i < live->n; i++) {
    struct cgc_group *g = &live->all[i];
    const struct cgc_group *old =
        cgc_groups_find(&leak.before, g->class, g->stack, g->holder);
    if (old && leak.nchecks > 1 && g->heads.bytes > old->heads.bytes)
      g->fresh.objects = old->fresh.objects + 1;
    if (g->fresh.objects < GROWTHS)
      continue;
    cgc_report_stack(r, g->stack);
    cgc_report_line(r, "growth %u %lu %lu %lu", g->stack, g->heads.bytes,
                    g->heads.objects, g->fresh.objects);
  }
  swap = leak.before;
  leak.before = *live;
  *live = swap;
}

static int tell(const char *reason, bool growing) {
  struct cgc_report *r = leak.out;
  int fd = cgc_printer_open();
  if (fd < 0)
    return cgc_printer_fall_back(&leak.loss->groups);
  cgc_report_begin(r, fd);
  write_head(r, reason);
  cgc_report_groups(r, &leak.loss->groups);
  write_calls(r);
  if (growing)
    write_growth(r);
  int err = cgc_report_end(r);
  return cgc_printer_run(fd, err, &leak.loss->groups);
}

/* ---- Check --------------------------------------------------------------- */

static struct cgc_loss_query query_for(const struct cgc_leak_end *ending) {
  struct cgc_loss_query query = {.reachable = cgc_leak.reachable,
                                 .growing = !ending || ending->goes_on};
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
  return query;
}

int cgc_leak_check(const char *reason, const struct cgc_leak_end *ending) {
  struct cgc_loss_query query = query_for(ending);
  if (!cgc_leak_is_ours())
    return -ENOTSUP;
  if (!begin())
    return -EBUSY;
  if (!ending || !ending->in_handler)
    cgc_module_look(NULL);
  leak.nchecks++;
  int result = cgc_loss_find(&query, leak.loss);
  if (result == 0) {
    leak.lost = leak.loss->groups.total[CGC_CLASS_LOST].objects;
    result = tell(reason, query.growing);
  }
  end();
  return result;
}

size_t cgc_leak_lost(void) {
  return atomic_load_explicit(&leak.lost, memory_order_relaxed);
}

void cgc_leak_ask(void) {
  atomic_store_explicit(&leak.asked, true, memory_order_relaxed);
}

/* ---- Failing calls ------------------------------------------------------- */

/* At once, in a report of its own: the program may crash on it. */
static void tell_fault(const struct cgc_fault *fault) {
  if (!begin())
    return;
  int fd = leak.nfaults < FAULTS_TOLD ? cgc_printer_open() : -1;
  if (fd >= 0) {
    leak.nfaults++;
    cgc_report_begin(leak.out, fd);
    write_head(leak.out, "fault");
    write_fault(leak.out, fault);
    int err = cgc_report_end(leak.out);
    cgc_printer_run(fd, err, NULL);
  }
  end();
}

bool cgc_leak_fails(enum cgc_fail_kind kind, const void *frame) {
  struct cgc_fault fault;
  fault.kind = cgc_fail_count(kind, &fault.number);
  if (cgc_likely(fault.kind == CGC_FAIL_KINDS) || !cgc_leak_is_ours())
    return false;
  fault.stack = cgc_stack_from(frame);
  cgc_fail_note(fault);
  tell_fault(&fault);
  errno = ENOMEM;
  return true;
}

/* ---- Wrong frees --------------------------------------------------------- */

static void put_stack_number(char *to, size_t size, uint32_t stack) {
  if (stack == CGC_STACK_NONE)
    cgc_log_format(to, size, "-");
  else
    cgc_log_format(to, size, "%u", stack);
}

static void write_bad_free(struct cgc_report *r, const char *kind,
                           const void *ptr, uintptr_t block,
                           const struct cgc_block *b, uint32_t call) {
  char alloc[16], freed[16];
  uint32_t made = b ? b->stack : CGC_STACK_NONE;
  uint32_t gone = b ? b->freed : CGC_STACK_NONE;
  put_stack_number(alloc, sizeof alloc, made);
  put_stack_number(freed, sizeof freed, gone);
  cgc_report_stack(r, call);
  if (made)
    cgc_report_stack(r, made);
  if (gone)
    cgc_report_stack(r, gone);
  if (b && made)
    cgc_report_line(r, "badfree %s %lx %lx %lu %lu %u %s %s", kind,
                    (uintptr_t)ptr, block, (size_t)b->size,
                    (uintptr_t)ptr - block, call, alloc, freed);
  else
    cgc_report_line(r, "badfree %s %lx - - - %u - -", kind, (uintptr_t)ptr,
                    call);
}

/* A large block that was freed is no block any more, but it was one. */
static const struct cgc_block *
block_of(const void *ptr, const struct cgc_object *object, uintptr_t *addr) {
  *addr = object ? object->addr : (uintptr_t)ptr;
  return object ? cgc_block_find(object) : cgc_block_find_gone(ptr);
}

static bool tell_bad_free(enum cgc_misuse what, const void *ptr,
                          const struct cgc_object *object) {
  static const char *const kinds[] = {
      [CGC_MISUSE_DOUBLE_FREE] = "double",
      [CGC_MISUSE_INTERIOR] = "interior",
      [CGC_MISUSE_NOT_HEAP] = "wild",
  };
  uintptr_t addr;
  const struct cgc_block *b = block_of(ptr, object, &addr);
  uint32_t call = cgc_stack_here();
  const char *kind = b && !object ? "double" : kinds[what];
  if (!begin())
    return false;
  int fd = cgc_printer_open();
  if (fd >= 0) {
    cgc_report_begin(leak.out, fd);
    write_head(leak.out, "call");
    write_bad_free(leak.out, kind, ptr, addr, b, call);
    int err = cgc_report_end(leak.out);
    cgc_printer_run(fd, err, NULL);
  }
  end();
  return fd >= 0;
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
  leak.next_ns = cgc_thread_now_ns() + cgc_leak.period_ns;
  cgc_misuse_hook = tell_bad_free;
  return true;
}

bool cgc_leak_is_ours(void) {
  return cgc_leak.on &&
         (cgc_leak.follow ||
          cgc_thread_pid() ==
              atomic_load_explicit(&leak.pid, memory_order_relaxed));
}
