/* SPDX-License-Identifier: MIT */
/* Place: everything, in a child forked by one thread while others allocate.
 * Arises: locks held by threads that the child doesn't have; the forking
 * thread's stack and TLS are the child's only ones.
 */
#include "chain.h"
#include <sys/wait.h>

enum { NBUSY = 3, NFORKS = 25, NSLOTS = 512 };
static volatile int stop;
static void *volatile global;
static __thread void *volatile tls;

/* Replace random blocks, free most of them, forget some. */
static void *busy(void *arg) {
  uint64_t rnd = 1 + (uintptr_t)arg;
  void *slots[NSLOTS] = {NULL};
  for (unsigned n = 0; !stop; n++) {
    uint64_t r = chain_random(&rnd);
    void **slot = &slots[r % NSLOTS];
    if (n % 16)
      free(*slot);
    size_t size = 16 + (r >> 16) % (n % 64 ? 800 : 60000);
    *slot = malloc(size);
    memset(*slot, CHAIN_GARBAGE_BYTE, size);
  }
  for (int i = 0; i < NSLOTS; i++)
    free(slots[i]);
  return NULL;
}

CHAIN_FN void keep(void) {
  global = chain_make(0);
  tls = chain_make(1);
}

static int child(void *head) {
  chain_garbage_mib(CHAIN_GARBAGE_MIB / 10);
  int lost = chain_check_named(global, 0, "child, global") +
             chain_check_named(tls, 1, "child, TLS") +
             chain_check_named(head, 2, "child, stack");
  for (struct chain_link *l = head, *next; l; l = next) {
    next = l->next;
    free(l);
  }
  return lost;
}

CHAIN_FN int victim(void) {
  void *volatile head = chain_make(2);
  int lost = 0;
  keep();
  for (int i = 0; i < NFORKS && !lost; i++) {
    int status;
    pid_t pid = fork();
    if (pid < 0)
      chain_die("fork");
    if (pid == 0)
      _exit(child(head) != 0);
    chain_garbage_mib(4);
    waitpid(pid, &status, 0);
    lost = status != 0;
    if (lost)
      printf("lost: child %d, status %x\n", i, (unsigned)status);
  }
  return lost + chain_check_named(head, 2, "parent, stack") +
         chain_check_named(tls, 1, "parent, TLS");
}

int main(void) {
  pthread_t t[NBUSY];
  for (int i = 0; i < NBUSY; i++)
    if (pthread_create(&t[i], NULL, busy, (void *)(uintptr_t)i))
      chain_die("pthread_create");
  int lost = chain_in_thread(victim);
  stop = 1;
  for (int i = 0; i < NBUSY; i++)
    pthread_join(t[i], NULL);
  return chain_verdict(lost + chain_check_named(global, 0, "parent, global"));
}
