/* SPDX-License-Identifier: MIT */
#include "os/cfi.h"

#include <dlfcn.h>
#include <string.h>

enum {
  STATES = 8, /* remembered at once */
  RBP = 6,
  RSP = 7,
  RIP = 16
};

_Static_assert(sizeof(struct cgc_cfi_rule) == 8, "a rule is one word");

/* ---- Reading ------------------------------------------------------------- */

struct reader {
  const uint8_t *at;
  const uint8_t *end;
  bool bad; /* ran over the end, or into what is not known here */
};

static uint64_t take(struct reader *r, size_t bytes) {
  uint64_t n = 0;
  if ((size_t)(r->end - r->at) < bytes) {
    r->bad = true;
    r->at = r->end;
    return 0;
  }
  memcpy(&n, r->at, bytes);
  r->at += bytes;
  return n;
}

/* LEB128.  shift: out, bits taken; last: out, the last byte. */
static uint64_t take_leb(struct reader *r, unsigned *shift, uint8_t *last) {
  uint64_t n = 0;
  *shift = 0;
  do {
    *last = (uint8_t)take(r, 1);
    if (*shift < 64)
      n |= (uint64_t)(*last & 0x7f) << *shift;
    *shift += 7;
  } while (*last & 0x80);
  return n;
}

static uint64_t take_unsigned(struct reader *r) {
  unsigned shift;
  uint8_t last;
  return take_leb(r, &shift, &last);
}

static int64_t take_signed(struct reader *r) {
  unsigned shift;
  uint8_t last;
  uint64_t n = take_leb(r, &shift, &last);
  if (shift < 64 && last & 0x40)
    n |= ~0ULL << shift;
  return (int64_t)n;
}

/* DW_EH_PE_*: absolute or relative to where it stands. */
static uintptr_t take_pointer(struct reader *r, uint8_t encoding) {
  uintptr_t base = (encoding & 0x70) == 0x10 ? (uintptr_t)r->at : 0;
  switch (encoding & 0x0f) {
  case 0x00:
  case 0x04:
  case 0x0c:
    return base + take(r, 8);
  case 0x03:
    return base + take(r, 4);
  case 0x0b:
    return base + (uintptr_t)(int32_t)take(r, 4);
  default:
    r->bad = true;
    return 0;
  }
}

/* ---- From an address to its description ---------------------------------- */

/* The header of .eh_frame's table: sorted pairs, relative to the header. */
struct header {
  uint8_t version;
  uint8_t frame_encoding;
  uint8_t count_encoding;
  uint8_t table_encoding;
  int32_t frame;
  uint32_t count;
  struct {
    int32_t start;
    int32_t entry;
  } pairs[];
};

static const uint8_t *find_entry(const struct header *h, uintptr_t pc) {
  size_t lo = 0, hi = h->count;
  intptr_t offset = (intptr_t)(pc - (uintptr_t)h);
  if (h->version != 1 || h->frame_encoding != 0x1b ||
      h->count_encoding != 0x03 || h->table_encoding != 0x3b)
    return NULL;
  while (lo < hi) {
    size_t mid = (lo + hi) / 2;
    if (h->pairs[mid].start <= offset)
      lo = mid + 1;
    else
      hi = mid;
  }
  return lo ? (const uint8_t *)h + h->pairs[lo - 1].entry : NULL;
}

/* What common and own entry of a function say. */
struct description {
  struct reader common; /* instructions that all functions begin with */
  struct reader own;    /* and those of this one */
  uintptr_t start;      /* of the function */
  uintptr_t bytes;
  uint64_t code_factor;
  int64_t data_factor;
  uint8_t encoding; /* of addresses */
  bool has_data;    /* entries have augmentation data */
  bool is_signal;
};

/* The entry at AT: its body after the length. */
static struct reader open_entry(const uint8_t *at) {
  struct reader r = {at, at + 4, false};
  uint32_t bytes = (uint32_t)take(&r, 4);
  r.end = r.at + bytes;
  r.bad = bytes == 0 || bytes == UINT32_MAX;
  return r;
}

/* The letters behind z, with what stands for each in the data. */
static void read_augmentation(struct reader *r, const char *letters,
                              struct description *d) {
  for (; *letters; letters++)
    if (*letters == 'R')
      d->encoding = (uint8_t)take(r, 1);
    else if (*letters == 'P')
      take_pointer(r, (uint8_t)take(r, 1));
    else if (*letters == 'L')
      take(r, 1);
    else if (*letters == 'S')
      d->is_signal = true;
    else if (*letters != 'B')
      r->bad = true;
}

static bool read_common(const uint8_t *at, struct description *d) {
  struct reader r = open_entry(at);
  uint32_t id = (uint32_t)take(&r, 4);
  uint8_t version = (uint8_t)take(&r, 1);
  const char *letters = (const char *)r.at;
  while (!r.bad && take(&r, 1) != 0)
    continue;
  if (r.bad || id != 0 || (version != 1 && version != 3))
    return false;
  d->code_factor = take_unsigned(&r);
  d->data_factor = take_signed(&r);
  uint64_t column = version == 1 ? take(&r, 1) : take_unsigned(&r);
  d->has_data = *letters == 'z';
  if (d->has_data) {
    uint64_t bytes = take_unsigned(&r);
    struct reader data = {r.at, r.at + bytes, false};
    read_augmentation(&data, letters + 1, d);
    take(&r, 0);
    r.at += bytes;
    r.bad |= data.bad || r.at > r.end;
  }
  d->common = r;
  return !r.bad && column == RIP && (d->has_data || *letters == '\0');
}

static bool read_own(const uint8_t *at, struct description *d) {
  struct reader r = open_entry(at);
  const uint8_t *here = r.at;
  uint32_t back = (uint32_t)take(&r, 4);
  if (r.bad || back == 0 || !read_common(here - back, d))
    return false;
  d->start = take_pointer(&r, d->encoding);
  d->bytes = take_pointer(&r, d->encoding & 0x0f);
  if (d->has_data) {
    uint64_t bytes = take_unsigned(&r);
    r.at += bytes;
    r.bad |= r.at > r.end;
  }
  d->own = r;
  return !r.bad;
}

static bool describe(uintptr_t pc, struct description *d) {
  struct dl_find_object object;
  *d = (struct description){.encoding = 0};
  if (_dl_find_object((void *)pc, &object) != 0 || !object.dlfo_eh_frame)
    return false;
  const uint8_t *entry = find_entry(object.dlfo_eh_frame, pc);
  return entry && read_own(entry, d) && pc - d->start < d->bytes;
}

/* ---- Running its instructions -------------------------------------------- */

enum how { KEPT, AT_CFA, AT_RBP, UNDEFINED, ODD };

struct reg {
  enum how how;
  int64_t offset;
};

struct state {
  enum cgc_cfi_kind cfa; /* NONE: none that a rule can say */
  int64_t offset;
  struct reg rbp;
  struct reg rip;
};

struct run {
  const struct description *d;
  struct reader r;
  uintptr_t at; /* the code that the state is of */
  uintptr_t pc; /* the code that is wanted */
  struct state now;
  struct state first; /* after the common instructions */
  struct state remembered[STATES];
  size_t nremembered;
};

static struct reg *reg_of(struct run *run, uint64_t number) {
  return number == RBP ? &run->now.rbp : number == RIP ? &run->now.rip : NULL;
}

static void set_reg(struct run *run, uint64_t number, enum how how,
                    int64_t offset) {
  struct reg *reg = reg_of(run, number);
  if (reg)
    *reg = (struct reg){how, offset};
}

static void restore_reg(struct run *run, uint64_t number) {
  struct reg *reg = reg_of(run, number);
  if (reg)
    *reg = number == RBP ? run->first.rbp : run->first.rip;
}

static void set_cfa(struct run *run, uint64_t number) {
  run->now.cfa = number == RSP   ? CGC_CFI_RSP
                 : number == RBP ? CGC_CFI_RBP
                                 : CGC_CFI_NONE;
}

/* Only rbp + n, and that dereferenced: what realigned stacks need. */
static bool is_rbp_based(struct run *run, bool deref, int64_t *offset) {
  uint64_t bytes = take_unsigned(&run->r);
  struct reader e = {run->r.at, run->r.at + bytes, false};
  take(&run->r, 0);
  run->r.at += bytes;
  run->r.bad |= run->r.at > run->r.end;
  if (run->r.bad || take(&e, 1) != 0x70 + RBP)
    return false;
  *offset = take_signed(&e);
  if (deref && take(&e, 1) != 0x06)
    return false;
  return !e.bad && e.at == e.end;
}

static void cfa_expression(struct run *run) {
  bool known = is_rbp_based(run, true, &run->now.offset);
  run->now.cfa = known ? CGC_CFI_DEREF : CGC_CFI_NONE;
}

static void reg_expression(struct run *run) {
  uint64_t number = take_unsigned(&run->r);
  int64_t offset = 0;
  bool known = is_rbp_based(run, false, &offset);
  set_reg(run, number, known ? AT_RBP : ODD, offset);
}

static void odd_value(struct run *run, bool expression) {
  uint64_t number = take_unsigned(&run->r);
  int64_t unused;
  if (expression)
    is_rbp_based(run, false, &unused);
  else
    take_unsigned(&run->r);
  set_reg(run, number, ODD, 0);
}

static void remember(struct run *run) {
  if (run->nremembered == STATES)
    run->r.bad = true;
  else
    run->remembered[run->nremembered++] = run->now;
}

static void recall(struct run *run) {
  if (run->nremembered == 0)
    run->r.bad = true;
  else
    run->now = run->remembered[--run->nremembered];
}

static void advance(struct run *run, uint64_t delta) {
  run->at += delta * run->d->code_factor;
}

static void define_cfa(struct run *run, bool factored) {
  set_cfa(run, take_unsigned(&run->r));
  run->now.offset = factored ? take_signed(&run->r) * run->d->data_factor
                             : (int64_t)take_unsigned(&run->r);
}

/* DW_CFA_* that say where the code is that the next ones are for, and the CFA.
   returns  false: it is none of these */
static bool run_place(struct run *run, uint8_t op) {
  struct reader *r = &run->r;
  switch (op) {
  case 0x00: /* nop */
    return true;
  case 0x01: /* set_loc */
    run->at = take_pointer(r, run->d->encoding);
    return true;
  case 0x02: /* advance_loc1, 2, 4 */
  case 0x03:
  case 0x04:
    advance(run, take(r, (size_t)1 << (op - 2)));
    return true;
  case 0x0c: /* def_cfa */
  case 0x12: /* def_cfa_sf */
    define_cfa(run, op == 0x12);
    return true;
  case 0x0d: /* def_cfa_register */
    set_cfa(run, take_unsigned(r));
    return true;
  case 0x0e: /* def_cfa_offset */
    run->now.offset = (int64_t)take_unsigned(r);
    return true;
  case 0x0f: /* def_cfa_expression */
    cfa_expression(run);
    return true;
  case 0x13: /* def_cfa_offset_sf */
    run->now.offset = take_signed(r) * run->d->data_factor;
    return true;
  default:
    return false;
  }
}

/* DW_CFA_* that say where a register is, and the rest. */
static void run_register(struct run *run, uint8_t op) {
  struct reader *r = &run->r;
  int64_t factor = run->d->data_factor;
  uint64_t number;
  switch (op) {
  case 0x05: /* offset_extended */
    number = take_unsigned(r);
    set_reg(run, number, AT_CFA, (int64_t)take_unsigned(r) * factor);
    break;
  case 0x06: /* restore_extended */
    restore_reg(run, take_unsigned(r));
    break;
  case 0x07: /* undefined */
    set_reg(run, take_unsigned(r), UNDEFINED, 0);
    break;
  case 0x08: /* same_value */
    set_reg(run, take_unsigned(r), KEPT, 0);
    break;
  case 0x0a: /* remember_state */
    remember(run);
    break;
  case 0x0b: /* restore_state */
    recall(run);
    break;
  case 0x10: /* expression */
    reg_expression(run);
    break;
  case 0x11: /* offset_extended_sf */
    number = take_unsigned(r);
    set_reg(run, number, AT_CFA, take_signed(r) * factor);
    break;
  case 0x09: /* register */
  case 0x14: /* val_offset, val_offset_sf */
  case 0x15:
  case 0x16: /* val_expression */
    odd_value(run, op == 0x16);
    break;
  case 0x2e: /* GNU_args_size */
    take_unsigned(r);
    break;
  default:
    r->bad = true;
  }
}

static void run_one(struct run *run) {
  uint8_t op = (uint8_t)take(&run->r, 1);
  switch (op & 0xc0) {
  case 0x40:
    advance(run, op & 0x3f);
    break;
  case 0x80:
    set_reg(run, op & 0x3f, AT_CFA,
            (int64_t)take_unsigned(&run->r) * run->d->data_factor);
    break;
  case 0xc0:
    restore_reg(run, op & 0x3f);
    break;
  default:
    if (!run_place(run, op))
      run_register(run, op);
  }
}

/* Until the instructions end, or speak of code behind the one wanted. */
static bool run_all(struct run *run, struct reader r) {
  run->r = r;
  while (!run->r.bad && run->r.at < run->r.end && run->at <= run->pc) {
    struct state before = run->now;
    run_one(run);
    if (run->at > run->pc)
      run->now = before;
  }
  return !run->r.bad;
}

/* ---- Rules --------------------------------------------------------------- */

static bool fits(int64_t n) { return n >= -(1 << 28) && n < 1 << 28; }

static struct cgc_cfi_rule rule_of(const struct state *s) {
  struct cgc_cfi_rule rule = {.kind = CGC_CFI_NONE, .padding = 1};
  if (s->rip.how == UNDEFINED) {
    rule.kind = CGC_CFI_END;
    return rule;
  }
  if (s->rip.how != AT_CFA || s->rip.offset != -8 || s->rbp.how == ODD ||
      !fits(s->offset) || !fits(s->rbp.offset))
    return rule;
  rule.kind = s->cfa & 7;
  rule.cfa = s->offset;
  rule.saved = s->rbp.how == AT_CFA ? 1 : s->rbp.how == AT_RBP ? 2 : 0;
  rule.rbp = s->rbp.offset;
  return rule;
}

struct cgc_cfi_rule cgc_cfi_look_up(uintptr_t pc) {
  struct description d;
  struct cgc_cfi_rule none = {.kind = CGC_CFI_NONE, .padding = 1};
  if (!describe(pc, &d))
    return none;
  if (d.is_signal)
    return (struct cgc_cfi_rule){.kind = CGC_CFI_SIGNAL, .padding = 1};
  struct run run = {.d = &d, .at = d.start, .pc = pc};
  if (!run_all(&run, d.common))
    return none;
  run.first = run.now;
  return run_all(&run, d.own) ? rule_of(&run.now) : none;
}
