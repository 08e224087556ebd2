/* SPDX-License-Identifier: MIT */
/* Place: the 128 bytes below the stack pointer.
 * Arises: the ABI lets a leaf function keep its locals there without moving
 * rsp; a signal frame is built below them.
 */
#include "hold.h"

HOLD(hold_in_first_word, "mov %r12, -8(%rsp)\n\txor %r12d, %r12d",
     "mov -8(%rsp), %rax");
HOLD(hold_in_last_word, "mov %r12, -128(%rsp)\n\txor %r12d, %r12d",
     "mov -128(%rsp), %rax");

static const struct hold_case cases[] = {
    {"8 bytes below rsp", hold_in_first_word},
    {"128 bytes below rsp", hold_in_last_word},
};

int main(void) { return chain_verdict(hold_run(cases, 2)); }
