/* SPDX-License-Identifier: MIT */
/* Place: stacks and registers of threads made by clone alone, which no
 * pthread_create saw and which never allocate: with the parent's fs, with an fs
 * that points to zeroed memory, with none at all.  They wait or run.
 * Arises: run-time systems that bring their own threads.
 */
#include "chain.h"
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>

enum { STACK_BYTES = 256 * 1024 };

struct raw {
  struct chain_link *volatile given;
  volatile int taken, released; /* futexes */
  int spin;
  int tid; /* cleared by the kernel at the end */
};

static long raw_futex(volatile int *word, int op, int value) {
  long result;
  register long timeout __asm__("r10") = 0;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "0"(SYS_futex), "D"(word), "S"(op), "d"(value),
                     "r"(timeout)
                   : "rcx", "r11", "memory");
  return result;
}

/* No TLS here: no errno, no libc. */
static int thread(void *arg) {
  struct raw *r = arg;
  struct chain_link *volatile held = r->given;
  r->given = NULL;
  r->taken = 1;
  raw_futex(&r->taken, FUTEX_WAKE, 1);
  while (!r->released)
    if (r->spin)
      __asm__ volatile("pause");
    else
      raw_futex(&r->released, FUTEX_WAIT, 0);
  r->given = held;
  return 0;
}

CHAIN_FN void start(struct raw *r, int flags, void *tls) {
  char *stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (stack == MAP_FAILED)
    chain_die("mmap");
  r->given = chain_make(0);
  r->tid = 1;
  flags |= CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
           CLONE_SYSVSEM | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;
  if (clone(thread, stack + STACK_BYTES, flags, r, &r->tid, tls, &r->tid) < 0)
    chain_die("clone");
  while (!r->taken)
    raw_futex(&r->taken, FUTEX_WAIT, 0);
}

static int finish(struct raw *r, const char *name) {
  int tid;
  r->released = 1;
  raw_futex(&r->released, FUTEX_WAKE, 1);
  while ((tid = *(volatile int *)&r->tid) != 0)
    raw_futex(&r->tid, FUTEX_WAIT, tid);
  return chain_check_named(r->given, 0, name);
}

int main(void) {
  static struct raw raw[4];
  char *zeroed = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  raw[3].spin = 1;
  start(&raw[0], 0, NULL);
  start(&raw[1], CLONE_SETTLS, zeroed + 4096);
  start(&raw[2], CLONE_SETTLS, NULL);
  start(&raw[3], CLONE_SETTLS, NULL);
  chain_scrub();
  chain_garbage();
  return chain_verdict(finish(&raw[0], "raw thread, parent's fs") +
                       finish(&raw[1], "raw thread, zeroed fs") +
                       finish(&raw[2], "raw thread, no fs") +
                       finish(&raw[3], "running raw thread, no fs"));
}
