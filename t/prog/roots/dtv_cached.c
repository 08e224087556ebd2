/* SPDX-License-Identifier: MIT */
/* Place: the DTVs of ended threads whose stacks glibc keeps for reuse.
 * Arises: thread pools that shrink and grow.  pd->dtv of a cached stack still
 * points to the loader's calloc'ed memory and the next pthread_create uses it:
 * reclaimed, it crashes in a memset of the loader.
 */
#include "module.h"

enum { NTHREADS = 40, NROUNDS = 3 };

static void **(*address)(void);
static struct chain_gate ready = CHAIN_GATE, go = CHAIN_GATE;
static int nlost;

CHAIN_FN void keep(unsigned id) { *address() = chain_make(id); }

static void *thread(void *arg) {
  unsigned id = (unsigned)(uintptr_t)arg;
  int round = (int)id / NTHREADS;
  keep(id);
  chain_scrub();
  chain_gate_add(&ready);
  chain_gate_await(&go, round + 1);
  if (chain_check_named(*address(), id, "dynamic TLS of a thread"))
    __atomic_fetch_add(&nlost, 1, __ATOMIC_RELAXED);
  return NULL;
}

int main(void) {
  void *handle = module_open("mod_tls");
  *(void **)&address = module_symbol(handle, "mod_tls_address");
  for (int round = 0; round < NROUNDS; round++) {
    pthread_t t[NTHREADS];
    for (int i = 0; i < NTHREADS; i++)
      if (pthread_create(&t[i], NULL, thread,
                         (void *)(uintptr_t)(round * NTHREADS + i)))
        chain_die("pthread_create");
    chain_gate_await(&ready, (round + 1) * NTHREADS);
    chain_garbage_mib(CHAIN_GARBAGE_MIB / 4);
    chain_gate_add(&go);
    for (int i = 0; i < NTHREADS; i++)
      pthread_join(t[i], NULL);
    chain_garbage_mib(CHAIN_GARBAGE_MIB / 4);
  }
  return chain_verdict(nlost);
}
