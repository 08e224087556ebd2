/* SPDX-License-Identifier: MIT */
/* Place: one general register of a thread that runs and never calls.
 * Arises: any loop whose compiler did well.  The stopped thread's registers
 * are in the signal frame alone.
 */
#include "hold.h"

HOLD_REGISTER(rax);
HOLD_REGISTER(rbx);
HOLD_REGISTER(rcx);
HOLD_REGISTER(rdx);
HOLD_REGISTER(rsi);
HOLD_REGISTER(rdi);
HOLD_REGISTER(rbp);
HOLD_REGISTER(r8);
HOLD_REGISTER(r9);
HOLD_REGISTER(r10);
HOLD_REGISTER(r11);
HOLD(hold_in_r12, "", "mov %r12, %rax");
HOLD_REGISTER(r13);
HOLD_REGISTER(r14);
HOLD_REGISTER(r15);

static const struct hold_case cases[] = {
    {"rax", hold_in_rax}, {"rbx", hold_in_rbx}, {"rcx", hold_in_rcx},
    {"rdx", hold_in_rdx}, {"rsi", hold_in_rsi}, {"rdi", hold_in_rdi},
    {"rbp", hold_in_rbp}, {"r8", hold_in_r8},   {"r9", hold_in_r9},
    {"r10", hold_in_r10}, {"r11", hold_in_r11}, {"r12", hold_in_r12},
    {"r13", hold_in_r13}, {"r14", hold_in_r14}, {"r15", hold_in_r15},
};

int main(void) {
  return chain_verdict(hold_run(cases, 5) + hold_run(cases + 5, 5) +
                       hold_run(cases + 10, 5));
}
