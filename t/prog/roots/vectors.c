/* SPDX-License-Identifier: MIT */
/* Place: one vector register of a thread that runs and never calls.
 * Arises: memcpy, memmove and vectorised loops that move arrays of pointers;
 * for some instructions the only copy is in flight.
 */
#include "hold.h"

HOLD(hold_in_xmm0, "movq %r12, %xmm0\n\txor %r12d, %r12d", "movq %xmm0, %rax");
HOLD(hold_in_xmm15,
     "movq %r12, %xmm15\n\tpslldq $8, %xmm15\n\txor %r12d, %r12d",
     "psrldq $8, %xmm15\n\tmovq %xmm15, %rax");
HOLD(hold_in_ymm3,
     "vmovq %r12, %xmm3\n\tvpxor %xmm4, %xmm4, %xmm4\n\t"
     "vinserti128 $1, %xmm3, %ymm4, %ymm3\n\txor %r12d, %r12d",
     "vextracti128 $1, %ymm3, %xmm3\n\tvmovq %xmm3, %rax\n\tvzeroupper");
HOLD(hold_in_zmm20,
     "vmovq %r12, %xmm4\n\tvpxorq %zmm20, %zmm20, %zmm20\n\t"
     "vinserti64x2 $3, %xmm4, %zmm20, %zmm20\n\t"
     "vpxor %xmm4, %xmm4, %xmm4\n\txor %r12d, %r12d",
     "vextracti64x2 $3, %zmm20, %xmm4\n\tvmovq %xmm4, %rax\n\tvzeroupper");

static const struct hold_case cases[] = {
    {"xmm0", hold_in_xmm0},
    {"xmm15, upper half", hold_in_xmm15},
    {"ymm3, upper half", hold_in_ymm3},
    {"zmm20, upper quarter", hold_in_zmm20},
};

int main(void) {
  int n = 2;
  if (__builtin_cpu_supports("avx2"))
    n = 3;
  if (n == 3 && __builtin_cpu_supports("avx512dq"))
    n = 4;
  return chain_verdict(hold_run(cases, n));
}
