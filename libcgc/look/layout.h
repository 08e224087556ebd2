/* SPDX-License-Identifier: MIT */
/*
 * look/layout.h - the map of this library for those who read it from outside.
 *
 * gdb, `cgc heap' and whoever else has a process or a core file, but no debug
 * information, finds the heap from one exported object:
 *
 *   cgc_debug_root   magic | abi, entries | self | version | entry[] by name
 *
 * The entries are made from look/layout.def, so they cannot drift from the
 * structs.  The root stands in written data, which every core has.  It is
 * found by its name, by its magic, or by the ELF note "libcgc" in the first
 * page of the library, which every core has, too: the note says how far the
 * root is from it.
 *
 *   note   name "libcgc", type 1; int64 root - (address of this word),
 *          uint32 abi, uint32 bytes of the root
 *
 * The commands for gdb stand in the library, too, in a section that is not
 * loaded (.debug_gdb_scripts): gdb runs them where its auto-load safe-path has
 * the library, or the debug file that the section went to.
 *
 *   I1  self is the root's own address.
 *   I2  Names are unique.
 *
 * Who comes in: readers from outside; front/init says what the library is.
 */
#ifndef CGC_LOOK_LAYOUT_H
#define CGC_LOOK_LAYOUT_H

#include "base/base.h"

#define CGC_LAYOUT_MAGIC 0x31746f6f72636763ull /* "cgcroot1" */

enum {
  CGC_LAYOUT_ABI = 1, /* of the two structs below */
  CGC_LAYOUT_NAME_BYTES = 40,
  CGC_LAYOUT_VERSION_BYTES = 16,
  CGC_LAYOUT_NOTE_TYPE = 1
};

/*
 * A size, a field's offset, a number or an address.  width is the bytes of
 * what stands there; 0 for sizes and numbers.
 */
struct cgc_layout_entry {
  char name[CGC_LAYOUT_NAME_BYTES];
  uint64_t value;
  uint64_t width;
};

enum {
  CGC_LAYOUT_COUNT = 0
#define CGC_LAYOUT_SIZE(type) +1
#define CGC_LAYOUT_FIELD(type, field) +1
#define CGC_LAYOUT_CONST(name, value) +1
#define CGC_LAYOUT_ADDRESS(object) +1
#define CGC_LAYOUT_VIEW(view, i, name) +1
#include "look/layout.def"
#undef CGC_LAYOUT_SIZE
#undef CGC_LAYOUT_FIELD
#undef CGC_LAYOUT_CONST
#undef CGC_LAYOUT_ADDRESS
#undef CGC_LAYOUT_VIEW
};

struct cgc_debug_root {
  uint64_t magic;
  uint32_t abi;
  uint32_t entries;
  uint64_t self;
  char version[CGC_LAYOUT_VERSION_BYTES];
  uint32_t serves_malloc; /* the library that replaces malloc */
  uint32_t ready;         /* there is a heap */
  struct cgc_layout_entry entry[CGC_LAYOUT_COUNT];
};

/* const after cgc_layout_init() */
extern CGC_PUBLIC struct cgc_debug_root cgc_debug_root;

/** There is a heap now; SERVES_MALLOC as in front/init. */
void cgc_layout_init(bool serves_malloc);

/** Assert I1 and I2. */
void cgc_layout_check(void);

#endif
