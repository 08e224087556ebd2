/* SPDX-License-Identifier: MIT */
/* Every waiting call with a timeout of 100 ms, while another thread makes the
 * collector stop the world often: none fails with EINTR, none ends early, and
 * the median lasts less than 200 ms, as it does while nothing allocates.
 */
#include "notice.h"
#include <linux/futex.h>
#include <mqueue.h>
#include <poll.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>

enum { TIMEOUT_MS = 100, SAMPLES_MAX = 200 };

static int idle_pipe[2];
static const struct timespec span = {0, TIMEOUT_MS * 1000000};

static struct timespec deadline(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  t.tv_nsec += span.tv_nsec;
  if (t.tv_nsec >= 1000000000) {
    t.tv_nsec -= 1000000000;
    t.tv_sec++;
  }
  return t;
}

/* Each waits once and returns 0 after a timeout, else an errno. */

static int by_poll(void) {
  struct pollfd fd = {idle_pipe[0], POLLIN, 0};
  return poll(&fd, 1, TIMEOUT_MS) ? errno : 0;
}

static int by_ppoll(void) {
  struct pollfd fd = {idle_pipe[0], POLLIN, 0};
  return ppoll(&fd, 1, &span, NULL) ? errno : 0;
}

static int by_select(void) {
  struct timeval tv = {0, TIMEOUT_MS * 1000};
  fd_set set;
  FD_ZERO(&set);
  FD_SET(idle_pipe[0], &set);
  return select(idle_pipe[0] + 1, &set, NULL, NULL, &tv) ? errno : 0;
}

static int by_pselect(void) {
  fd_set set;
  sigset_t mask;
  FD_ZERO(&set);
  FD_SET(idle_pipe[0], &set);
  sigfillset(&mask);
  return pselect(idle_pipe[0] + 1, &set, NULL, NULL, &span, &mask) ? errno : 0;
}

static int by_epoll_wait(void) {
  struct epoll_event e;
  int ep = epoll_create1(0);
  int n = epoll_wait(ep, &e, 1, TIMEOUT_MS), error = errno;
  close(ep);
  return n ? error : 0;
}

static int by_epoll_pwait(void) {
  struct epoll_event e;
  sigset_t mask;
  sigfillset(&mask);
  int ep = epoll_create1(0);
  int n = epoll_pwait(ep, &e, 1, TIMEOUT_MS, &mask), error = errno;
  close(ep);
  return n ? error : 0;
}

static int by_nanosleep(void) { return nanosleep(&span, NULL) ? errno : 0; }

static int by_clock_nanosleep(void) {
  struct timespec left;
  return clock_nanosleep(CLOCK_MONOTONIC, 0, &span, &left);
}

static int by_absolute_nanosleep(void) {
  struct timespec t = deadline(CLOCK_REALTIME);
  return clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &t, NULL);
}

static int by_usleep(void) { return usleep(TIMEOUT_MS * 1000) ? errno : 0; }

static int by_sem_timedwait(void) {
  struct timespec t = deadline(CLOCK_REALTIME);
  sem_t sem;
  sem_init(&sem, 0, 0);
  return sem_timedwait(&sem, &t) && errno == ETIMEDOUT ? 0 : errno;
}

static int by_sem_clockwait(void) {
  struct timespec t = deadline(CLOCK_MONOTONIC);
  sem_t sem;
  sem_init(&sem, 0, 0);
  return sem_clockwait(&sem, CLOCK_MONOTONIC, &t) && errno == ETIMEDOUT ? 0
                                                                        : errno;
}

static int by_cond_timedwait(void) {
  pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
  struct timespec t = deadline(CLOCK_REALTIME);
  pthread_mutex_lock(&lock);
  int error = pthread_cond_timedwait(&cond, &lock, &t);
  pthread_mutex_unlock(&lock);
  return error == ETIMEDOUT ? 0 : error;
}

static int by_mutex_timedlock(void) {
  pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  struct timespec t = deadline(CLOCK_REALTIME);
  pthread_mutex_lock(&lock);
  int error = pthread_mutex_timedlock(&lock, &t);
  pthread_mutex_unlock(&lock);
  return error == ETIMEDOUT ? 0 : error;
}

static int by_sigtimedwait(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGRTMAX);
  return sigtimedwait(&set, NULL, &span) < 0 && errno == EAGAIN ? 0 : errno;
}

static int by_recv(void) {
  struct timeval tv = {0, TIMEOUT_MS * 1000};
  int pair[2];
  char c;
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
    return errno;
  setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
  ssize_t n = recv(pair[0], &c, 1, 0);
  int error = errno;
  close(pair[0]);
  close(pair[1]);
  return n < 0 && error == EAGAIN ? 0 : error;
}

static int by_accept(void) {
  struct timeval tv = {0, TIMEOUT_MS * 1000};
  int s = socket(AF_UNIX, SOCK_STREAM, 0);
  sa_family_t family = AF_UNIX;
  if (bind(s, (struct sockaddr *)&family, sizeof family) || listen(s, 1))
    return errno;
  setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
  int fd = accept(s, NULL, NULL), error = errno;
  close(s);
  return fd < 0 && error == EAGAIN ? 0 : error;
}

static int by_futex(void) {
  int word = 0;
  return syscall(SYS_futex, &word, FUTEX_WAIT, 0, &span, NULL, 0) &&
                 errno == ETIMEDOUT
             ? 0
             : errno;
}

static int by_poll_number(void) {
  return syscall(SYS_poll, NULL, 0, TIMEOUT_MS) ? errno : 0;
}

static int by_nanosleep_number(void) {
  return syscall(SYS_nanosleep, &span, NULL) ? errno : 0;
}

static int by_select_number(void) {
  struct timeval tv = {0, TIMEOUT_MS * 1000};
  return syscall(SYS_select, 0, NULL, NULL, NULL, &tv) ? errno : 0;
}

static int by_semtimedop(void) {
  struct sembuf take = {0, -1, 0};
  int id = semget(IPC_PRIVATE, 1, 0600);
  int failed = semtimedop(id, &take, 1, &span), error = errno;
  semctl(id, 0, IPC_RMID);
  return failed && error == EAGAIN ? 0 : error;
}

static int by_mq_timedreceive(void) {
  char name[40], room[8192];
  snprintf(name, sizeof name, "/victim-eintr-%d", (int)gettid());
  mqd_t q = mq_open(name, O_RDWR | O_CREAT, 0600, NULL);
  if (q == (mqd_t)-1)
    return nanosleep(&span, NULL);
  mq_unlink(name);
  struct timespec t = deadline(CLOCK_REALTIME);
  ssize_t n = mq_timedreceive(q, room, sizeof room, NULL, &t);
  int error = errno;
  mq_close(q);
  return n < 0 && error == ETIMEDOUT ? 0 : error;
}

static int by_timerfd(void) {
  struct itimerspec once = {.it_value = span};
  uint64_t n;
  int fd = timerfd_create(CLOCK_MONOTONIC, 0);
  timerfd_settime(fd, 0, &once, NULL);
  ssize_t got = read(fd, &n, sizeof n);
  int error = errno;
  close(fd);
  return got == sizeof n ? 0 : error;
}

struct call {
  const char *name;
  int (*wait)(void);
  unsigned n;
  int error;
  uint64_t ns[SAMPLES_MAX];
};

static struct call calls[] = {
    {.name = "poll", .wait = by_poll},
    {.name = "ppoll", .wait = by_ppoll},
    {.name = "select", .wait = by_select},
    {.name = "pselect", .wait = by_pselect},
    {.name = "epoll_wait", .wait = by_epoll_wait},
    {.name = "epoll_pwait", .wait = by_epoll_pwait},
    {.name = "nanosleep", .wait = by_nanosleep},
    {.name = "clock_nanosleep", .wait = by_clock_nanosleep},
    {.name = "clock_nanosleep, absolute", .wait = by_absolute_nanosleep},
    {.name = "usleep", .wait = by_usleep},
    {.name = "sem_timedwait", .wait = by_sem_timedwait},
    {.name = "sem_clockwait", .wait = by_sem_clockwait},
    {.name = "pthread_cond_timedwait", .wait = by_cond_timedwait},
    {.name = "pthread_mutex_timedlock", .wait = by_mutex_timedlock},
    {.name = "sigtimedwait", .wait = by_sigtimedwait},
    {.name = "recv with SO_RCVTIMEO", .wait = by_recv},
    {.name = "accept with SO_RCVTIMEO", .wait = by_accept},
    {.name = "futex", .wait = by_futex},
    {.name = "poll by number", .wait = by_poll_number},
    {.name = "nanosleep by number", .wait = by_nanosleep_number},
    {.name = "select by number", .wait = by_select_number},
    {.name = "semtimedop", .wait = by_semtimedop},
    {.name = "mq_timedreceive", .wait = by_mq_timedreceive},
    {.name = "read of a timerfd", .wait = by_timerfd},
};
enum { NCALLS = sizeof calls / sizeof *calls };

static volatile int stop_waiting;

static void *waiter(void *arg) {
  struct call *c = arg;
  while (!stop_waiting && !c->error && c->n < SAMPLES_MAX) {
    uint64_t start = notice_ns();
    c->error = c->wait();
    c->ns[c->n++] = notice_ns() - start;
  }
  return NULL;
}

static int by_value(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

static int judge(struct call *c, const char *phase) {
  qsort(c->ns, c->n, sizeof *c->ns, by_value);
  double least = (double)c->ns[0] / 1e6, median = (double)c->ns[c->n / 2] / 1e6;
  if (getenv("VICTIM_VERBOSE"))
    printf("# %s, %s: %u times, %.1f to %.1f ms, median %.1f\n", phase, c->name,
           c->n, least, (double)c->ns[c->n - 1] / 1e6, median);
  if (!c->error && least >= TIMEOUT_MS - 2 && median < 2 * TIMEOUT_MS)
    return 0;
  printf("noticed: %s, %s: %s, least %.1f ms, median %.1f ms\n", phase, c->name,
         c->error ? strerror(c->error) : "no error", least, median);
  return 1;
}

static int phase(const char *name, uint64_t duration_ns) {
  pthread_t t[NCALLS];
  struct timespec pause = {(time_t)(duration_ns / 1000000000),
                           (long)(duration_ns % 1000000000)};
  int nwrong = 0;
  stop_waiting = 0;
  for (int i = 0; i < NCALLS; i++) {
    calls[i].n = 0;
    calls[i].error = 0;
    t[i] = notice_start(waiter, &calls[i]);
  }
  clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
  stop_waiting = 1;
  for (int i = 0; i < NCALLS; i++) {
    pthread_join(t[i], NULL);
    nwrong += judge(&calls[i], name);
  }
  return nwrong;
}

int main(void) {
  if (pipe(idle_pipe))
    chain_die("pipe");
  int nwrong = phase("quiet", 300000000);
  pthread_t t = notice_start(notice_garbage_main, NULL);
  nwrong += phase("collecting", notice_duration_ns(2000));
  notice_stop = 1;
  pthread_join(t, NULL);
  return chain_verdict(nwrong);
}
