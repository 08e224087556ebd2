/* SPDX-License-Identifier: MIT */
/* Place: the program break's area, taken by sbrk.
 * Arises: programs with an allocator of their own, old ones above all.
 */
#include "area.h"

int main(void) {
  return chain_verdict(area_run(sbrk(AREA_BYTES), "sbrk area"));
}
