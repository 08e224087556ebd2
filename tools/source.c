/* SPDX-License-Identifier: MIT */
#include "source.h"

#include "demangle.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

enum {
  DEPTH_MAX = 64,   /* functions inlined into one another */
  OVERLAP_MAX = 16, /* ranges of units that may overlap */
};

struct unit {
  Dwarf_Die lines;  /* has the line table */
  Dwarf_Die scopes; /* has the functions; another die with split DWARF */
};

struct range {
  uint64_t low;
  uint64_t high; /* behind the last */
  struct unit *unit;
};

struct cgc_source {
  struct cgc_store *store;
  Dwarf *dwarf;
  struct range *ranges; /* sorted by low */
  size_t nranges;
};

/* ---- the units --------------------------------------------------------- */

struct ranges {
  struct range *array;
  size_t n;
};

/* The ranges of code that the linker left out begin at 0. */
static void add_range(struct ranges *r, uint64_t low, uint64_t high,
                      struct unit *unit) {
  if (low == 0 || high <= low)
    return;
  r->array = cgc_store_room(r->array, r->n, sizeof *r->array);
  r->array[r->n++] = (struct range){low, high, unit};
}

static void add_unit(struct cgc_source *s, struct ranges *r,
                     const Dwarf_Die *die, const Dwarf_Die *split) {
  struct unit *unit = cgc_store_alloc(s->store, sizeof *unit);
  Dwarf_Addr base, low, high;
  ptrdiff_t offset = 0;
  unit->lines = *die;
  unit->scopes = split->addr ? *split : *die;
  while ((offset = dwarf_ranges(&unit->lines, offset, &base, &low, &high)) > 0)
    add_range(r, low, high, unit);
}

static int compare(const void *a, const void *b) {
  const struct range *x = a, *y = b;
  return (x->low > y->low) - (x->low < y->low);
}

struct cgc_source *cgc_source_open(struct cgc_store *store, Dwarf *dwarf) {
  struct cgc_source *s = cgc_store_alloc(store, sizeof *s);
  struct ranges found = {NULL, 0};
  Dwarf_CU *cu = NULL;
  Dwarf_Die die, split;
  uint8_t type;
  s->store = store;
  s->dwarf = dwarf;
  while (dwarf_get_units(dwarf, cu, &cu, NULL, &type, &die, &split) == 0)
    if (type == DW_UT_compile || type == DW_UT_skeleton)
      add_unit(s, &found, &die, &split);
  if (found.n) {
    qsort(found.array, found.n, sizeof *found.array, compare);
    s->ranges = cgc_store_alloc(store, found.n * sizeof *s->ranges);
    memcpy(s->ranges, found.array, found.n * sizeof *s->ranges);
    s->nranges = found.n;
  }
  free(found.array);
  return s;
}

static struct unit *find_unit(const struct cgc_source *s, uint64_t addr) {
  size_t low = 0, high = s->nranges;
  while (low < high) {
    size_t mid = low + (high - low) / 2;
    if (s->ranges[mid].low <= addr)
      low = mid + 1;
    else
      high = mid;
  }
  for (size_t i = 0; i < OVERLAP_MAX && i < low; i++)
    if (addr < s->ranges[low - 1 - i].high)
      return s->ranges[low - 1 - i].unit;
  return NULL;
}

/* ---- one address ------------------------------------------------------- */

/* Where control stands in the function that is looked at. */
struct place {
  const char *file;
  unsigned line;
  unsigned column;
};

static const char *intern(struct cgc_source *s, const char *text) {
  return text ? cgc_store_intern(s->store, text, strlen(text)) : NULL;
}

/* A file's name, absolute where the unit says what it is relative to. */
static const char *full_path(struct cgc_source *s, struct unit *unit,
                             const char *name) {
  Dwarf_Attribute attr;
  const char *dir = NULL;
  if (!name || name[0] == '/')
    return intern(s, name);
  if (dwarf_attr(&unit->lines, DW_AT_comp_dir, &attr))
    dir = dwarf_formstring(&attr);
  if (!dir || dir[0] != '/')
    return intern(s, name);
  return cgc_store_format(s->store, "%s/%s", dir, name);
}

static struct place line_at(struct cgc_source *s, struct unit *unit,
                            uint64_t addr) {
  struct place place = {NULL, 0, 0};
  Dwarf_Line *line = dwarf_getsrc_die(&unit->lines, addr);
  int number = 0, column = 0;
  if (!line)
    return place;
  place.file = full_path(s, unit, dwarf_linesrc(line, NULL, NULL));
  if (dwarf_lineno(line, &number) == 0 && number > 0)
    place.line = (unsigned)number;
  if (dwarf_linecol(line, &column) == 0 && column > 0)
    place.column = (unsigned)column;
  return place;
}

static unsigned number_of(Dwarf_Die *die, unsigned name) {
  Dwarf_Attribute attr;
  Dwarf_Word value;
  if (!dwarf_attr(die, name, &attr) || dwarf_formudata(&attr, &value) != 0)
    return 0;
  return (unsigned)value;
}

/* Where the inlined function DIE was called. */
static struct place call_of(struct cgc_source *s, struct unit *unit,
                            Dwarf_Die *die) {
  struct place place = {NULL, 0, 0};
  Dwarf_Files *files;
  size_t nfiles, file = number_of(die, DW_AT_call_file);
  place.line = number_of(die, DW_AT_call_line);
  place.column = number_of(die, DW_AT_call_column);
  if (dwarf_getsrcfiles(&unit->scopes, &files, &nfiles) == 0 && file < nfiles)
    place.file = full_path(s, unit, dwarf_filesrc(files, file, NULL, NULL));
  return place;
}

static const char *name_of(struct cgc_source *s, Dwarf_Die *die) {
  Dwarf_Attribute attr;
  const char *name = NULL;
  if (dwarf_attr_integrate(die, DW_AT_linkage_name, &attr) ||
      dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &attr))
    name = dwarf_formstring(&attr);
  if (!name)
    name = dwarf_diename(die);
  return name ? cgc_demangle(s->store, name) : NULL;
}

static void fill(struct cgc_source *s, struct cgc_symbol_frame *frame,
                 Dwarf_Die *die, const struct place *place) {
  frame->function = name_of(s, die);
  frame->file = place->file;
  frame->line = place->line;
  frame->column = place->column;
}

/* Turn the scopes around an address, innermost first, into frames.  What is
   inlined into nothing known stays the last one. */
static size_t scopes_to_frames(struct cgc_source *s, struct unit *unit,
                               Dwarf_Die *scopes, int nscopes,
                               struct place place,
                               struct cgc_symbol_frame *frames) {
  size_t n = 0;
  for (int i = 0; i < nscopes && n < DEPTH_MAX; i++) {
    int tag = dwarf_tag(&scopes[i]);
    if (tag != DW_TAG_inlined_subroutine && tag != DW_TAG_subprogram)
      continue;
    fill(s, &frames[n++], &scopes[i], &place);
    if (tag == DW_TAG_subprogram)
      break;
    place = call_of(s, unit, &scopes[i]);
  }
  for (size_t i = 0; i + 1 < n; i++)
    frames[i].inlined = true;
  return n;
}

/* The scopes around ADDR as they are nested in the code: those of
   dwarf_getscopes() go on, from an inlined function, where it was written.
   returns  how many, malloc'ed */
static int scopes_at(struct unit *unit, uint64_t addr, Dwarf_Die **scopes) {
  Dwarf_Die innermost, *found;
  int n = dwarf_getscopes(&unit->scopes, addr, &found);
  if (n <= 0)
    return 0;
  innermost = found[0];
  free(found);
  n = dwarf_getscopes_die(&innermost, scopes);
  return n < 0 ? 0 : n;
}

size_t cgc_source_frames(struct cgc_source *s, uint64_t addr,
                         struct cgc_symbol_frame **frames) {
  struct cgc_symbol_frame found[DEPTH_MAX] = {{0}};
  struct unit *unit = find_unit(s, addr);
  Dwarf_Die *scopes = NULL;
  struct place place;
  size_t n = 0;
  int nscopes;
  if (!unit)
    return 0;
  place = line_at(s, unit, addr);
  nscopes = scopes_at(unit, addr, &scopes);
  if (nscopes > 0)
    n = scopes_to_frames(s, unit, scopes, nscopes, place, found);
  free(scopes);
  if (n == 0 && place.line) {
    found[0].file = place.file;
    found[0].line = place.line;
    found[0].column = place.column;
    n = 1;
  }
  *frames = cgc_store_alloc(s->store, n * sizeof **frames);
  memcpy(*frames, found, n * sizeof **frames);
  return n;
}
