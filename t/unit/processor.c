/* SPDX-License-Identifier: MIT */
#include "os/processor.h"

#include "unit.h"

#include <stdio.h>

/* What the kernel says of cache INDEX of the first processor; 0: nothing. */
static size_t told_by_kernel(int index) {
  char path[80];
  size_t kib = 0;
  snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/size",
           index);
  FILE *f = fopen(path, "r");
  if (!f)
    return 0;
  if (fscanf(f, "%zuK", &kib) != 1)
    kib = 0;
  fclose(f);
  return kib << 10;
}

START_TEST(the_largest_cache_is_the_one_that_the_kernel_knows) {
  size_t most = 0;
  for (int i = 0; i < 8; i++)
    most = cgc_max(most, told_by_kernel(i));
  if (most)
    ck_assert_uint_eq(cgc_processor_cache_bytes(), most);
}
END_TEST

START_TEST(it_says_the_same_each_time) {
  ck_assert_uint_eq(cgc_processor_cache_bytes(), cgc_processor_cache_bytes());
}
END_TEST

int main(void) {
  Suite *suite = suite_create("processor");
  TCase *core = tcase_create("core");
  tcase_add_test(core, the_largest_cache_is_the_one_that_the_kernel_knows);
  tcase_add_test(core, it_says_the_same_each_time);
  suite_add_tcase(suite, core);
  return unit_run(suite);
}
