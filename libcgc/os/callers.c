/* SPDX-License-Identifier: MIT */
#include "os/callers.h"

#include "os/cfi.h"
#include "os/page.h"

#include <string.h>

enum {
  PLACE_BITS = 14,
  PLACES = 1 << PLACE_BITS,
  FRAME_MAX = 16 << 20,        /* bytes of one frame that are believed */
  KEPT = CGC_CALLERS_MAX + 24, /* frames */
  GROUP = 4,                   /* of frames or words compared at once */
  MEMO_BITS = 7,
  MEMOS = 1 << MEMO_BITS,
  MEMO_WORDS = 56
};

/* Of a ucontext_t: the general registers, as the kernel stores them. */
enum { GREGS = 40, GREG_RBP = 10, GREG_RSP = 15, GREG_RIP = 16 };

static const uint64_t multiplier = 0x9e3779b97f4a7c15ULL;

struct place {
  _Atomic uint64_t check; /* pc ^ rule */
  _Atomic uint64_t rule;
};

static struct place *table;
static _Atomic unsigned nforgets;

/* ---- The table ----------------------------------------------------------- */

void cgc_callers_init(void) { table = cgc_page_map(PLACES * sizeof *table); }

void cgc_callers_forget(void) {
  if (table)
    cgc_page_discard(table, PLACES * sizeof *table);
  atomic_fetch_add_explicit(&nforgets, 1, memory_order_relaxed);
}

static CGC_NOINLINE struct cgc_cfi_rule learn(struct place *place,
                                              uintptr_t pc) {
  struct cgc_cfi_rule rule = cgc_cfi_look_up(pc);
  uint64_t word;
  memcpy(&word, &rule, sizeof word);
  if (place) {
    atomic_store_explicit(&place->check, pc ^ word, memory_order_relaxed);
    atomic_store_explicit(&place->rule, word, memory_order_relaxed);
  }
  return rule;
}

/* Two threads may write one place at once: then the check fails. */
CGC_INLINE struct cgc_cfi_rule rule_for(uintptr_t pc) {
  if (cgc_unlikely(!table))
    return learn(NULL, pc);
  struct place *place = &table[(pc * multiplier) >> (64 - PLACE_BITS)];
  uint64_t word = atomic_load_explicit(&place->rule, memory_order_relaxed);
  uint64_t check = atomic_load_explicit(&place->check, memory_order_relaxed);
  struct cgc_cfi_rule rule;
  if (cgc_unlikely((check ^ word) != pc))
    return learn(place, pc);
  memcpy(&rule, &word, sizeof rule);
  return rule;
}

/* ---- Frames -------------------------------------------------------------- */

/*
 * rbp is any register to most code.  A frame needs it if a frame further out
 * computes its CFA from it before it is loaded anew.  Elsewhere it may be a
 * pointer to a block, and the walks that are kept must not keep that alive: so
 * it is inverted.
 */
struct frame {
  uintptr_t pc;    /* a return address, or of the code that a signal met */
  uintptr_t sp;    /* the CFA of the frame before */
  uintptr_t bp;    /* inverted; right where it is needed */
  uintptr_t bp_at; /* where it was loaded from; 0: kept from the frame before */
  bool exact;      /* pc is no return address */
  bool anew;       /* more was read on the way to it than is kept */
  bool uses_bp;    /* its rule does */
  bool loads_bp;
};

CGC_SCANS_MEMORY
CGC_INLINE uintptr_t word_at(uintptr_t addr) {
  return *(const volatile uintptr_t *)addr;
}

CGC_INLINE void fill(struct frame *f, uintptr_t pc, uintptr_t sp, uintptr_t bp,
                     bool exact) {
  f->pc = pc;
  f->sp = sp;
  f->bp = bp;
  f->bp_at = 0;
  f->exact = f->anew = exact;
  f->uses_bp = f->loads_bp = false;
}

/* returns  whether F may be a frame: code is in the lower half of memory */
CGC_INLINE bool is_frame(const struct frame *f) {
  return f->pc - 1 < ((uintptr_t)1 << 47) - 1;
}

/* FRAME: what a frame pointer points to. */
CGC_INLINE void begin(struct frame *f, uintptr_t frame) {
  fill(f, word_at(frame + 8), frame + 16, ~word_at(frame), false);
}

static bool leave_signal(const struct frame *frame, struct frame *f) {
  uintptr_t gregs = frame->sp + GREGS;
  fill(f, word_at(gregs + GREG_RIP * sizeof(uintptr_t)),
       word_at(gregs + GREG_RSP * sizeof(uintptr_t)),
       ~word_at(gregs + GREG_RBP * sizeof(uintptr_t)), true);
  return is_frame(f);
}

CGC_INLINE bool leave_call(const struct frame *frame, struct frame *f,
                           uintptr_t cfa, struct cgc_cfi_rule rule) {
  if (cgc_unlikely(cfa - frame->sp > FRAME_MAX || cfa <= frame->sp ||
                   cfa % 8 != 0))
    return false;
  fill(f, word_at(cfa - 8), cfa, frame->bp, false);
  if (rule.saved) {
    f->bp_at =
        (rule.saved == 1 ? cfa : ~frame->bp) + (uintptr_t)(intptr_t)rule.rbp;
    f->bp = ~word_at(f->bp_at);
  }
  return is_frame(f);
}

/*
 * Make F, the caller's frame of FRAME.  A call may be a function's last
 * instruction: the rule is that of the call.
 */
CGC_INLINE bool step(struct frame *frame, struct frame *f) {
  struct cgc_cfi_rule rule = rule_for(frame->pc - !frame->exact);
  uintptr_t offset = (uintptr_t)(intptr_t)rule.cfa;
  frame->uses_bp =
      rule.kind == CGC_CFI_RBP || rule.kind == CGC_CFI_DEREF || rule.saved == 2;
  frame->loads_bp = rule.saved == 1 || rule.kind == CGC_CFI_SIGNAL;
  if (cgc_likely(rule.kind == CGC_CFI_RSP))
    return leave_call(frame, f, frame->sp + offset, rule);
  if (rule.kind == CGC_CFI_RBP)
    return leave_call(frame, f, ~frame->bp + offset, rule);
  if (rule.kind == CGC_CFI_DEREF) {
    bool is = leave_call(frame, f, word_at(~frame->bp + offset), rule);
    f->anew = true;
    return is;
  }
  return rule.kind == CGC_CFI_SIGNAL && leave_signal(frame, f);
}

size_t cgc_callers_capture(const void *frame, void **pcs, size_t n) {
  size_t found = 0;
  struct frame f, next;
  begin(&next, (uintptr_t)frame);
  do {
    f = next;
    pcs[found++] = (void *)(f.pc + f.exact);
  } while (found < n && step(&f, &next));
  return found;
}

/* ---- A thread's walks ---------------------------------------------------- */

/*
 * A frame of the last walk.  Where a new one comes to it (pc and sp the same,
 * bp if it is needed) the rules for its callers are the same, too, for as long
 * as the words that were read there have not changed: pc, and one more, which
 * is bp if it was loaded and is needed.
 */
struct kept {
  struct frame frame;
  bool needs_bp;
  uintptr_t also_at;
  uintptr_t also; /* inverted */
  uint64_t sum;   /* of this pc and those further out: what they hash to */
};

/*
 * A walk that came twice.  Its words, innermost first, less the first frame's,
 * and padded to whole groups; inverted, as they may be the program's pointers.
 */
struct memo {
  uintptr_t seen; /* key of the last walk that this was the place for */
  uintptr_t key;
  uintptr_t bp; /* inverted; of the first frame, if needed */
  bool needs_bp;
  uint8_t n;               /* words */
  uint16_t near;           /* a bit for each group that can be read at once */
  unsigned nforgets;       /* when the walk was made */
  uint32_t note;           /* 0: none */
  uint32_t at[MEMO_WORDS]; /* bytes from the first frame's sp */
  uintptr_t word[MEMO_WORDS];
};

struct cgc_callers {
  size_t first;      /* the innermost frame; the outermost is the last one */
  size_t n;          /* frames of the walk, as it was wanted */
  unsigned nforgets; /* when the walk was made */
  bool ended;        /* the outermost frame has no caller */
  struct kept frames[KEPT];
  struct memo memos[MEMOS];
};

struct cgc_callers *cgc_callers_new(void) {
  struct cgc_callers *c = cgc_page_map(sizeof *c);
  if (c)
    c->first = KEPT;
  return c;
}

void cgc_callers_delete(struct cgc_callers *c) {
  if (c)
    cgc_page_unmap(c, sizeof *c);
}

CGC_INLINE bool is_same(const struct frame *f, const struct kept *old) {
  return f->sp == old->frame.sp && f->pc == old->frame.pc &&
         f->exact == old->frame.exact &&
         (f->bp == old->frame.bp || !old->needs_bp);
}

CGC_SCANS_MEMORY
CGC_INLINE uintptr_t change(const struct kept *k) {
  return (word_at(k->frame.sp - 8) ^ k->frame.pc) |
         (~word_at(k->also_at) ^ k->also);
}

/* Whether the words of K and of the frames behind it are in ADDR's page. */
CGC_INLINE bool is_near(const struct kept *k, uintptr_t addr) {
  uintptr_t other = 0;
  for (size_t i = 0; i < GROUP; i++)
    other |= ((k[i].frame.sp - 8) ^ addr) | (k[i].also_at ^ addr);
  return other < CGC_OS_PAGE;
}

/*
 * How many frames from AT on are as they were, MAX at most.  Compared in
 * groups: how often a loop runs is hard to foresee.  But what stands behind a
 * word that has changed may be no stack any more, so a group is read only in a
 * page that was read.  (It may be a frame that is gone, or between variables:
 * a sanitizer is not to look.)
 */
CGC_SCANS_MEMORY
static size_t unchanged(const struct cgc_callers *c, size_t at, size_t max) {
  size_t i = at + 1, end = cgc_min(at + max, KEPT);
  for (; i + GROUP <= end; i += GROUP) {
    const struct kept *k = &c->frames[i];
    if (!is_near(k, k[-1].frame.sp - 8) ||
        change(k) | change(k + 1) | change(k + 2) | change(k + 3))
      break;
  }
  while (i < end && !c->frames[i].frame.anew && !change(&c->frames[i]))
    i++;
  return i - at;
}

/* Frames of the last walk with bp as it is now; BP is the first one's. */
static void copy_frames(struct frame *to, const struct kept *from, size_t n,
                        uintptr_t bp) {
  for (size_t i = 0; i < n; i++) {
    to[i] = from[i].frame;
    if (i > 0 && to[i].bp_at)
      bp = ~word_at(to[i].bp_at);
    to[i].bp = bp;
  }
}

/*
 * F has a caller at K + 1.  What came from a signal, say, is always looked at
 * anew: its other word never is all ones.
 */
CGC_INLINE void keep(struct kept *k, const struct frame *f, bool needs_bp,
                     uint64_t sum) {
  volatile struct frame *to = &k->frame; /* no wide loads of narrow stores */
  to->pc = f->pc;
  to->sp = f->sp;
  to->bp = f->bp;
  to->bp_at = f->bp_at;
  to->exact = f->exact;
  to->anew = f->anew;
  to->uses_bp = f->uses_bp;
  to->loads_bp = f->loads_bp;
  bool checks_bp = needs_bp && f->bp_at;
  k->needs_bp = needs_bp;
  k->also_at = checks_bp ? f->bp_at : f->sp - 8;
  k->also = f->anew ? 0 : checks_bp ? f->bp : ~f->pc;
  k->sum = sum;
}

/* The FOUND frames before AT are FRAMES from now on; from the outside in. */
CGC_INLINE void settle(struct cgc_callers *c, size_t at,
                       const struct frame *frames, size_t found) {
  uint64_t sum = at < KEPT ? c->frames[at].sum : 0;
  bool needs_bp = at < KEPT ? c->frames[at].needs_bp : !c->ended;
  c->first = at - found;
  while (found-- > 0) {
    const struct frame *f = &frames[found];
    needs_bp = f->uses_bp || (!f->loads_bp && needs_bp);
    sum = sum * multiplier + f->pc + f->exact;
    keep(&c->frames[--at], f, needs_bp, sum);
  }
}

static size_t settle_all(struct cgc_callers *c, const struct frame *frames,
                         size_t found, bool ended) {
  c->ended = ended;
  settle(c, KEPT, frames, found);
  return found;
}

static size_t walk(struct cgc_callers *c, uintptr_t frame, size_t max) {
  struct frame frames[CGC_CALLERS_MAX + 1];
  size_t found = 0, at = c->first;
  begin(&frames[0], frame);
  for (;;) {
    struct frame *f = &frames[found];
    while (at < KEPT && c->frames[at].frame.sp < f->sp)
      at++;
    if (at < KEPT && is_same(f, &c->frames[at])) {
      size_t same = unchanged(c, at, max - found);
      bool over = found + same == max || (at + same == KEPT && c->ended);
      if (cgc_likely(over && at >= found)) {
        settle(c, at, frames, found);
        return found + same;
      }
      copy_frames(f, &c->frames[at], same, f->bp);
      found += same;
      at += same;
    } else {
      found++;
    }
    if (found == max)
      return settle_all(c, frames, found, false);
    if (!step(&frames[found - 1], &frames[found]))
      return settle_all(c, frames, found, true);
  }
}

size_t cgc_callers_walk(struct cgc_callers *c, const void *frame, size_t max) {
  unsigned now = atomic_load_explicit(&nforgets, memory_order_relaxed);
  if (cgc_unlikely(c->nforgets != now))
    c->first = KEPT;
  c->nforgets = now;
  c->n = walk(c, (uintptr_t)frame, max);
  return c->n;
}

void *cgc_callers_pc(const struct cgc_callers *c, size_t i) {
  const struct frame *f = &c->frames[c->first + i].frame;
  return (void *)(f->pc + f->exact);
}

/* ---- Walks that come again ----------------------------------------------- */

CGC_INLINE uintptr_t key_of(uintptr_t pc, uintptr_t sp) {
  return (pc ^ sp << 16) * multiplier;
}

CGC_SCANS_MEMORY
CGC_INLINE uintptr_t memo_change(const struct memo *m, uintptr_t sp, size_t i) {
  return ~word_at(sp + m->at[i]) ^ m->word[i];
}

/* One after the other: what leads to a word is as it was. */
CGC_SCANS_MEMORY
static bool holds_here(const struct memo *m, uintptr_t sp, size_t i) {
  for (size_t end = i + GROUP; i < end; i++)
    if (memo_change(m, sp, i))
      return false;
  return true;
}

CGC_SCANS_MEMORY
CGC_INLINE bool holds(const struct memo *m, uintptr_t sp) {
  for (size_t i = 0, near = m->near; i < m->n; i += GROUP, near >>= 1)
    if (cgc_likely(near & 1)
            ? memo_change(m, sp, i) | memo_change(m, sp, i + 1) |
                  memo_change(m, sp, i + 2) | memo_change(m, sp, i + 3)
            : !holds_here(m, sp, i))
      return false;
  return true;
}

CGC_SCANS_MEMORY
uint32_t cgc_callers_recall(const struct cgc_callers *c, const void *frame) {
  struct frame f;
  begin(&f, (uintptr_t)frame);
  uintptr_t key = key_of(f.pc, f.sp);
  const struct memo *m = &c->memos[key >> (64 - MEMO_BITS)];
  if (m->key != key || (m->needs_bp && m->bp != f.bp) ||
      m->nforgets != atomic_load_explicit(&nforgets, memory_order_relaxed))
    return 0;
  return holds(m, f.sp) ? m->note : 0;
}

/* returns  false if there is no room */
static bool add_word(struct memo *m, uintptr_t sp, uintptr_t addr,
                     uintptr_t word) {
  if (m->n == MEMO_WORDS || addr - sp > UINT32_MAX)
    return false;
  m->at[m->n] = (uint32_t)(addr - sp);
  m->word[m->n++] = word;
  return true;
}

static bool add_frame(struct memo *m, uintptr_t sp, const struct kept *k) {
  return !k->frame.anew && add_word(m, sp, k->frame.sp - 8, ~k->frame.pc) &&
         (k->also_at == k->frame.sp - 8 ||
          add_word(m, sp, k->also_at, k->also));
}

/* Groups whose words are in one page with the word before, which was read. */
static void find_near(struct memo *m, uintptr_t sp) {
  uintptr_t before = sp - 8;
  m->near = 0;
  for (size_t i = 0; i < m->n; i++) {
    if (i % GROUP == 0)
      m->near |= (uint16_t)(1 << i / GROUP);
    if (((sp + m->at[i]) ^ before) >= CGC_OS_PAGE)
      m->near &= (uint16_t) ~(1 << i / GROUP);
    before = sp + m->at[i];
  }
}

static bool remember(struct memo *m, const struct cgc_callers *c) {
  const struct kept *first = &c->frames[c->first];
  uintptr_t sp = first->frame.sp;
  m->n = 0;
  for (size_t i = 1; i < c->n; i++)
    if (!add_frame(m, sp, first + i))
      return false;
  while (m->n % GROUP != 0)
    if (!add_word(m, sp, sp + m->at[m->n - 1], m->word[m->n - 1]))
      return false;
  find_near(m, sp);
  m->bp = first->frame.bp;
  m->needs_bp = first->needs_bp;
  m->nforgets = c->nforgets;
  return true;
}

void cgc_callers_note(struct cgc_callers *c, uint32_t note) {
  const struct frame *f = &c->frames[c->first].frame;
  uintptr_t key = key_of(f->pc, f->sp);
  struct memo *m = &c->memos[key >> (64 - MEMO_BITS)];
  if (m->seen == key) {
    m->key = remember(m, c) ? key : 0;
    m->note = note;
  }
  m->seen = key;
}

/* ---- Hashes -------------------------------------------------------------- */

static uint64_t mix(uint64_t h) {
  h = (h ^ h >> 32) * 0xd6e8feb86659fd93ULL;
  return h ^ h >> 32;
}

static uint64_t power(size_t n) {
  uint64_t result = 1;
  while (n-- > 0)
    result *= multiplier;
  return result;
}

/* A sum less that of what is further out. */
uint64_t cgc_callers_hash(const struct cgc_callers *c, size_t i, size_t n) {
  const struct kept *first = &c->frames[c->first + i];
  uint64_t sum = first->sum;
  if (cgc_unlikely(c->first + i + n < KEPT))
    sum -= first[n].sum * power(n);
  return mix(sum);
}

uint64_t cgc_callers_hash_of(void *const *pcs, size_t n) {
  uint64_t sum = 0;
  while (n-- > 0)
    sum = sum * multiplier + (uintptr_t)pcs[n];
  return mix(sum);
}
