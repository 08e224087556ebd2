/* SPDX-License-Identifier: MIT */
#include "os/callers.h"

#include "os/cfi.h"
#include "os/page.h"

#include <string.h>

enum {
  PLACE_BITS = 14,
  PLACES = 1 << PLACE_BITS,
  FRAME_MAX = 16 << 20, /* bytes of one frame that are believed */
  RECENT = 48           /* frames of the last walk */
};

/* Of a ucontext_t: the general registers, as the kernel stores them. */
enum { GREGS = 40, GREG_RBP = 10, GREG_RSP = 15, GREG_RIP = 16 };

struct place {
  _Atomic uint64_t check; /* pc ^ rule */
  _Atomic uint64_t rule;
};

static struct place *table;

/* ---- The table ----------------------------------------------------------- */

void cgc_callers_init(void) { table = cgc_page_map(PLACES * sizeof *table); }

void cgc_callers_forget(void) {
  if (table)
    cgc_page_discard(table, PLACES * sizeof *table);
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
  struct place *place =
      &table[(pc * 0x9e3779b97f4a7c15ULL) >> (64 - PLACE_BITS)];
  uint64_t word = atomic_load_explicit(&place->rule, memory_order_relaxed);
  uint64_t check = atomic_load_explicit(&place->check, memory_order_relaxed);
  struct cgc_cfi_rule rule;
  if (cgc_unlikely((check ^ word) != pc))
    return learn(place, pc);
  memcpy(&rule, &word, sizeof rule);
  return rule;
}

/* ---- Walking ------------------------------------------------------------- */

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
  bool uses_bp;    /* its rule does */
  bool loads_bp;
  bool needs_bp;
};

/*
 * The thread's last walk, the outermost frame last in the array.  Where another
 * walk comes to a frame of it (pc and sp the same, bp if it is needed) the
 * rules for what is above are the same, too: it suffices to see that the words
 * read there have not changed.  Each frame is what one step made of the frame
 * before it.
 */
struct cgc_callers {
  size_t first;
  bool ended; /* the last frame has no caller */
  struct frame frames[RECENT];
};

struct cgc_callers *cgc_callers_new(void) {
  struct cgc_callers *recent = cgc_page_map(sizeof *recent);
  if (recent)
    recent->first = RECENT;
  return recent;
}

void cgc_callers_delete(struct cgc_callers *recent) {
  if (recent)
    cgc_page_unmap(recent, sizeof *recent);
}

CGC_SCANS_MEMORY
CGC_INLINE uintptr_t word_at(uintptr_t addr) {
  return *(const volatile uintptr_t *)addr;
}

static bool leave_signal(const struct frame *frame, struct frame *f) {
  uintptr_t gregs = frame->sp + GREGS;
  f->pc = word_at(gregs + GREG_RIP * sizeof(uintptr_t));
  f->bp = ~word_at(gregs + GREG_RBP * sizeof(uintptr_t));
  f->sp = word_at(gregs + GREG_RSP * sizeof(uintptr_t));
  f->bp_at = 0;
  f->exact = true;
  return f->pc != 0;
}

CGC_INLINE bool leave_call(const struct frame *frame, struct frame *f,
                           uintptr_t cfa, struct cgc_cfi_rule rule) {
  if (cgc_unlikely(cfa - frame->sp > FRAME_MAX || cfa <= frame->sp ||
                   cfa % 8 != 0))
    return false;
  f->pc = word_at(cfa - 8);
  f->sp = cfa;
  f->bp = frame->bp;
  f->bp_at = 0;
  f->exact = false;
  if (rule.saved) {
    f->bp_at =
        (rule.saved == 1 ? cfa : ~frame->bp) + (uintptr_t)(intptr_t)rule.rbp;
    f->bp = ~word_at(f->bp_at);
  }
  return f->pc != 0;
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
  if (rule.kind == CGC_CFI_DEREF)
    return leave_call(frame, f, word_at(~frame->bp + offset), rule);
  return rule.kind == CGC_CFI_SIGNAL && leave_signal(frame, f);
}

/* A loop: a frame or two mostly, and the library's copy starts slowly. */
CGC_INLINE void copy_words(struct frame *to, const struct frame *from,
                           size_t n) {
  volatile uintptr_t *out = (uintptr_t *)to;
  const uintptr_t *in = (const uintptr_t *)from;
  for (size_t i = 0; i < n * (sizeof *to / sizeof *out); i++)
    out[i] = in[i];
}

/* FRAME: what a frame pointer points to. */
CGC_INLINE void begin(struct frame *f, uintptr_t frame) {
  f->pc = word_at(frame + 8);
  f->sp = frame + 16;
  f->bp = ~word_at(frame);
  f->bp_at = 0;
  f->exact = false;
}

CGC_INLINE bool is_same(const struct frame *f, const struct frame *old) {
  return f->sp == old->sp && f->pc == old->pc && f->exact == old->exact &&
         (f->bp == old->bp || !old->needs_bp);
}

/* How many frames from AT on are as they were. */
static size_t unchanged(const struct cgc_callers *old, size_t at) {
  size_t n = at + 1;
  for (; n < RECENT; n++) {
    const struct frame *f = &old->frames[n];
    if (f->exact || word_at(f->sp - 8) != f->pc ||
        (f->needs_bp && f->bp_at && word_at(f->bp_at) != ~f->bp))
      break;
  }
  return n - at;
}

/* The callers of the last of FOUND frames, up to N in all. */
static size_t walk_on(struct frame *frames, size_t found, size_t n,
                      bool *ended) {
  while (found < n && !(*ended = !step(&frames[found - 1], &frames[found])))
    found++;
  return found;
}

/* From the outside in; NEXT: whether the frame behind the last one needs it. */
static void find_needs(struct frame *frames, size_t n, bool next) {
  while (n-- > 0)
    next = frames[n].needs_bp =
        frames[n].uses_bp || (!frames[n].loads_bp && next);
}

/* The last walk is FRAMES from here on; beyond its end all may be needed. */
static size_t keep(struct cgc_callers *walk, struct frame *frames, size_t n,
                   bool ended) {
  walk->first = RECENT - n;
  walk->ended = ended;
  if (!ended)
    frames[n - 1].uses_bp = true;
  find_needs(frames, n, false);
  memcpy(walk->frames + walk->first, frames, n * sizeof *frames);
  return n;
}

/* Frames of the last walk, with bp as it is now; BP is the first one's. */
static void copy_frames(struct frame *to, const struct frame *from, size_t n,
                        uintptr_t bp) {
  for (size_t i = 0; i < n; i++) {
    to[i] = from[i];
    if (i > 0 && from[i].bp_at)
      bp = ~word_at(from[i].bp_at);
    to[i].bp = bp;
  }
}

/*
 * FRAMES has what is new, FOUND of them, then F, where the last walk goes on
 * at AT.  returns  the frames in the whole walk, which is the last one now
 */
static size_t join(struct cgc_callers *old, struct frame *frames, size_t found,
                   size_t n, size_t at, const struct frame *f) {
  size_t same = cgc_min(unchanged(old, at), n - found);
  bool ended = at + same == RECENT && old->ended;
  if (at >= found && (ended || found + same == n)) {
    old->first = at - found;
    find_needs(frames, found, old->frames[at].needs_bp);
    copy_words(old->frames + old->first, frames, found);
    return found + same;
  }
  copy_frames(frames + found, old->frames + at, same, f->bp);
  found += same;
  if (!ended)
    found = walk_on(frames, found, n, &ended);
  return keep(old, frames, found, ended);
}

/* The frames of a walk that begins in FRAME; they are the last walk's then. */
static size_t walk_from(struct cgc_callers *old, uintptr_t frame, size_t n) {
  struct frame frames[RECENT + 1];
  size_t found = 0, at = old->first;
  bool ended = false;
  begin(&frames[0], frame);
  while (found < n && !ended) {
    const struct frame *f = &frames[found];
    while (at < RECENT && old->frames[at].sp < f->sp)
      at++;
    if (at < RECENT && is_same(f, &old->frames[at]))
      return join(old, frames, found, n, at, f);
    ended = !step(&frames[found], &frames[found + 1]);
    found++;
  }
  return keep(old, frames, found, ended);
}

static size_t walk_deep(void **pcs, uintptr_t frame, size_t n) {
  size_t found = 0;
  struct frame f, next;
  begin(&next, frame);
  do {
    f = next;
    pcs[found++] = (void *)(f.pc + f.exact);
  } while (found < n && step(&f, &next));
  return found;
}

size_t cgc_callers_capture(struct cgc_callers *recent, const void *frame,
                           void **pcs, size_t n) {
  if (!recent || n > RECENT)
    return walk_deep(pcs, (uintptr_t)frame, n);
  size_t found = walk_from(recent, (uintptr_t)frame, n);
  const struct frame *frames = recent->frames + recent->first;
  for (size_t i = 0; i < found; i++)
    pcs[i] = (void *)(frames[i].pc + frames[i].exact);
  return found;
}
