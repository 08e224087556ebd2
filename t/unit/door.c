/* SPDX-License-Identifier: MIT */
/* front/door: names that bdwgc has, too. */
#include "front/door.h"

#include "cgc.h"
#include "unit.h"

#include <dlfcn.h>
#include <string.h>

enum { OURS = 0 << 16 | 1 << 8 | 0, BDWGC = 8 << 16 };

START_TEST(a_closed_door_leads_to_us) {
  ck_assert_uint_eq(GC_get_version(), OURS);
}
END_TEST

START_TEST(the_first_call_keeps_its_arguments) {
  void *block = NULL;
  ck_assert_int_eq(GC_posix_memalign(&block, 256, 100), 0);
  ck_assert_uint_eq((uintptr_t)block % 256, 0);
  ck_assert_uint_ge(GC_size(block), 100);
  ck_assert_str_eq(GC_strndup("abcdef", 4), "abcd");
}
END_TEST

static void load_bdwgc(void) {
  char path[4096];
  const char *build = getenv("top_builddir");
  snprintf(path, sizeof path, "%s/.libs/libgc.so.1", build ? build : ".");
  if (!dlopen(path, RTLD_LAZY | RTLD_LOCAL))
    ck_abort_msg("%s", dlerror());
}

START_TEST(where_bdwgc_is_loaded_a_closed_door_leads_to_it) {
  load_bdwgc();
  ck_assert_uint_ge(GC_get_version(), BDWGC);
}
END_TEST

START_TEST(who_comes_before_it_is_loaded_stays_with_us) {
  ck_assert_uint_eq(GC_get_version(), OURS);
  load_bdwgc();
  void *block = GC_malloc(40);
  ck_assert_uint_eq(GC_get_version(), OURS);
  ck_assert(GC_is_heap_ptr(block));
}
END_TEST

int main(void) {
  Suite *s = suite_create("door");
  TCase *core = tcase_create("core");
  tcase_add_test(core, a_closed_door_leads_to_us);
  tcase_add_test(core, the_first_call_keeps_its_arguments);
  tcase_add_test(core, where_bdwgc_is_loaded_a_closed_door_leads_to_it);
  tcase_add_test(core, who_comes_before_it_is_loaded_stays_with_us);
  suite_add_tcase(s, core);
  return unit_run(s);
}
