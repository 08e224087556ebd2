/* SPDX-License-Identifier: MIT */
#include "look/layout.h"

#include "base/lock.h"
#include "base/option.h"
#include "cycle/cycle.h"
#include "look/block.h"
#include "look/module.h"
#include "look/stack.h"
#include "mark/displacement.h"
#include "mark/final.h"
#include "mark/kind.h"
#include "mark/table.h"
#include "os/page.h"
#include "world/kernel.h"
#include "world/mutator.h"
#include "world/range.h"

#include <string.h>

/* A bit for each kind of which it is true. */
enum {
  CGC_LAYOUT_NOSCAN = 1 << CGC_KIND_NOSCAN | 1 << CGC_KIND_PINNED_NOSCAN,
  CGC_LAYOUT_PINNED = 1 << CGC_KIND_PINNED | 1 << CGC_KIND_PINNED_NOSCAN
};

#define WIDTH_OF(type, field) sizeof(((struct cgc_##type *)0)->field)

/* Under a hidden name, so that the note can refer to it. */
struct cgc_debug_root cgc_layout_root = {
    .magic = CGC_LAYOUT_MAGIC,
    .abi = CGC_LAYOUT_ABI,
    .entries = CGC_LAYOUT_COUNT,
    .self = (uint64_t)&cgc_layout_root,
    .version = PACKAGE_VERSION,
    .entry =
        {
#define CGC_LAYOUT_SIZE(type) {#type, sizeof(struct cgc_##type), 0},
#define CGC_LAYOUT_FIELD(type, field)                                          \
  {#type "." #field, offsetof(struct cgc_##type, field), WIDTH_OF(type, field)},
#define CGC_LAYOUT_CONST(name, value) {#name, value, 0},
#define CGC_LAYOUT_ADDRESS(object)                                             \
  {"@" #object, (uint64_t)&cgc_##object, sizeof cgc_##object},
#define CGC_LAYOUT_VIEW(view, i, name)                                         \
  {"*" #name, (uint64_t)&cgc_##view[i], sizeof cgc_##view[i]},
#include "look/layout.def"
        },
};

extern struct cgc_debug_root cgc_debug_root
    __attribute__((alias("cgc_layout_root")));

__asm__(".pushsection .note.libcgc, \"a\", @note\n"
        ".balign 4\n"
        ".long 7, 16, 1\n"
        ".asciz \"libcgc\"\n"
        ".balign 4\n"
        ".quad cgc_layout_root - .\n"
        ".long 1, 0\n"
        ".popsection\n");
/* gdb's commands, whole: type 4 is Python, after a line with its name. */
__asm__(".pushsection .debug_gdb_scripts, \"MS\", @progbits, 1\n"
        ".byte 4\n"
        ".ascii \"libcgc-gdb\\n\"\n"
        ".incbin \"" CGC_GDB_SCRIPT "\"\n"
        ".byte 0\n"
        ".popsection\n");
_Static_assert(CGC_LAYOUT_ABI == 1 && CGC_LAYOUT_NOTE_TYPE == 1,
               "the note above");

void cgc_layout_init(bool serves_malloc) {
  cgc_layout_root.serves_malloc = serves_malloc;
  cgc_layout_root.ready = true;
}

void cgc_layout_check(void) {
  const struct cgc_debug_root *r = &cgc_layout_root;
  cgc_check(r->self == (uint64_t)&cgc_debug_root); /* I1 */
  for (uint32_t i = 0; i < r->entries; i++)
    for (uint32_t j = 0; j < i; j++)
      cgc_check(strcmp(r->entry[i].name, r->entry[j].name) != 0); /* I2 */
}
