/* SPDX-License-Identifier: MIT */
/* Every waiting call without a timeout, while another thread makes the
 * collector stop the world often: none returns before what it waits for.
 */
#include "notice.h"
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { SIG_WAITED = 40, SIG_PAUSE = 41 };

static volatile int ending; /* what is waited for may come */
static int end_fd;          /* readable when ending */
static int in_pipe[2], pair[2], lock_fd[2];
static int listener, msg_id, sem_id, futex_word;
static sem_t semaphore;
static struct chain_gate gate = CHAIN_GATE;
static char fifo[64], lock_name[64];
static pid_t child;
static struct chain_gate ready = CHAIN_GATE;

/* Each waits once and returns 0 when it got what it waited for. */

static int by_read(void) {
  char c;
  return read(in_pipe[0], &c, 1) == 1 ? 0 : errno;
}

static int by_recv(void) {
  char c;
  return recv(pair[0], &c, 1, 0) == 1 ? 0 : errno;
}

static int by_accept(void) {
  int fd = accept(listener, NULL, NULL);
  return fd >= 0 ? close(fd) : errno;
}

static int by_poll(void) {
  struct pollfd fd = {end_fd, POLLIN, 0};
  return poll(&fd, 1, -1) == 1 ? 0 : errno;
}

static int by_select(void) {
  fd_set set;
  FD_ZERO(&set);
  FD_SET(end_fd, &set);
  return select(end_fd + 1, &set, NULL, NULL, NULL) == 1 ? 0 : errno;
}

static int by_epoll(void) {
  struct epoll_event e = {.events = EPOLLIN}, got;
  int ep = epoll_create1(0);
  epoll_ctl(ep, EPOLL_CTL_ADD, end_fd, &e);
  int n = epoll_wait(ep, &got, 1, -1), error = errno;
  close(ep);
  return n == 1 ? 0 : error;
}

static int by_sem_wait(void) { return sem_wait(&semaphore) ? errno : 0; }

static int by_futex(void) {
  while (!*(volatile int *)&futex_word)
    if (syscall(SYS_futex, &futex_word, FUTEX_WAIT, 0, NULL, NULL, 0))
      return errno == EAGAIN ? 0 : errno;
  return 0;
}

static int by_epoll_number(void) {
  struct epoll_event e = {.events = EPOLLIN}, got;
  int ep = epoll_create1(0);
  epoll_ctl(ep, EPOLL_CTL_ADD, end_fd, &e);
  long n = syscall(SYS_epoll_wait, ep, &got, 1, -1);
  int error = errno;
  close(ep);
  return n == 1 ? 0 : error;
}

static int by_semop_number(void) {
  struct sembuf take = {0, -1, 0};
  return syscall(SYS_semop, sem_id, &take, 1) ? errno : 0;
}

static int by_msgrcv(void) {
  struct {
    long type;
    char text[8];
  } m;
  return msgrcv(msg_id, &m, sizeof m.text, 0, 0) == 8 ? 0 : errno;
}

static int by_semop(void) {
  struct sembuf take = {0, -1, 0};
  return semop(sem_id, &take, 1) ? errno : 0;
}

static int by_sigwait(void) {
  sigset_t set;
  int sig;
  sigemptyset(&set);
  sigaddset(&set, SIG_WAITED);
  int error = sigwait(&set, &sig);
  return error ? error : sig != SIG_WAITED;
}

static int by_sigwaitinfo(void) {
  sigset_t set;
  siginfo_t info;
  sigemptyset(&set);
  sigaddset(&set, SIG_WAITED + 2);
  return sigwaitinfo(&set, &info) == SIG_WAITED + 2 ? 0 : errno;
}

static void on_signal(int sig) { (void)sig; }

static int by_pause(void) { return pause() == -1 && errno == EINTR ? 0 : 1; }

static int by_sigsuspend(void) {
  sigset_t mask;
  sigemptyset(&mask);
  sigaddset(&mask, SIG_WAITED);
  sigaddset(&mask, SIG_WAITED + 2);
  return sigsuspend(&mask) == -1 && errno == EINTR ? 0 : 1;
}

static int by_waitpid(void) {
  int status;
  return waitpid(child, &status, 0) == child && status == 0 ? 0 : errno;
}

static int by_flock(void) { return flock(lock_fd[1], LOCK_EX) ? errno : 0; }

static int by_fifo(void) {
  int fd = open(fifo, O_RDONLY);
  return fd >= 0 ? close(fd) : errno;
}

static int by_cond_wait(void) {
  chain_gate_await(&gate, 1);
  return 0;
}

struct call {
  const char *name;
  int (*wait)(void);
  int error, early;
  pthread_t thread;
};

static struct call calls[] = {
    {.name = "pause", .wait = by_pause}, /* the first two get a signal */
    {.name = "sigsuspend", .wait = by_sigsuspend},
    {.name = "read", .wait = by_read},
    {.name = "recv", .wait = by_recv},
    {.name = "accept", .wait = by_accept},
    {.name = "poll", .wait = by_poll},
    {.name = "select", .wait = by_select},
    {.name = "epoll_wait", .wait = by_epoll},
    {.name = "sem_wait", .wait = by_sem_wait},
    {.name = "futex", .wait = by_futex},
    {.name = "epoll_wait by number", .wait = by_epoll_number},
    {.name = "semop by number", .wait = by_semop_number},
    {.name = "msgrcv", .wait = by_msgrcv},
    {.name = "semop", .wait = by_semop},
    {.name = "sigwait", .wait = by_sigwait},
    {.name = "sigwaitinfo", .wait = by_sigwaitinfo},
    {.name = "waitpid", .wait = by_waitpid},
    {.name = "flock", .wait = by_flock},
    {.name = "open of a FIFO", .wait = by_fifo},
    {.name = "pthread_cond_wait", .wait = by_cond_wait},
};
enum { NCALLS = sizeof calls / sizeof *calls };

static void *waiter(void *arg) {
  struct call *c = arg;
  chain_gate_add(&ready);
  c->error = c->wait();
  c->early = !ending;
  return NULL;
}

static void prepare(void) {
  sa_family_t family = AF_UNIX;
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIG_WAITED);
  sigaddset(&set, SIG_WAITED + 2);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
  notice_set_handler(SIG_PAUSE, on_signal, 0);
  end_fd = eventfd(0, 0);
  snprintf(fifo, sizeof fifo, "/tmp/victim-fifo-%d", (int)getpid());
  snprintf(lock_name, sizeof lock_name, "/tmp/victim-lock-%d", (int)getpid());
  listener = socket(AF_UNIX, SOCK_STREAM, 0);
  msg_id = msgget(IPC_PRIVATE, 0600);
  sem_id = semget(IPC_PRIVATE, 1, 0600);
  sem_init(&semaphore, 0, 0);
  lock_fd[0] = open(lock_name, O_RDWR | O_CREAT, 0600);
  lock_fd[1] = open(lock_name, O_RDWR);
  if (pipe(in_pipe) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) ||
      bind(listener, (struct sockaddr *)&family, sizeof family) ||
      listen(listener, 4) || msg_id < 0 || sem_id < 0 ||
      flock(lock_fd[0], LOCK_EX) || mkfifo(fifo, 0600))
    chain_die("prepare");
  child = fork();
  if (child == 0) {
    struct pollfd fd = {end_fd, POLLIN, 0};
    poll(&fd, 1, -1);
    _exit(0);
  }
}

static void connect_once(void) {
  struct sockaddr_storage name;
  socklen_t size = sizeof name;
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  getsockname(listener, (struct sockaddr *)&name, &size);
  if (connect(fd, (struct sockaddr *)&name, size))
    chain_die("connect");
}

/* Let everybody have what he waits for. */
static void end_all(void) {
  struct {
    long type;
    char text[8];
  } m = {1, "seven.."};
  uint64_t one = 1;
  struct sembuf give = {0, 2, 0};
  int full = 0;
  ending = 1;
  pthread_kill(calls[0].thread, SIG_PAUSE);
  pthread_kill(calls[1].thread, SIG_PAUSE);
  full += write(in_pipe[1], "x", 1) == 1 && send(pair[1], "x", 1, 0) == 1;
  connect_once();
  full += write(end_fd, &one, sizeof one) == sizeof one;
  sem_post(&semaphore);
  futex_word = 1;
  syscall(SYS_futex, &futex_word, FUTEX_WAKE, 1, NULL, NULL, 0);
  full += !msgsnd(msg_id, &m, sizeof m.text, 0) && !semop(sem_id, &give, 1);
  kill(getpid(), SIG_WAITED);
  kill(getpid(), SIG_WAITED + 2);
  flock(lock_fd[0], LOCK_UN);
  close(open(fifo, O_WRONLY));
  chain_gate_add(&gate);
  if (full != 3)
    chain_die("ending");
}

int main(void) {
  int nwrong = 0;
  prepare();
  for (int i = 0; i < NCALLS; i++)
    calls[i].thread = notice_start(waiter, &calls[i]);
  chain_gate_await(&ready, NCALLS);
  uint64_t end = notice_ns() + notice_duration_ns(1500);
  for (int i = 0; notice_ns() < end; i++)
    if (i < NOTICE_MIB_MAX || getenv("LD_PRELOAD"))
      chain_garbage_mib(1);
  end_all();
  for (int i = 0; i < NCALLS; i++) {
    pthread_join(calls[i].thread, NULL);
    if (calls[i].error || calls[i].early)
      nwrong += printf("noticed: %s returned %s, %s\n", calls[i].name,
                       calls[i].early ? "early" : "in time",
                       strerror(calls[i].error)) > 0;
  }
  msgctl(msg_id, IPC_RMID, NULL);
  semctl(sem_id, 0, IPC_RMID);
  unlink(fifo);
  unlink(lock_name);
  return chain_verdict(nwrong);
}
