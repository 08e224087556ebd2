/* SPDX-License-Identifier: MIT */
/* The storm: NTHREADS threads allocate, check, free and forget, while others
 * fork (the child allocates and verifies), load and unload modules, create
 * threads and wait in poll.  Nothing may hang, get lost or see EINTR.
 *
 * storm [SECONDS [NTHREADS [OTHERS]]], 5, 64 and 1234 if not given; of OTHERS,
 * 1 forks, 2 loads modules, 3 creates threads, 4 polls.
 */
#include "roots/module.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

enum { NOTHERS = 8, NSLOTS = 200, THREADS_MAX = 256, HANG_SECONDS = 20 };

struct block {
  struct block *next;
  uint64_t seed;
  size_t size; /* of bytes */
  unsigned char bytes[];
};

static volatile int stop;
static volatile int nlost, nintr;
static int nthreads = 64;
static const char *others = "1234";

/* How far each worker came, for the watchdog. */
static volatile struct {
  const char *doing;
  pid_t tid;
  unsigned nsteps;
  int ended;
} progress[THREADS_MAX + NOTHERS];

static struct block *block_make(uint64_t seed, struct block *next) {
  size_t size = 8 + chain_mix(seed) % (seed % 64 ? 600 : 40000);
  struct block *b = malloc(sizeof *b + size);
  if (!b)
    chain_die("malloc");
  b->next = next;
  b->seed = seed;
  b->size = size;
  memset(b->bytes, (int)(seed % 251), size);
  return b;
}

static int block_is_whole(const struct block *b) {
  for (size_t i = 0; i < b->size; i++)
    if (b->bytes[i] != b->seed % 251)
      return 0;
  return b->size == 8 + chain_mix(b->seed) % (b->seed % 64 ? 600 : 40000);
}

static void lose(const char *what) {
  if (!__atomic_fetch_add(&nlost, 1, __ATOMIC_RELAXED))
    printf("lost: %s\n", what);
}

static int list_check(const struct block *b, const char *what) {
  for (; b; b = b->next)
    if (!block_is_whole(b))
      return lose(what), 1;
  return 0;
}

/* Put a fresh list of one to eight blocks into a random slot; its old list is
 * checked, and freed or forgotten.
 */
static void mutate(struct block **slots, uint64_t *rnd, int forget) {
  uint64_t r = chain_random(rnd);
  struct block **slot = &slots[r % NSLOTS], *next;
  if (list_check(*slot, "block of a worker"))
    return;
  if (!forget || (r >> 20) % 4)
    for (struct block *b = *slot; b; b = next) {
      next = b->next;
      free(b);
    }
  *slot = NULL;
  for (unsigned i = 0; i <= (r >> 24) % 8; i++)
    *slot = block_make(chain_random(rnd), *slot);
}

/* Without a collector what is forgotten stays, so it is little then. */
static int may_forget(unsigned nsteps) {
  return getenv("LD_PRELOAD") ? nsteps % 2 : nsteps % 64 == 0;
}

static void *worker(void *arg) {
  unsigned self = (unsigned)(uintptr_t)arg;
  struct block *slots[NSLOTS] = {NULL};
  uint64_t rnd = 0x1234567 + self * 7919u;
  progress[self].tid = gettid();
  progress[self].doing = "allocating";
  while (!stop && !nlost) {
    mutate(slots, &rnd, may_forget(progress[self].nsteps));
    progress[self].nsteps++;
  }
  for (int i = 0; i < NSLOTS; i++)
    list_check(slots[i], "block of a worker, at the end");
  progress[self].ended = 1;
  return NULL;
}

static int child(struct block **slots, uint64_t rnd) {
  for (size_t i = 0, n = chain_part_of(3000); i < n; i++)
    mutate(slots, &rnd, 1);
  for (int i = 0; i < NSLOTS; i++)
    list_check(slots[i], "block in a child");
  return nlost != 0;
}

static void fork_once(struct block **slots, uint64_t *rnd) {
  int status = 0;
  mutate(slots, rnd, 1);
  pid_t pid = fork();
  if (pid == 0) {
    alarm(2 * HANG_SECONDS);
    _exit(child(slots, *rnd));
  }
  while (pid > 0 && waitpid(pid, &status, 0) < 0)
    if (errno == EINTR)
      nintr++;
  if (pid < 0 || status) {
    printf("lost: fork %d, status %x\n", (int)pid, (unsigned)status);
    lose("child");
  }
}

static void load_once(struct block **slots, uint64_t *rnd) {
  void *handle = module_open("mod_tls");
  void **(*address)(void);
  *(void **)&address = module_symbol(handle, "mod_tls_address");
  *address() = block_make(chain_random(rnd), NULL);
  for (int i = 0; i < 10; i++)
    mutate(slots, rnd, 1);
  list_check(*address(), "block in dynamic TLS");
  dlclose(handle);
}

static void *short_lived(void *arg) {
  struct block *b = arg;
  list_check(b, "argument of a thread");
  return block_make(b->seed + 1, b);
}

static void create_once(struct block **slots, uint64_t *rnd) {
  pthread_t t[4];
  for (int i = 0; i < 4; i++)
    if (pthread_create(&t[i], NULL, short_lived,
                       block_make(chain_random(rnd), NULL)))
      chain_die("pthread_create");
  mutate(slots, rnd, 1);
  for (int i = 0; i < 4; i++) {
    void *b;
    pthread_join(t[i], &b);
    list_check(b, "value of a thread");
  }
}

static void poll_once(struct block **slots, uint64_t *rnd) {
  if (poll(NULL, 0, 20) < 0 && errno == EINTR)
    nintr++;
  mutate(slots, rnd, 1);
}

static void (*const things[4])(struct block **, uint64_t *) = {
    fork_once, load_once, create_once, poll_once};
static const char *const thing_names[4] = {"forking", "loading modules",
                                           "creating threads", "polling"};

static void *other(void *arg) {
  unsigned self = (unsigned)(uintptr_t)arg;
  unsigned which = (unsigned)others[self % strlen(others)] - '1';
  struct block *slots[NSLOTS] = {NULL};
  uint64_t rnd = 0x7654321 + self * 104729u;
  progress[self].tid = gettid();
  progress[self].doing = thing_names[which];
  while (!stop && !nlost) {
    things[which](slots, &rnd);
    progress[self].nsteps++;
  }
  progress[self].ended = 1;
  return NULL;
}

static void say(const char *text) {
  if (write(2, text, strlen(text)) < 0)
    _exit(2);
}

/* Only write() and the like here: malloc may be what hangs. */
static int diagnose(const unsigned *before) {
  char line[160];
  int nstuck = 0;
  for (int i = 0; i < nthreads + NOTHERS; i++)
    if (!progress[i].ended && progress[i].nsteps == before[i] && ++nstuck) {
      snprintf(line, sizeof line,
               "hang: thread %d, tid %d, %s, %u steps done\n", i,
               (int)progress[i].tid,
               progress[i].doing ? progress[i].doing : "not started",
               progress[i].nsteps);
      say(line);
    }
  return nstuck;
}

/* A process of its own would be safer, but could not see who hangs. */
static void *watchdog(void *unused) {
  static unsigned before[THREADS_MAX + NOTHERS];
  struct timespec span = {HANG_SECONDS, 0};
  (void)unused;
  for (;;) {
    for (int i = 0; i < nthreads + NOTHERS; i++)
      before[i] = progress[i].nsteps;
    while (clock_nanosleep(CLOCK_MONOTONIC, 0, &span, &span) == EINTR)
      nintr++;
    span.tv_sec = HANG_SECONDS;
    if (diagnose(before)) {
      say("hang: the end; VICTIM_WAIT=1 waits for gdb\n");
      if (getenv("VICTIM_WAIT"))
        pause();
      _exit(3);
    }
  }
  return NULL;
}

int main(int argc, char **argv) {
  static pthread_t t[THREADS_MAX + NOTHERS];
  int seconds = argc > 1 ? atoi(argv[1]) : 5;
  unsigned total = 0;
  pthread_t dog;
  struct timespec span = {seconds, 0};
  if (argc > 2)
    nthreads = atoi(argv[2]);
  if (argc > 3 && argv[3][strspn(argv[3], "1234")] == 0 && argv[3][0])
    others = argv[3];
  if (nthreads < 0 || nthreads > THREADS_MAX)
    nthreads = THREADS_MAX;
  alarm((unsigned)(seconds + 4 * HANG_SECONDS)); /* if the watchdog hangs too */
  pthread_create(&dog, NULL, watchdog, NULL);
  for (int i = 0; i < nthreads + NOTHERS; i++)
    if (pthread_create(&t[i], NULL, i < nthreads ? worker : other,
                       (void *)(uintptr_t)i))
      chain_die("pthread_create");
  while (clock_nanosleep(CLOCK_MONOTONIC, 0, &span, &span) == EINTR)
    nintr++;
  stop = 1;
  for (int i = 0; i < nthreads + NOTHERS; i++) {
    pthread_join(t[i], NULL);
    total += progress[i].nsteps;
  }
  if (nintr)
    printf("noticed: %d calls failed with EINTR\n", nintr);
  printf("# %u steps, each of the others:", total);
  for (int i = nthreads; i < nthreads + NOTHERS; i++)
    printf(" %u", progress[i].nsteps);
  puts("");
  return chain_verdict(nlost + nintr);
}
