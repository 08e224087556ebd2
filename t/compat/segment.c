/* SPDX-License-Identifier: MIT */
/* Data of loaded objects. */
#define GC_THREADS
#include "contract.h"

#include <link.h>

static void *data[MANY];

CONTRACT_FN void fill(struct contract_flock *flock, void **where) {
  for (size_t i = 0; i < flock->n; i++) {
    where[i] = GC_malloc_atomic(40);
    contract_join(flock, i, where[i]);
  }
}

static size_t alive_by(void **where) {
  struct contract_flock flock = contract_flock(MANY);
  fill(&flock, where);
  contract_collect();
  return contract_alive(&flock);
}

START_TEST(segment_of_the_program_is_a_root) {
  GC_INIT();
  ck_assert_uint_eq(alive_by(data), MANY);
}
END_TEST

START_TEST(segment_is_no_root_without_dls) {
  GC_no_dls = 1;
  GC_INIT();
  contract_few(alive_by(data), MANY);
  GC_add_roots(data, data + MANY);
  ck_assert_uint_eq(alive_by(data), MANY);
  GC_remove_roots(data, data + MANY);
  contract_few(alive_by(data), MANY);
}
END_TEST

START_TEST(segment_parts_are_excluded) {
  GC_INIT();
  GC_exclude_static_roots(data, data + MANY);
  contract_few(alive_by(data), MANY);
}
END_TEST

START_TEST(segment_roots_are_added_and_cleared) {
  void **outside = malloc(MANY * sizeof *outside);
  GC_INIT();
  contract_few(alive_by(outside), MANY);
  GC_add_roots(outside, outside + MANY);
  ck_assert_uint_eq(alive_by(outside), MANY);
  GC_clear_roots();
  contract_few(alive_by(outside), MANY);
  ck_assert_uint_eq(alive_by(data), MANY);
}
END_TEST

static int nasked;
static int refuse(const char *name, void *start, size_t bytes) {
  nasked++;
  (void)name;
  return !((char *)start <= (char *)data &&
           (char *)data < (char *)start + bytes);
}

START_TEST(segment_is_a_root_if_the_function_wants_it) {
  GC_INIT();
  GC_register_has_static_roots_callback(refuse);
  contract_few(alive_by(data), MANY);
  ck_assert_int_gt(nasked, 1);
  GC_register_has_static_roots_callback(NULL);
}
END_TEST

/* The last word of the data of the object whose name has NAME in it. */
struct place {
  const char *name;
  void **last;
};

static int find_place(struct dl_phdr_info *info, size_t size, void *ctx) {
  struct place *place = ctx;
  (void)size;
  if (!strstr(info->dlpi_name, place->name))
    return 0;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
    if (ph->p_type == PT_LOAD && ph->p_flags & PF_W)
      place->last =
          (void **)(info->dlpi_addr +
                    ((ph->p_vaddr + ph->p_memsz - 8) & ~(ElfW(Addr))7));
  }
  return 1;
}

START_TEST(segment_of_a_library_opened_later_is_a_root) {
  struct place place = {"libstdc++", NULL};
  struct contract_flock flock = contract_flock(1);
  GC_INIT();
  GC_gcollect();
  if (dl_iterate_phdr(find_place, &place) != 0 || /* a sanitizer's */
      !dlopen("libstdc++.so.6", RTLD_NOW))
    return;
  ck_assert_int_eq(dl_iterate_phdr(find_place, &place), 1);
  void *was = *place.last;
  fill(&flock, place.last);
  contract_collect();
  ck_assert_uint_eq(contract_alive(&flock), 1);
  *place.last = was;
}
END_TEST

int main(void) {
  Suite *s = suite_create("segment");
  TCase *core = tcase_create("core");
  tcase_set_timeout(core, 60);
  tcase_add_test(core, segment_of_the_program_is_a_root);
  tcase_add_test(core, segment_is_no_root_without_dls);
  tcase_add_test(core, segment_parts_are_excluded);
  tcase_add_test(core, segment_roots_are_added_and_cleared);
  tcase_add_test(core, segment_is_a_root_if_the_function_wants_it);
  tcase_add_test(core, segment_of_a_library_opened_later_is_a_root);
  suite_add_tcase(s, core);
  return contract_run(s);
}
