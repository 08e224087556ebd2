/* SPDX-License-Identifier: MIT */
#include "mark/window.h"

/*
 * A scanned bit that another marker's plain store takes back costs another scan
 * of an object (mark/visit.h).
 */
size_t cgc_window_publish(struct cgc_marker *m, const struct cgc_window *w) {
  uint64_t fresh = w->marked & ~w->old, now = *w->word;
  if (m->by_span || m->bounded ||
      (m->shared && cgc_pool_is_wide(m->queue.pool)))
    w->word[w->row->lines] |= fresh;
  if (!m->shared)
    *w->word = now | fresh;
  else if (fresh)
    now = __atomic_fetch_or(w->word, fresh, __ATOMIC_SEQ_CST);
  size_t nscanned = cgc_popcount(fresh);
  m->marked[w->row->tag & 127] += cgc_popcount(fresh & ~now);
  m->scanned_bytes += nscanned * w->row->size;
  return nscanned;
}
