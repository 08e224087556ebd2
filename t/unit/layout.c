/* SPDX-License-Identifier: MIT */
#include "look/layout.h"

#include "collector.h"

#include <elf.h>
#include <link.h>
#include <string.h>

/* What a reader knows: the bytes, and names. */
static const struct cgc_layout_entry *entry(const char *name) {
  const struct cgc_debug_root *r = &cgc_debug_root;
  for (uint32_t i = 0; i < r->entries; i++)
    if (strcmp(r->entry[i].name, name) == 0)
      return &r->entry[i];
  ck_abort_msg("no entry %s", name);
}

static uint64_t value(const char *name) { return entry(name)->value; }

static uint64_t load(uint64_t addr, uint64_t width) {
  uint64_t word = 0;
  memcpy(&word, (const void *)addr, width);
  return word;
}

/* The field called NAME of the struct at ADDR. */
static uint64_t field(uint64_t addr, const char *name) {
  const struct cgc_layout_entry *e = entry(name);
  return load(addr + e->value, e->width);
}

static uint64_t arena(void) { return value("@heap") + value("heap.arena"); }

static uint64_t span_of(uint64_t addr) {
  uint64_t page = (addr - field(arena(), "arena.base")) >> value("page_shift");
  return load(field(arena(), "arena.spans") + 8 * page, 8);
}

START_TEST(an_object_is_found_by_names_alone) {
  uint64_t obj = (uint64_t)collector_alloc(CGC_KIND_NOSCAN, 100);
  uint64_t span = span_of(obj + 50);
  uint64_t size = field(span, "span.slot_size");
  uint64_t i = (obj + 50 - field(span, "span.base")) / size;
  ck_assert_uint_eq(field(span, "span.base") + i * size, obj);
  ck_assert_uint_eq(load(span + value("span_slots") + i, 1),
                    value("slot_live"));
  ck_assert(value("kinds_noscan") >> field(span, "span.kind") & 1);
}
END_TEST

START_TEST(every_record_is_in_the_list) {
  uint64_t head = load(load(value("*mutators"), 8), 8);
  uint64_t m = head - value("mutator.link");
  ck_assert_uint_eq(m, (uint64_t)cgc_self);
  ck_assert_uint_eq(field(m, "mutator.tid"), (uint64_t)cgc_self->tid);
  ck_assert_uint_eq(field(head, "link.next"), load(value("*mutators"), 8));
}
END_TEST

START_TEST(counters_are_read_where_they_are) {
  collector_collect();
  ck_assert_uint_eq(field(value("@cycle_counters"), "cycle_counters.ncycles"),
                    1);
  ck_assert_uint_eq(load(value("@phase"), 4), CGC_PHASE_IDLE);
  ck_assert_uint_eq(field(value("@options"), "options.trigger"), CGC_MIB);
}
END_TEST

START_TEST(the_root_is_whole) {
  cgc_layout_check();
  ck_assert_uint_eq(cgc_debug_root.magic, CGC_LAYOUT_MAGIC);
  ck_assert_uint_eq(cgc_debug_root.ready, 0);
  cgc_layout_init(true);
  ck_assert_uint_eq(cgc_debug_root.ready, 1);
  ck_assert_uint_eq(cgc_debug_root.serves_malloc, 1);
}
END_TEST

/* The root that the note at P names, if it is ours; else 0. */
static uint64_t root_of_note(const char *p) {
  const Elf64_Nhdr *n = (const void *)p;
  const char *desc = p + sizeof *n + cgc_round_up(n->n_namesz, 4);
  if (n->n_type != CGC_LAYOUT_NOTE_TYPE || strcmp(p + sizeof *n, "libcgc") != 0)
    return 0;
  ck_assert_uint_eq(load((uint64_t)desc + 8, 4), CGC_LAYOUT_ABI);
  return (uint64_t)desc + load((uint64_t)desc, 8);
}

static int look_for_note(struct dl_phdr_info *info, size_t size, void *found) {
  (void)size;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
    const char *p = (const char *)info->dlpi_addr + ph->p_vaddr;
    const char *end = p + ph->p_memsz;
    while (ph->p_type == PT_NOTE && p < end) {
      const Elf64_Nhdr *n = (const void *)p;
      uint64_t root = root_of_note(p);
      if (root)
        *(uint64_t *)found = root;
      p += sizeof *n + cgc_round_up(n->n_namesz, 4) +
           cgc_round_up(n->n_descsz, ph->p_align == 8 ? 8 : 4);
    }
  }
  return 0;
}

START_TEST(the_note_leads_to_the_root) {
  uint64_t root = 0;
  dl_iterate_phdr(look_for_note, &root);
  ck_assert_uint_eq(root, (uint64_t)&cgc_debug_root);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("layout");
  TCase *core = tcase_create("core");
  tcase_add_checked_fixture(core, collector_setup, NULL);
  tcase_add_test(core, an_object_is_found_by_names_alone);
  tcase_add_test(core, every_record_is_in_the_list);
  tcase_add_test(core, counters_are_read_where_they_are);
  tcase_add_test(core, the_root_is_whole);
  tcase_add_test(core, the_note_leads_to_the_root);
  suite_add_tcase(suite, core);
  return unit_run(suite);
}
