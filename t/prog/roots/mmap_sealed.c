/* SPDX-License-Identifier: MIT */
/* Place: an anonymous mapping that was filled and then made read-only.
 * Arises: programs that seal their tables against stray writes.
 */
#include "area.h"

int main(void) {
  char *area = mmap(NULL, AREA_BYTES, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (area == MAP_FAILED)
    chain_die("mmap");
  area_keep(area);
  if (mprotect(area, AREA_BYTES, PROT_READ))
    chain_die("mprotect");
  chain_scrub();
  chain_garbage();
  return chain_verdict(
      chain_check_named(*area_slot(area), 0, "sealed mapping"));
}
