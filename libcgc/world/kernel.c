/* SPDX-License-Identifier: MIT */
#include "world/kernel.h"

#include "base/lock.h"
#include "os/page.h"

#include <errno.h>

enum { FIRST_SLOTS = 256, FIRST_EPOLLS = CGC_OS_PAGE / 8 };

/* An epoll instance. */
struct epoll {
  int fd;
  uint32_t nwords;
};

static struct {
  struct cgc_lock lock;
  struct cgc_kernel_entry *slot; /* guard: lock */
  size_t nslots;                 /* guard: lock; a power of two */
  size_t n;                      /* guard: lock */
  struct epoll *epoll;           /* guard: lock */
  size_t epoll_capacity;         /* guard: lock */
  _Atomic size_t nepolls;
  uintptr_t sent[CGC_KERNEL_SENT] CGC_ALIGNED(8); /* guard: lock */
  size_t nsent;                                   /* guard: lock */
} table = {.lock = CGC_LOCK_INIT(CGC_RANK_KERNEL)};

const void *const cgc_kernel_view[3] = {&table.slot, &table.nslots, table.sent};

void cgc_kernel_init(void) { cgc_lock_register(&table.lock); }

/* ---- epoll instances ------------------------------------------------------
 */

static int epfd_of(uint64_t key) { return (int)(key >> 32); }

static size_t nepolls(void) {
  return atomic_load_explicit(&table.nepolls, memory_order_relaxed);
}

static struct epoll *find_epoll_locked(int epfd) {
  for (size_t i = 0; i < nepolls(); i++)
    if (table.epoll[i].fd == epfd)
      return &table.epoll[i];
  return NULL;
}

static bool make_epoll_room_locked(void) {
  if (nepolls() < table.epoll_capacity)
    return true;
  struct epoll *fresh = cgc_page_grow(table.epoll, &table.epoll_capacity,
                                      sizeof *fresh, FIRST_EPOLLS);
  if (fresh)
    table.epoll = fresh;
  return fresh;
}

static void set_nepolls(size_t n) {
  atomic_store_explicit(&table.nepolls, n, memory_order_relaxed);
}

static bool add_epoll_locked(int epfd) {
  struct epoll *e = find_epoll_locked(epfd);
  if (!e) {
    if (!make_epoll_room_locked())
      return false;
    e = &table.epoll[nepolls()];
    *e = (struct epoll){epfd, 0};
    set_nepolls(nepolls() + 1);
  }
  e->nwords++;
  return true;
}

static void drop_epoll_locked(int epfd) {
  struct epoll *e = find_epoll_locked(epfd);
  if (--e->nwords == 0) {
    *e = table.epoll[nepolls() - 1];
    set_nepolls(nepolls() - 1);
  }
}

/* ---- the hash table ------------------------------------------------------ */

static size_t home_of(uint64_t kind, uint64_t key) {
  return (size_t)((key ^ kind << 61) * 0x9e3779b97f4a7c15u >> 20) &
         (table.nslots - 1);
}

static size_t next_slot(size_t i) { return (i + 1) & (table.nslots - 1); }

/* The slot of the key, or the free one where it belongs. */
static size_t find_locked(uint64_t kind, uint64_t key) {
  size_t i = home_of(kind, key);
  while (table.slot[i].kind != CGC_KERNEL_FREE &&
         (table.slot[i].kind != kind || table.slot[i].key != key))
    i = next_slot(i);
  return i;
}

static bool grow_locked(void) {
  struct cgc_kernel_entry *old = table.slot;
  size_t nold = table.nslots;
  size_t nslots = nold ? nold * 2 : FIRST_SLOTS;
  struct cgc_kernel_entry *fresh = cgc_page_map(nslots * sizeof *fresh);
  if (!fresh)
    return false;
  table.slot = fresh;
  table.nslots = nslots;
  for (size_t i = 0; i < nold; i++)
    if (old[i].kind != CGC_KERNEL_FREE)
      fresh[find_locked(old[i].kind, old[i].key)] = old[i];
  cgc_page_unmap(old, nold * sizeof *old);
  return true;
}

static bool is_between(size_t home, size_t from, size_t to) {
  return from <= to ? from < home && home <= to : from < home || home <= to;
}

/* Entries behind the hole move up if their home does not stand behind it. */
static void remove_locked(size_t hole) {
  if (table.slot[hole].kind == CGC_KERNEL_EPOLL)
    drop_epoll_locked(epfd_of(table.slot[hole].key));
  table.n--;
  for (size_t i = next_slot(hole); table.slot[i].kind != CGC_KERNEL_FREE;
       i = next_slot(i)) {
    size_t home = home_of(table.slot[i].kind, table.slot[i].key);
    if (!is_between(home, hole, i)) {
      table.slot[hole] = table.slot[i];
      hole = i;
    }
  }
  table.slot[hole] = (struct cgc_kernel_entry){0};
}

static bool set_locked(enum cgc_kernel_kind kind, uint64_t key,
                       uintptr_t word) {
  if ((table.n + 1) * 4 > table.nslots * 3 && !grow_locked()) /* I2 */
    return false;
  struct cgc_kernel_entry *e = &table.slot[find_locked(kind, key)];
  if (e->kind == CGC_KERNEL_FREE) {
    if (kind == CGC_KERNEL_EPOLL && !add_epoll_locked(epfd_of(key)))
      return false;
    table.n++;
  }
  *e = (struct cgc_kernel_entry){word, key, kind};
  return true;
}

/* ---- the contract -------------------------------------------------------- */

int cgc_kernel_set(enum cgc_kernel_kind kind, uint64_t key, uintptr_t word) {
  cgc_lock(&table.lock);
  bool ok = set_locked(kind, key, word);
  cgc_unlock(&table.lock);
  return ok ? 0 : -ENOMEM;
}

static void drop_locked(enum cgc_kernel_kind kind, uint64_t key) {
  if (table.n == 0)
    return;
  size_t i = find_locked(kind, key);
  if (table.slot[i].kind != CGC_KERNEL_FREE)
    remove_locked(i);
}

void cgc_kernel_drop(enum cgc_kernel_kind kind, uint64_t key) {
  cgc_lock(&table.lock);
  drop_locked(kind, key);
  cgc_unlock(&table.lock);
}

/* Removing moves others into the slot, so that is looked at again. */
static void drop_instance_locked(int epfd) {
  for (size_t i = 0; i < table.nslots;)
    if (table.slot[i].kind == CGC_KERNEL_EPOLL &&
        epfd_of(table.slot[i].key) == epfd)
      remove_locked(i);
    else
      i++;
}

/* An instance goes from the list with its last word: backwards. */
void cgc_kernel_drop_fd(int fd) {
  cgc_lock(&table.lock);
  if (find_epoll_locked(fd))
    drop_instance_locked(fd);
  for (size_t i = nepolls(); i-- > 0;)
    drop_locked(CGC_KERNEL_EPOLL, cgc_kernel_epoll_key(table.epoll[i].fd, fd));
  cgc_unlock(&table.lock);
}

bool cgc_kernel_has_fds(void) { return nepolls() != 0; }

void cgc_kernel_sent(uintptr_t word) {
  cgc_lock(&table.lock);
  table.sent[table.nsent++ % CGC_KERNEL_SENT] = word;
  cgc_unlock(&table.lock);
}

/* A key that looks like a pointer costs less than a range for each word. */
void cgc_kernel_visit(void (*fn)(uintptr_t lo, uintptr_t hi, void *ctx),
                      void *ctx) {
  if (table.n)
    fn((uintptr_t)table.slot, (uintptr_t)(table.slot + table.nslots), ctx);
  if (table.nsent)
    fn((uintptr_t)table.sent, (uintptr_t)(table.sent + CGC_KERNEL_SENT), ctx);
}

size_t cgc_kernel_count(void) { return table.n; }

void cgc_kernel_check(void) {
  cgc_check(table.n * 4 <= table.nslots * 3); /* I2 */
  size_t n = 0, nepoll = 0;
  for (size_t i = 0; i < table.nslots; i++) {
    const struct cgc_kernel_entry *e = &table.slot[i];
    if (e->kind == CGC_KERNEL_FREE)
      continue;
    n++;
    nepoll += e->kind == CGC_KERNEL_EPOLL;
    cgc_check(find_locked(e->kind, e->key) == i); /* I1 */
  }
  cgc_check(n == table.n);
  uint64_t nwords = 0;
  for (size_t i = 0; i < nepolls(); i++)
    nwords += table.epoll[i].nwords;
  cgc_check(nwords == nepoll); /* I3 */
}
