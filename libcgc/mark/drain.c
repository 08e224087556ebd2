/* SPDX-License-Identifier: MIT */
#include "mark/drain.h"

enum {
  NEAR_MAX = 32,  /* words of an object that is scanned with its neighbours */
  FOLLOW_MAX = 16 /* windows of a list in one piece of a drain */
};

/* ---- Scanning --------------------------------------------------------- */

CGC_SCANS_MEMORY
CGC_INLINE void scan_range(struct cgc_marker *m, uintptr_t lo, uintptr_t hi,
                           uintptr_t block, struct cgc_sight look) {
  const uintptr_t *p = (const uintptr_t *)lo;
  size_t n = (hi - lo) / sizeof *p;
  bool first = lo == block || !block;
  if (look.way == CGC_SIGHT_THOROUGH && m->odd_words)
    cgc_sight_odd(m, p, n);
  struct cgc_lane l = m->lane;
  m->scanned_bytes += hi - lo;
  for (;; n -= CGC_SCAN_WORDS, p += CGC_SCAN_WORDS, first = false) {
    size_t now = n < CGC_SCAN_WORDS ? n : CGC_SCAN_WORDS;
    struct cgc_sight_group g =
        cgc_sight_look(m, &m->range, p, now, block, first, look);
    if (g.hits | g.distant)
      cgc_sight_see(m, &m->map, &m->range, &l, &g, look);
    if (n <= CGC_SCAN_WORDS)
      break;
  }
  m->lane = l;
}

/* ---- What comes next -------------------------------------------------- */

CGC_SCANS_MEMORY
CGC_INLINE bool is_elsewhere(const struct cgc_marker *m) {
  return m->by_span || m->queue.npieces || m->grey.words;
}

/* From the queue into the cache. */
CGC_SCANS_MEMORY
CGC_INLINE struct cgc_near pop_slot(const struct cgc_marker *m,
                                    const struct cgc_slot_map *map,
                                    struct cgc_lane *l) {
  uint64_t slot = m->queue.slots[--l->n];
  const struct cgc_slot_row *row = cgc_slot_row(map, slot);
  struct cgc_near near = {cgc_slot_address(map, slot), row};
  cgc_round_ask_for(near);
  return near;
}

CGC_SCANS_MEMORY
CGC_INLINE void enter_next(struct cgc_marker *m, struct cgc_lane *l,
                           struct cgc_near near) {
  m->next[(l->next + m->nnext++) % CGC_VISIT_NEXT] = near;
}

CGC_SCANS_MEMORY
CGC_INLINE struct cgc_near leave_next(struct cgc_marker *m,
                                      struct cgc_lane *l) {
  m->nnext--;
  return m->next[l->next++ % CGC_VISIT_NEXT];
}

/* All places are taken, before and after. */
CGC_SCANS_MEMORY
CGC_INLINE struct cgc_near
exchange_next(struct cgc_marker *m, struct cgc_lane *l, struct cgc_near near) {
  struct cgc_near *place = &m->next[l->next++ % CGC_VISIT_NEXT];
  struct cgc_near oldest = *place;
  *place = near;
  return oldest;
}

/*
 * Fill next, until one more waits.  When nothing waits the slots in the ring
 * are all that may bring more.
 * returns  false if there is nothing but what stands in next, or *BUDGET is
 *          used up
 */
CGC_SCANS_MEMORY
CGC_INLINE bool fill_next(struct cgc_marker *m, const struct cgc_slot_map *map,
                          struct cgc_lane *l, size_t *budget) {
  while (*budget) {
    while (m->nnext < CGC_VISIT_NEXT && l->n > 0)
      enter_next(m, l, pop_slot(m, map, l));
    if (l->n > 0 || l->grey)
      return true;
    if (m->visited != l->ring) {
      cgc_visit_all(m, map, l);
    } else if (is_elsewhere(m)) {
      m->lane = *l;
      *budget -= cgc_min(cgc_fetch(m), *budget);
      *l = m->lane;
    } else {
      return false;
    }
  }
  return false;
}

/* ---- Windows ---------------------------------------------------------- */

typedef uintptr_t (*step_fn)(const struct cgc_marker *m, struct cgc_window *w);

/* A kernel's ways that are not worth being inlined. */
struct ways {
  void (*see)(struct cgc_marker *m, const struct cgc_sight_group *g);
  uint64_t (*rest)(struct cgc_marker *m, const struct cgc_window *w);
  size_t (*apart)(struct cgc_marker *m, struct cgc_near near);
  bool (*run)(const struct cgc_marker *m, struct cgc_window *w,
              struct cgc_sight_group *far);
  step_fn step;
  size_t (*greys)(struct cgc_marker *m, size_t budget);
  void (*scan)(struct cgc_marker *m, uintptr_t lo, uintptr_t hi,
               uintptr_t block);
};

CGC_SCANS_MEMORY
CGC_INLINE void see_apart(struct cgc_marker *m, const struct cgc_sight_group *g,
                          struct cgc_sight look) {
  struct cgc_lane l = m->lane;
  cgc_sight_see(m, &m->map, &m->range, &l, g, look);
  m->lane = l;
}

/* The words of a longer object from the ninth on. */
CGC_SCANS_MEMORY
CGC_INLINE uint64_t scan_rest(struct cgc_marker *m, const struct cgc_window *w,
                              struct cgc_sight look) {
  struct cgc_lane l = m->lane;
  const uintptr_t *p = (const uintptr_t *)w->addr;
  size_t n = w->row->words;
  uint64_t found = 0;
  for (size_t i = CGC_SCAN_WORDS; i < n; i += CGC_SCAN_WORDS) {
    size_t now = n - i < CGC_SCAN_WORDS ? n - i : CGC_SCAN_WORDS;
    struct cgc_sight_group g =
        cgc_sight_look(m, &m->range, p + i, now, w->addr, false, look);
    struct cgc_scan_near near = look.near(p + i, now, &w->scan);
    if (near.words) {
      found |= near.slots;
      cgc_sight_leave_out(&g, near.words, look);
    }
    if (g.hits | g.distant)
      cgc_sight_see(m, &m->map, &m->range, &l, &g, look);
  }
  m->lane = l;
  return found;
}

/*
 * Scan the objects to do of a window, in the order of their addresses.  Each
 * step guesses that the next slot is the next object, so that the processor
 * need not wait for what this one names to go on.
 * returns  whether one was met that names others in FAR or is longer
 */
CGC_SCANS_MEMORY
CGC_INLINE bool run(const struct cgc_marker *m, struct cgc_window *w,
                    struct cgc_sight_group *far, struct cgc_sight look) {
  const struct cgc_scan_range *range = &m->range;
  const struct cgc_scan_window window = w->scan;
  const size_t size = w->row->size, n = w->row->words;
  const size_t now = n < CGC_SCAN_WORDS ? n : CGC_SCAN_WORDS;
  uintptr_t addr = w->addr;
  uint64_t at = w->at, todo = w->todo, marked = w->marked;
  bool stop = false;
  while (todo && !stop) {
    uint64_t i = (uint64_t)__builtin_ctzl(todo);
    todo &= todo - 1;
    at++;
    addr += size;
    if (cgc_unlikely(i != at)) {
      at = i;
      addr = window.base + i * size;
      __asm__ volatile("" : "+r"(addr), "+r"(at)); /* no conditional move */
    }
    __builtin_prefetch((const void *)(addr + CGC_WINDOW_AHEAD));
    const uintptr_t *p = (const uintptr_t *)addr;
    struct cgc_sight_group g =
        cgc_sight_look(m, range, p, now, addr, true, look);
    struct cgc_scan_near near = look.near(p, now, &window);
    cgc_sight_leave_out(&g, near.words, look);
    todo |= near.slots & ~marked;
    marked |= near.slots;
    stop = g.hits | g.distant || n > CGC_SCAN_WORDS;
    if (cgc_unlikely(stop))
      *far = g;
  }
  w->addr = addr;
  w->at = at;
  w->todo = todo;
  w->marked = marked;
  return stop;
}

/* The object at hand, and all that is to be scanned with it. */
CGC_SCANS_MEMORY
CGC_INLINE size_t scan_window(struct cgc_marker *m, struct cgc_window *w,
                              struct cgc_sight look, struct ways ways) {
  const uintptr_t *p = (const uintptr_t *)w->addr;
  size_t n = w->row->words, now = n < CGC_SCAN_WORDS ? n : CGC_SCAN_WORDS;
  struct cgc_sight_group far =
      cgc_sight_look(m, &m->range, p, now, w->addr, true, look);
  struct cgc_scan_near here = look.near(p, now, &w->scan);
  if (here.words)
    cgc_window_ask_for(w);
  cgc_window_find(w, here.slots);
  cgc_sight_leave_out(&far, here.words, look);
  do {
    if (far.hits | far.distant)
      ways.see(m, &far);
    if (n > CGC_SCAN_WORDS)
      cgc_window_find(w, ways.rest(m, w));
  } while (ways.run(m, w, &far));
  return cgc_window_publish(m, w);
}

/*
 * An object that is not just to be looked at.
 * returns  how many others were scanned with it
 */
CGC_SCANS_MEMORY
CGC_INLINE size_t scan_apart(struct cgc_marker *m, struct cgc_near near,
                             struct cgc_sight look, struct ways ways) {
  size_t n = near.row->words, size = near.row->size;
  if (n == 0) {
    cgc_fetch_scan_described(m, near.addr, near.addr + size);
    return 0;
  }
  if (n > NEAR_MAX || m->whole) {
    ways.scan(m, near.addr, near.addr + size, near.addr);
    return 0;
  }
  struct cgc_window w = cgc_window_of(&m->map, near.addr);
  cgc_window_read(&w);
  m->scanned_bytes += size;
  return scan_window(m, &w, look, ways);
}

/*
 * How often in a row the word at WHICH, the only one of HITS, names the next
 * slot, from slot AT at ADDR on: as lists do that were made in order.
 */
CGC_SCANS_MEMORY
CGC_INLINE unsigned march(const struct cgc_marker *m,
                          const struct cgc_window *w, uintptr_t addr,
                          uint64_t at, uint64_t marked, unsigned hits,
                          unsigned which, struct cgc_sight look) {
  const size_t size = w->row->size, n = w->row->words;
  uint64_t limit = ((w->scan.bytes - 1) * w->scan.magic >> 32) - at;
  uint64_t ahead = marked >> at >> 1;
  unsigned steps = 0;
  if (ahead)
    limit = cgc_min(limit, (uint64_t)__builtin_ctzl(ahead));
  for (; steps < limit; steps++) {
    const uintptr_t *p = (const uintptr_t *)addr;
    __builtin_prefetch((const void *)(addr + CGC_WINDOW_AHEAD));
    struct cgc_sight_group g =
        cgc_sight_look(m, &m->range, p, n, addr, true, look);
    addr += size;
    if (g.hits != hits || g.distant ||
        *(const volatile uintptr_t *)&p[which] != addr)
      break;
  }
  return steps;
}

/*
 * From the object at hand on to the one that it alone names, as long as that
 * is in the window.  Each step guesses that the link stands where the last one
 * did, and that it leads to an object's start, so that the processor need not
 * wait for the slot to go on.
 * returns  a link that leads out of the window, or 0
 */
CGC_SCANS_MEMORY
CGC_INLINE uintptr_t step_on(const struct cgc_marker *m, struct cgc_window *w,
                             struct cgc_sight look) {
  const struct cgc_scan_range *range = &m->range;
  const struct cgc_scan_window window = w->scan;
  const size_t size = w->row->size, n = w->row->words;
  uint64_t marked = w->marked;
  uintptr_t addr = w->addr, out = 0;
  unsigned last = 0, which = 0;
  for (;;) {
    const uintptr_t *p = (const uintptr_t *)addr;
    struct cgc_sight_group g = cgc_sight_look(m, range, p, n, addr, true, look);
    if (g.hits == 0 || g.hits & (g.hits - 1) || g.distant)
      break;
    if (g.hits != last) {
      last = g.hits;
      which = (unsigned)__builtin_ctz(last);
      if (look.way == CGC_SIGHT_THOROUGH && which % 2 == 0)
        break;
      which >>= look.way == CGC_SIGHT_THOROUGH;
      __asm__ volatile("" : "+r"(which));
    }
    uintptr_t word = *(const volatile uintptr_t *)&p[which];
    if (word == addr + size) {
      uint64_t at = (addr - window.base) * window.magic >> 32;
      unsigned steps = march(m, w, addr, at, marked, last, which, look);
      marked |= ((1ULL << steps) - 1) << at << 1;
      addr += steps * size;
      if (steps > 0)
        continue;
    }
    uintptr_t offset = word - window.base;
    if (cgc_unlikely(offset >= window.bytes)) {
      out = word;
      break;
    }
    uint64_t i = offset * window.magic >> 32;
    uintptr_t start = window.base + i * size;
    if (look.way == CGC_SIGHT_STRICT &&
        !cgc_displacement_is_allowed(word - start))
      break;
    if (marked >> i & 1) {
      w->todo = 0;
      break;
    }
    marked |= 1ULL << i;
    addr = word;
    if (cgc_unlikely(word != start)) {
      addr = start;
      __asm__ volatile("" : "+r"(addr)); /* no conditional move */
    }
  }
  w->addr = addr;
  w->marked = marked;
  return out;
}

/*
 * The object is all there is, so there is no other miss to overlap with: a
 * list is followed from object to object.
 * returns  whether *NEAR is still to be scanned
 */
static CGC_NOINLINE bool follow(struct cgc_marker *m, struct cgc_near *near,
                                step_fn step) {
  if (near->row->words - 1u >= CGC_SCAN_WORDS)
    return true;
  struct cgc_window w = cgc_window_of(&m->map, near->addr);
  cgc_window_read(&w);
  w.todo = 1;
  for (int i = 0; i < FOLLOW_MAX && w.row->words - 1u < CGC_SCAN_WORDS; i++) {
    uintptr_t word = step(m, &w);
    if (word - m->range.base >= m->range.bytes ||
        (m->strict && !cgc_visit_counts(m, &m->map, word)) ||
        !cgc_slot_is_scanned(cgc_slot_find(&m->map, word)))
      break;
    cgc_window_publish(m, &w);
    w = cgc_window_of(&m->map, word);
    cgc_window_read(&w);
    w.todo = !(w.marked >> w.at & 1);
    if (!w.todo)
      break;
    w.marked |= 1ULL << w.at;
  }
  cgc_window_publish(m, &w);
  *near = (struct cgc_near){w.addr, w.row};
  return w.todo;
}

/* ---- Rounds ----------------------------------------------------------- */

/* Whether more is to be done than to look at the object's words. */
CGC_SCANS_MEMORY
CGC_INLINE bool is_apart(const struct cgc_marker *m, struct cgc_near near,
                         struct cgc_sight look) {
  const uintptr_t *p = (const uintptr_t *)near.addr;
  size_t n = near.row->words;
  if (n - 1 >= CGC_SCAN_WORDS || (look.way == CGC_SIGHT_THOROUGH && m->whole))
    return true;
  return look.way != CGC_SIGHT_STRICT && look.beside(p, n, near.addr);
}

/*
 * Objects that are only to be looked at leave their words to ROUND, the others
 * are scanned at once; meanwhile those of the next batch come in.
 * returns  how many others were scanned with them
 */
CGC_SCANS_MEMORY
CGC_INLINE size_t scan_batch(struct cgc_marker *m, struct cgc_round *round,
                             struct cgc_sight look, struct ways ways) {
  const struct cgc_batch *batch = &round->batch[!round->at];
  const struct cgc_batch *next = &round->batch[round->at];
  uintptr_t *to = round->words;
  size_t others = 0;
  for (size_t i = batch->n; i < next->n; i++)
    cgc_round_ask_for(next->near[i]);
  for (size_t i = 0; i < batch->n; i++) {
    struct cgc_near near = batch->near[i];
    cgc_round_ask_for(next->near[i]);
    if (cgc_unlikely(is_apart(m, near, look))) {
      others += ways.apart(m, near);
      continue;
    }
    const uintptr_t *p = (const uintptr_t *)near.addr;
    struct cgc_sight_group g =
        cgc_sight_look(m, &m->range, p, near.row->words, near.addr, true, look);
    m->scanned_bytes += near.row->size;
    if (cgc_unlikely(g.distant))
      ways.see(m, &g);
    else
      to = cgc_sight_collect(m, &g, to, look);
  }
  round->nwords = (size_t)(to - round->words);
  return others;
}

/*
 * Scan grey objects, a batch at a time, until there are no more.
 * returns  how many, and those scanned with them
 */
CGC_SCANS_MEMORY
CGC_INLINE size_t drain_greys(struct cgc_marker *m, size_t budget,
                              struct cgc_sight look, struct ways ways) {
  struct cgc_round round;
  size_t n = 0;
  cgc_round_open(&round, m);
  do {
    if (cgc_unlikely(cgc_fetch_is_asked(m)))
      cgc_fetch_share(m);
    n += cgc_round_fill(&round, m, n < budget);
    cgc_round_visit(&round, m);
    n += scan_batch(m, &round, look, ways);
    cgc_round_find(&round, m);
  } while (cgc_round_next(&round));
  return n;
}

/* ---- The loop --------------------------------------------------------- */

/*
 * Few objects name one beside them; one that does is looked at once more.
 * returns  how many others were scanned with it
 */
CGC_SCANS_MEMORY
CGC_INLINE size_t scan_object(struct cgc_marker *m,
                              const struct cgc_slot_map *map,
                              const struct cgc_scan_range *range,
                              struct cgc_lane *l, struct cgc_near near,
                              struct cgc_sight look, struct ways ways) {
  if (cgc_unlikely(is_apart(m, near, look))) {
    m->lane = *l;
    size_t others = ways.apart(m, near);
    *l = m->lane;
    return others;
  }
  const uintptr_t *p = (const uintptr_t *)near.addr;
  struct cgc_sight_group g =
      cgc_sight_look(m, range, p, near.row->words, near.addr, true, look);
  m->scanned_bytes += near.row->size;
  cgc_sight_see(m, map, range, l, &g, look);
  return 0;
}

CGC_SCANS_MEMORY
CGC_INLINE bool drain(struct cgc_marker *m, size_t budget,
                      struct cgc_sight look, struct ways ways) {
  const struct cgc_scan_range *range = &m->range;
  struct cgc_lane l = m->lane;
  while (budget > 0) {
    struct cgc_near near;
    bool alone = false;
    if (cgc_likely(l.n > 0 && m->nnext == CGC_VISIT_NEXT)) {
      near = exchange_next(m, &l, pop_slot(m, &m->map, &l));
    } else if (l.grey && l.n == 0) {
      m->lane = l;
      size_t n = ways.greys(m, budget);
      budget -= cgc_min(n, budget);
      l = m->lane;
      continue;
    } else {
      if (fill_next(m, &m->map, &l, &budget))
        continue;
      if (budget == 0)
        break;
      if (m->nnext == 0) {
        m->lane = l;
        if (!m->shared || !cgc_fetch_shared(m))
          return true;
        l = m->lane;
        continue;
      }
      near = leave_next(m, &l);
      alone = m->nnext == 0;
    }
    if (cgc_unlikely(cgc_fetch_is_asked(m))) {
      m->lane = l;
      cgc_fetch_share(m);
      l = m->lane;
    }
    if (alone && (look.way == CGC_SIGHT_STRICT || !m->whole)) {
      struct cgc_near at = near;
      m->lane = l;
      bool again = follow(m, &at, ways.step);
      l = m->lane;
      near = at;
      if (!again)
        continue;
    }
    size_t n = scan_object(m, &m->map, range, &l, near, look, ways) + 1;
    budget -= cgc_min(n, budget);
  }
  m->lane = l;
  return false;
}

/* ---- The loop for each kernel ----------------------------------------- */

/* ALONE: what looks at an object that is scanned without its neighbours. */
#define KERNEL(name, alone, target, ...)                                       \
  static const struct cgc_sight look_##name = {__VA_ARGS__};                   \
  CGC_SCANS_MEMORY target static CGC_NOINLINE void see_##name(                 \
      struct cgc_marker *m, const struct cgc_sight_group *g) {                 \
    see_apart(m, g, look_##name);                                              \
  }                                                                            \
  CGC_SCANS_MEMORY target static CGC_NOINLINE uint64_t rest_##name(            \
      struct cgc_marker *m, const struct cgc_window *w) {                      \
    return scan_rest(m, w, look_##name);                                       \
  }                                                                            \
  CGC_SCANS_MEMORY target static CGC_NOINLINE bool run_##name(                 \
      const struct cgc_marker *m, struct cgc_window *w,                        \
      struct cgc_sight_group *far) {                                           \
    return run(m, w, far, look_##name);                                        \
  }                                                                            \
  CGC_SCANS_MEMORY target static CGC_NOINLINE uintptr_t step_##name(           \
      const struct cgc_marker *m, struct cgc_window *w) {                      \
    return step_on(m, w, look_##name);                                         \
  }                                                                            \
  CGC_SCANS_MEMORY target static void scan_##name(                             \
      struct cgc_marker *m, uintptr_t lo, uintptr_t hi, uintptr_t block) {     \
    scan_range(m, lo, hi, block, look_##name);                                 \
  }                                                                            \
  CGC_SCANS_MEMORY target static CGC_NOINLINE size_t apart_##name(             \
      struct cgc_marker *m, struct cgc_near near) {                            \
    return scan_apart(m, near, look_##name,                                    \
                      (struct ways){.see = see_##name,                         \
                                    .rest = rest_##name,                       \
                                    .run = run_##name,                         \
                                    .scan = scan_##name});                     \
  }                                                                            \
  CGC_SCANS_MEMORY target static CGC_NOINLINE size_t greys_##name(             \
      struct cgc_marker *m, size_t budget) {                                   \
    return drain_greys(                                                        \
        m, budget, look_##alone,                                               \
        (struct ways){.see = see_##name, .apart = apart_##name});              \
  }                                                                            \
  CGC_SCANS_MEMORY target static bool drain_##name(struct cgc_marker *m,       \
                                                   size_t budget) {            \
    return drain(m, budget, look_##alone,                                      \
                 (struct ways){see_##name, rest_##name, apart_##name,          \
                               run_##name, step_##name, greys_##name,          \
                               scan_##name});                                  \
  }

#define KERNELS(name, alone, target)                                           \
  KERNEL(name, alone, target, CGC_SIGHT_ADDRESSES, cgc_scan_words_##name,      \
         NULL, cgc_scan_beside_##alone, cgc_scan_near_##name)                  \
  KERNEL(name##_careful, alone##_careful, target, CGC_SIGHT_CAREFUL,           \
         cgc_scan_words_##name, NULL, cgc_scan_beside_##alone,                 \
         cgc_scan_near_##name)                                                 \
  KERNEL(name##_strict, alone##_strict, target, CGC_SIGHT_STRICT,              \
         cgc_scan_words_##name, NULL, cgc_scan_beside_##alone,                 \
         cgc_scan_near_##name)                                                 \
  KERNEL(name##_thorough, alone##_thorough, target, CGC_SIGHT_THOROUGH,        \
         cgc_scan_places_##name, cgc_scan_distances_##name,                    \
         cgc_scan_beside_##alone, cgc_scan_near_##name)

/*
 * 64 bytes at once would be faster, but where an object is shorter the line
 * behind it would be waited for, though nothing of it is wanted: chains of
 * 5.6 million objects took 224 ms instead of 140.
 */
KERNELS(plain, plain, )
KERNELS(avx2, avx2, CGC_SCAN_TARGET_AVX2)
KERNELS(avx512, avx2, CGC_SCAN_TARGET_AVX512)

/* in the order of enum cgc_sight_way */
#define WAYS(name)                                                             \
  {                                                                            \
    {drain_##name, scan_##name},                                               \
        {drain_##name##_careful, scan_##name##_careful},                       \
        {drain_##name##_strict, scan_##name##_strict}, {                       \
      drain_##name##_thorough, scan_##name##_thorough                          \
    }                                                                          \
  }

static const struct cgc_drain_kernel kernels[CGC_SCAN_KERNELS][CGC_SIGHT_WAYS] =
    {
        [CGC_SCAN_PLAIN] = WAYS(plain),
        [CGC_SCAN_AVX2] = WAYS(avx2),
        [CGC_SCAN_AVX512] = WAYS(avx512),
};

const struct cgc_drain_kernel *cgc_drain_choose(enum cgc_scan_kernel kernel,
                                                enum cgc_sight_way way) {
  return &kernels[cgc_scan_choose(kernel)][way];
}
