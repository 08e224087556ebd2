/* SPDX-License-Identifier: MIT */
/* Place: one register of a thread that waits in a system call, and its result.
 * Arises: inlined system calls of runtimes.  A stop interrupts the call; it is
 * restarted with every register as it was.
 */
#include "hold.h"

int hold_pipe[2];

/* read(hold_pipe[0], rsp-256, 1) with the pointer in one register; 1 in rax. */
#define READ                                                                   \
  "lock incl hold_ready(%rip)\n\t"                                             \
  "mov hold_pipe(%rip), %edi\n\tlea -256(%rsp), %rsi\n\t"                      \
  "mov $1, %edx\n\txor %eax, %eax\n\tsyscall\n\t"                              \
  "cmp $1, %rax\n\tje 1f\n\tud2\n1:\t"
#define BLOCKED(reg, put)                                                      \
  void *blocked_##reg(void *(*make)(void));                                    \
  __asm__(HOLD_ENTER("blocked_" #reg) put READ "mov %" #reg                    \
                                               ", %rax\n\t" HOLD_LEAVE)
#define BLOCKED_MOVED(reg)                                                     \
  BLOCKED(reg, "mov %r12, %" #reg "\n\txor %r12d, %r12d\n\t")

BLOCKED_MOVED(rbx);
BLOCKED_MOVED(rbp);
BLOCKED_MOVED(r8);
BLOCKED(r12, "");
BLOCKED_MOVED(r15);

static const struct hold_case cases[] = {
    {"rbx, in read", blocked_rbx}, {"rbp, in read", blocked_rbp},
    {"r8, in read", blocked_r8},   {"r12, in read", blocked_r12},
    {"r15, in read", blocked_r15},
};
enum { NCASES = sizeof cases / sizeof *cases };

int main(void) {
  pthread_t t[NCASES];
  int nlost = 0;
  if (pipe(hold_pipe))
    chain_die("pipe");
  for (int i = 0; i < NCASES; i++)
    if (pthread_create(&t[i], NULL, hold_thread, (void *)&cases[i]))
      chain_die("pthread_create");
  while (hold_ready < NCASES)
    sched_yield();
  chain_scrub();
  chain_garbage();
  if (write(hold_pipe[1], "12345", NCASES) != NCASES)
    chain_die("write");
  for (int i = 0; i < NCASES; i++) {
    void *lost;
    pthread_join(t[i], &lost);
    nlost += (int)(intptr_t)lost;
  }
  return chain_verdict(nlost);
}
