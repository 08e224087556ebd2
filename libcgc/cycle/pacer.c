/* SPDX-License-Identifier: MIT */
#include "cycle/pacer.h"

enum {
  STRETCH_MAX = 4,
  YIELD_INVERSE = 16,    /* less than this share reclaimed: nothing to find */
  HEADROOM_INVERSE = 16, /* at a limit: the least distance from live */
  EASE_MAX = 64,         /* times that distance, where cycles take too much */
  CACHED_PER_NS = 150,   /* bytes allocated, for what a cycle costs ... */
  FAR_PER_NS = 25        /* ... and where they leave the cache meanwhile */
};

static const size_t headroom_min = CGC_MIB;
static const size_t old_min = 4 * CGC_MIB; /* grown by, for a full cycle */
static const size_t near = CGC_MIB;        /* of a trigger by cost, from live */
static const size_t far = 32 * CGC_MIB;
static const size_t steady_far = 12 * CGC_MIB;
static const size_t first = 4 * CGC_MIB; /* the trigger before any cycle */
static const size_t usual_cache = 32 * CGC_MIB;

static size_t saturated_add(size_t a, size_t b) {
  return a > SIZE_MAX - b ? SIZE_MAX : a + b;
}

static size_t growth(const struct cgc_pacer *p, size_t live) {
  unsigned __int128 n = live;
  n = n * p->percent * p->stretch / 100;
  return n > SIZE_MAX ? SIZE_MAX : (size_t)n;
}

static size_t under_limit(const struct cgc_pacer *p, size_t live,
                          size_t trigger) {
  size_t headroom = cgc_max(live / HEADROOM_INVERSE, headroom_min) * p->ease;
  size_t least = saturated_add(live, headroom);
  if (p->limit_bytes == 0 || trigger <= p->limit_bytes)
    return trigger;
  return cgc_min(trigger, cgc_max(p->limit_bytes, least));
}

static size_t paid(const struct cgc_pacer *p, size_t per_ns, size_t most) {
  return cgc_min(cgc_min(p->cost_ns, most) * per_ns, most);
}

static bool is_steady(const struct cgc_pacer *p) { return p->stretch_max == 1; }

/* What the program may allocate for what a cycle costs. */
static size_t worth(const struct cgc_pacer *p) {
  size_t most = is_steady(p) ? steady_far : far;
  size_t cached = paid(p, CACHED_PER_NS, cgc_min(p->cached_bytes, most));
  return cgc_max(cached, paid(p, FAR_PER_NS, most));
}

/* The least trigger. */
static size_t floor_of(const struct cgc_pacer *p, size_t live) {
  if (p->minimum_bytes)
    return p->minimum_bytes;
  if (p->cost_ns == 0)
    return first;
  size_t full = is_steady(p) ? 50 : 100;
  size_t share = (size_t)cgc_min(p->percent, full) * worth(p) / full;
  return saturated_add(live, cgc_max(near, share));
}

static void set_trigger(struct cgc_pacer *p, size_t live) {
  size_t trigger = saturated_add(live, growth(p, live));
  trigger -= cgc_min(p->runway_bytes, (trigger - live) / 2);
  trigger = cgc_max(trigger, floor_of(p, live));
  trigger = cgc_max(trigger, p->room_bytes);
  trigger = under_limit(p, live, trigger);
  p->trigger_bytes = p->percent ? trigger : SIZE_MAX;
}

void cgc_pacer_init(struct cgc_pacer *p, uint64_t percent, size_t minimum_bytes,
                    size_t limit_bytes) {
  *p = (struct cgc_pacer){.percent = percent,
                          .minimum_bytes = minimum_bytes,
                          .limit_bytes = limit_bytes,
                          .stretch = 1,
                          .stretch_max = STRETCH_MAX,
                          .ease = 1};
  cgc_pacer_set_cache(p, 0);
  set_trigger(p, 0);
}

/* The rest is for what is alive, and for others. */
void cgc_pacer_set_cache(struct cgc_pacer *p, size_t bytes) {
  p->cached_bytes = (bytes ? bytes : usual_cache) / 8 * 3;
}

void cgc_pacer_set_percent(struct cgc_pacer *p, uint64_t percent, size_t live) {
  p->percent = percent;
  set_trigger(p, live);
}

void cgc_pacer_set_limit(struct cgc_pacer *p, size_t bytes, size_t live) {
  p->limit_bytes = bytes;
  set_trigger(p, live);
}

void cgc_pacer_set_cost(struct cgc_pacer *p, uint64_t ns, uint64_t program_ns,
                        size_t live) {
  p->cost_ns = cgc_max(ns, 1);
  if (ns > program_ns)
    p->ease = p->ease < EASE_MAX ? p->ease * 2 : EASE_MAX;
  else if (ns < program_ns / 2 && p->ease > 1)
    p->ease /= 2;
  set_trigger(p, live);
}

void cgc_pacer_set_steady(struct cgc_pacer *p) {
  p->stretch = p->stretch_max = 1;
}

void cgc_pacer_set_runway(struct cgc_pacer *p, size_t bytes) {
  p->runway_bytes = bytes;
}

void cgc_pacer_set_room(struct cgc_pacer *p, size_t bytes, size_t live) {
  p->room_bytes = bytes;
  set_trigger(p, live);
}

void cgc_pacer_set_full(struct cgc_pacer *p, size_t live) {
  p->full_bytes = live;
}

bool cgc_pacer_wants_full(const struct cgc_pacer *p) {
  size_t full = p->full_bytes;
  size_t grown = p->live_bytes - cgc_min(p->live_bytes, full);
  return grown >= cgc_max(full / 100 * p->percent / 2, old_min);
}

void cgc_pacer_update(struct cgc_pacer *p, size_t before, size_t live) {
  p->live_bytes = live;
  size_t reclaimed = before > live ? before - live : 0;
  if (reclaimed < before / YIELD_INVERSE)
    p->stretch = cgc_min(p->stretch * 2, p->stretch_max);
  else
    p->stretch = 1;
  set_trigger(p, live);
}

void cgc_pacer_put_off(struct cgc_pacer *p, size_t in_use) {
  if (p->percent)
    p->trigger_bytes =
        saturated_add(in_use, cgc_max(in_use / 4, floor_of(p, 0)));
}

void cgc_pacer_check(const struct cgc_pacer *p, size_t live) {
  cgc_check(p->stretch >= 1 && p->stretch <= p->stretch_max);
  cgc_check(p->ease >= 1 && p->ease <= EASE_MAX);
  cgc_check(p->trigger_bytes >= live);
  cgc_check(p->limit_bytes || p->trigger_bytes >= p->minimum_bytes);
}
